"""Resource policies: advanced parameters are shared with other accounts.

https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-shared-parameters.html
"""

import hashlib

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.services.ssm.errors import (
    MalformedResourcePolicyDocument,
    ParameterNotFound,
    ResourceNotFound,
    ResourcePolicyConflict,
    ResourcePolicyInvalidParameter,
    ResourcePolicyLimitExceeded,
    ResourcePolicyNotFound,
)
from fogbank.services.ssm.names import levels
from fogbank.services.ssm.records import Parameter, Place
from fogbank.services.ssm.secure_strings import ADVANCED
from fogbank.services.ssm.tagging import Tagging


class ResourcePolicies(Tagging):
    """The operations on resource policies, of `SsmService`; those of other resources than parameters are not there."""

    def delete_resource_policy(self, ctx: Context, *, ResourceArn: str, PolicyId: str, PolicyHash: str) -> Answer:
        place, parameter = self._sharable(ctx, ResourceArn)
        _check(parameter, PolicyId, PolicyHash)
        parameter.sharing = parameter.sharing_id = ""
        self._tables.parameters.put(place, parameter)
        return {}

    def get_resource_policies(
        self, ctx: Context, *, ResourceArn: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> Answer:
        """A parameter has one policy, so that there is never a second page."""
        _, parameter = self._sharable(ctx, ResourceArn)
        if NextToken is not None:
            raise ResourcePolicyInvalidParameter("The specified token isn't valid.")
        policy = {
            "PolicyId": parameter.sharing_id,
            "PolicyHash": _hash(parameter.sharing),
            "Policy": named_principals.shown(ctx, parameter.sharing),
        }
        return {"Policies": [policy][:MaxResults] if parameter.sharing else []}

    def put_resource_policy(
        self,
        ctx: Context,
        *,
        ResourceArn: str,
        Policy: str,
        PolicyId: str | None = None,
        PolicyHash: str | None = None,
    ) -> Answer:
        place, parameter = self._sharable(ctx, ResourceArn)
        kept = named_principals.checked(ctx, Policy, lambda fault: MalformedResourcePolicyDocument())
        if parameter.tier != ADVANCED:  # AWS's sentence is not recorded.
            raise ResourcePolicyInvalidParameter("Only parameters of the advanced-parameter tier can be shared.")
        if PolicyId is not None:
            _check(parameter, PolicyId, PolicyHash)
        elif parameter.sharing:
            raise ResourcePolicyLimitExceeded()
        parameter.sharing = kept
        parameter.sharing_id = PolicyId or new_id()
        self._tables.parameters.put(place, parameter)
        return {"PolicyId": parameter.sharing_id, "PolicyHash": _hash(kept)}

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        parameter = self._parameter_at(ctx, arn)
        return parameter.sharing or None if parameter is not None else None

    def resource_tags(self, ctx: Context, arn: str) -> dict[str, str]:
        parameter = self._parameter_at(ctx, arn)
        return parameter.tags if parameter is not None else {}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _parameter_at(self, ctx: Context, arn: str) -> Parameter | None:
        name = arn.partition(":parameter")[2]
        name = name if levels(name) > 1 else name.removeprefix("/")
        return self._tables.parameters.get(self._place(ctx.account, ctx.region, name))

    def _sharable(self, ctx: Context, arn: str) -> tuple[Place, Parameter]:
        if ":parameter/" not in arn:  # AWS's sentence is not recorded.
            raise ResourcePolicyInvalidParameter("Fogbank has resource policies of parameters only.")
        try:
            return self._find(ctx, arn)
        except ParameterNotFound:
            raise ResourceNotFound() from None


def _check(parameter: Parameter, policy_id: str, policy_hash: str | None) -> None:
    if policy_id != parameter.sharing_id:
        raise ResourcePolicyNotFound()
    if policy_hash != _hash(parameter.sharing):
        raise ResourcePolicyConflict()


def _hash(policy: str) -> str:
    return hashlib.sha256(policy.encode()).hexdigest()
