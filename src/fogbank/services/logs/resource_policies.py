"""Resource policies: which AWS services may write to the account's log groups. Kept and shown, not enforced.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.json_text import parse
from fogbank.core.policy_grammar import MalformedPolicy, check_resource_policy, principals_of
from fogbank.core.policy_patterns import listed
from fogbank.core.service import Answer
from fogbank.services.logs.errors import InvalidParameter, LimitExceeded, ResourceNotFound
from fogbank.services.logs.groups import Groups
from fogbank.services.logs.pages import page
from fogbank.services.logs.records import ResourcePolicy

POLICIES_MAX = 10  # of an account in a region


class ResourcePolicies(Groups):
    """The operations on resource policies of `LogsService`."""

    def delete_resource_policy(self, ctx: Context, *, policyName: str) -> Answer:
        if not self._tables.policies.delete((ctx.account, ctx.region, policyName)):
            raise ResourceNotFound(f"Policy with name [{policyName}] does not exist.")
        return None

    def describe_resource_policies(
        self, ctx: Context, *, nextToken: str | None = None, limit: int = 50, policyScope: str = "ACCOUNT"
    ) -> Answer:
        found = self._tables.policies.scan((ctx.account, ctx.region)) if policyScope == "ACCOUNT" else ()
        return page("resourcePolicies", [_row(policy) for _, policy in found], nextToken, limit)

    def put_resource_policy(self, ctx: Context, *, policyName: str, policyDocument: str) -> Answer:
        place = (ctx.account, ctx.region)
        _check(policyDocument)
        known = self._tables.policies.get((*place, policyName))
        if known is None and self._tables.policies.count(place) >= POLICIES_MAX:
            raise LimitExceeded()
        policy = ResourcePolicy(policyName, policyDocument, ctx.now_ms)
        self._tables.policies.put((*place, policyName), policy)
        return {"resourcePolicy": _row(policy)}


def _check(document: str) -> None:
    """Users and roles cannot be named: for AWS accounts there are their ids, and all else is services."""
    try:
        check_resource_policy(document)
    except MalformedPolicy:
        raise InvalidParameter("Could not convert to persistable policy.") from None
    for statement in listed(parse(document)["Statement"]):
        if any(kind == "AWS" and name.startswith("arn:") for kind, name in principals_of(statement)):
            raise InvalidParameter("Principal section of policy contains ARN instead of account ID")


def _row(policy: ResourcePolicy) -> dict[str, Any]:
    return {
        "policyName": policy.name,
        "policyDocument": policy.document,
        "lastUpdatedTime": policy.updated_ms,
        "policyScope": "ACCOUNT",
    }
