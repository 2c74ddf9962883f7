"""Account policies: a subscription or a transformer for all groups of an account, but those that it leaves out.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.json_text import parse
from fogbank.core.service import Answer
from fogbank.services.logs.errors import InvalidParameter, LimitExceeded, ResourceNotFound
from fogbank.services.logs.filter_pattern import compile_filter
from fogbank.services.logs.pages import page
from fogbank.services.logs.permissions import ANY_GROUP
from fogbank.services.logs.policy_selection import SUBSCRIPTION, TRANSFORMER, selection
from fogbank.services.logs.records import AccountPolicy
from fogbank.services.logs.subscriptions import Subscriptions
from fogbank.services.logs.transformation import compile_transformer

POLICIES_MAX = {SUBSCRIPTION: 1, TRANSFORMER: 20}  # of an account in a region
_SELECTED_BY = {SUBSCRIPTION: "LogGroupName", TRANSFORMER: "LogGroupNamePrefix"}
PAGE = 50


class AccountPolicies(Subscriptions):
    """The operations on account policies of `LogsService`."""

    def delete_account_policy(self, ctx: Context, *, policyName: str, policyType: str) -> Answer:
        if not self._tables.account_policies.delete((ctx.account, ctx.region, policyType, policyName)):
            raise ResourceNotFound("The specified account policy does not exist.")
        return None

    def describe_account_policies(
        self,
        ctx: Context,
        *,
        policyType: str,
        policyName: str | None = None,
        accountIdentifiers: list[str] | None = None,
        nextToken: str | None = None,
    ) -> Answer:
        if accountIdentifiers not in (None, [ctx.account]):
            raise NotImplementedInFogbank("Fogbank's DescribeAccountPolicies shows the caller's own account only.")
        rows = [
            _row(ctx, policy)
            for _, policy in self._tables.account_policies.scan((ctx.account, ctx.region, policyType))
            if policyName in (None, policy.name)
        ]
        return page("accountPolicies", rows, nextToken, PAGE)

    def put_account_policy(
        self,
        ctx: Context,
        *,
        policyName: str,
        policyDocument: str,
        policyType: str,
        scope: str = "ALL",
        selectionCriteria: str = "",
    ) -> Answer:
        if policyType not in POLICIES_MAX:
            raise NotImplementedInFogbank(f"Fogbank's account policies do not include {policyType} yet.")
        place = (ctx.account, ctx.region, policyType)
        known = self._tables.account_policies.get((*place, policyName))
        if known is None and self._tables.account_policies.count(place) >= POLICIES_MAX[policyType]:
            raise LimitExceeded()
        selection(selectionCriteria)
        if selectionCriteria and _SELECTED_BY[policyType] not in selectionCriteria.split():
            raise InvalidParameter(f"The selection criteria of {policyType} can only name {_SELECTED_BY[policyType]}.")
        self._check_policy_document(ctx, policyType, policyDocument)
        policy = AccountPolicy(policyName, policyType, policyDocument, scope, selectionCriteria, ctx.now_ms)
        self._tables.account_policies.put((*place, policyName), policy)
        self._tables.quiet.clear()
        return {"accountPolicy": _row(ctx, policy)}

    def _check_policy_document(self, ctx: Context, kind: str, text: str) -> None:
        document = parse(text)
        if kind == TRANSFORMER:
            if not isinstance(document, list) or not document or not all(isinstance(each, dict) for each in document):
                raise InvalidParameter("The policy document of a transformer must be a list of processors.")
            compile_transformer(document)
            return
        if not isinstance(document, dict) or not isinstance(document.get("DestinationArn"), str):
            raise InvalidParameter("The policy document must have a DestinationArn.")
        compile_filter(document.get("FilterPattern", ""))
        self._check_target(
            ctx,
            document["DestinationArn"],
            role_arn=document.get("RoleArn"),
            distribution=document.get("Distribution"),
            group=ANY_GROUP,
        )


def _row(ctx: Context, policy: AccountPolicy) -> dict[str, Any]:
    return {
        "policyName": policy.name,
        "policyDocument": policy.document,
        "lastUpdatedTime": policy.updated_ms,
        "policyType": policy.kind,
        "scope": policy.scope,
        "accountId": ctx.account,
        **({"selectionCriteria": policy.selection} if policy.selection else {}),
    }
