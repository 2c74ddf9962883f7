"""The resource policy of a catalog, which goes for all that is in it."""

import hashlib
from typing import Any

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer
from fogbank.services.glue.base import GlueBase
from fogbank.services.glue.errors import ConditionCheckFailure, EntityNotFound, InvalidInput
from fogbank.services.glue.records import Policy


class Policies(GlueBase):
    """The operations on the catalog's resource policy, of `GlueService`."""

    def delete_resource_policy(self, ctx: Context, *, PolicyHashCondition: str | None = None) -> Answer:
        policy = self._policy(ctx)
        _check_hash(policy, PolicyHashCondition)
        self._tables.policies.delete((ctx.account, ctx.region))
        return {}

    def get_resource_policies(
        self, ctx: Context, *, NextToken: str | None = None, MaxResults: int | None = None
    ) -> Answer:
        """There is at most one: nothing is shared through Resource Access Manager."""
        rows, token = page_of_table(self._tables.policies, (ctx.account, ctx.region), NextToken, MaxResults)
        return {"GetResourcePoliciesResponseList": [_answer(ctx, policy) for _, policy in rows], **token}

    def get_resource_policy(self, ctx: Context) -> Answer:
        return _answer(ctx, self._policy(ctx))

    def put_resource_policy(
        self,
        ctx: Context,
        *,
        PolicyInJson: str,
        PolicyHashCondition: str | None = None,
        PolicyExistsCondition: str = "NONE",
    ) -> Answer:
        there = self._tables.policies.get((ctx.account, ctx.region))
        # AWS's sentences for these are not recorded.
        if PolicyExistsCondition == "MUST_EXIST" and there is None:
            raise ConditionCheckFailure("Policy not found")
        if PolicyExistsCondition == "NOT_EXIST" and there is not None:
            raise ConditionCheckFailure("Policy already exists")
        if PolicyHashCondition is not None:
            _check_hash(there, PolicyHashCondition)
        kept = named_principals.checked(ctx, PolicyInJson, lambda fault: InvalidInput(str(fault)))
        digest = hashlib.sha256(PolicyInJson.encode()).hexdigest()
        created_ms = there.created_ms if there is not None else ctx.now_ms
        self._tables.policies.put((ctx.account, ctx.region), Policy(kept, digest, created_ms, ctx.now_ms))
        return {"PolicyHash": digest}

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        policy = self._tables.policies.peek((ctx.account, ctx.region))
        return policy.text if policy is not None else None

    def _policy(self, ctx: Context) -> Policy:
        policy = self._tables.policies.get((ctx.account, ctx.region))
        if policy is None:
            raise EntityNotFound("Policy not found")
        return policy


def _check_hash(policy: Policy | None, wanted: str | None) -> None:
    if wanted is not None and (policy is None or policy.hash != wanted):
        raise ConditionCheckFailure("The policy is not the one that has the given hash.")


def _answer(ctx: Context, policy: Policy) -> dict[str, Any]:
    return {
        "PolicyInJson": named_principals.shown(ctx, policy.text),
        "PolicyHash": policy.hash,
        "CreateTime": policy.created_ms / 1000,
        "UpdateTime": policy.updated_ms / 1000,
    }
