"""Resource policies: which AWS services may write to the account's log groups. Kept and shown, not enforced.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
"""

import json
from typing import Any

from fogbank.core.context import Context
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
        try:
            document = json.loads(policyDocument)
        except ValueError:
            document = None
        if not isinstance(document, dict) or not document.get("Statement"):
            raise InvalidParameter("Policy document is not a valid JSON document or has no statement.")
        known = self._tables.policies.get((*place, policyName))
        if known is None and self._tables.policies.count(place) >= POLICIES_MAX:
            raise LimitExceeded()
        policy = ResourcePolicy(policyName, policyDocument, ctx.now_ms)
        self._tables.policies.put((*place, policyName), policy)
        return {"resourcePolicy": _row(policy)}


def _row(policy: ResourcePolicy) -> dict[str, Any]:
    return {
        "policyName": policy.name,
        "policyDocument": policy.document,
        "lastUpdatedTime": policy.updated_ms,
        "policyScope": "ACCOUNT",
    }
