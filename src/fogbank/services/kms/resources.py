"""CloudFormation: AWS::KMS::Key, AWS::KMS::Alias and AWS::KMS::ReplicaKey.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_KMS.html
"""

import json
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.services.kms.errors import InvalidState, NotFound, Validation
from fogbank.services.kms.key_policies import POLICY_NAME, default_policy

_UNCHANGING = ("KeySpec", "KeyUsage", "MultiRegion", "Origin")


class _KeyResource(ResourceType):
    """What keys and replicas have in common. Ref is the key's id; a key that is deleted waits for its end."""

    taggable = True

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await ctx.run(self._configure, ctx, request.physical_id, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        window = request.properties.get("PendingWindowInDays")
        given = {} if window is None else {"PendingWindowInDays": int(window)}
        try:
            await ctx.call(ctx.cloud.kms.schedule_key_deletion, KeyId=request.physical_id, **given)
        except (NotFound, InvalidState):  # It is gone, or on its way.
            return

    def _configure(self, ctx: Context, key_id: str, request: ResourceRequest) -> ResourceState:
        """Let the key be as the properties say; its policy comes last, as it may forbid the rest."""
        kms, given = ctx.cloud.kms, request.properties
        kms.update_key_description(ctx, KeyId=key_id, Description=given.get("Description", ""))
        self._switch(ctx, key_id, request)
        tags = request.tags()
        gone = [tag["TagKey"] for tag in kms.list_resource_tags(ctx, KeyId=key_id)["Tags"] if tag["TagKey"] not in tags]
        kms.untag_resource(ctx, KeyId=key_id, TagKeys=gone)
        kms.tag_resource(ctx, KeyId=key_id, Tags=_tag_list(tags))
        if given.get("KeyPolicy") != request.previous.get("KeyPolicy"):
            kms.put_key_policy(
                ctx,
                KeyId=key_id,
                PolicyName=POLICY_NAME,
                Policy=_policy(given) or default_policy(ctx.account),
                BypassPolicyLockoutSafetyCheck=_flag(given, "BypassPolicyLockoutSafetyCheck"),
            )
        arn = kms.describe_key(ctx, KeyId=key_id)["KeyMetadata"]["Arn"]
        return ResourceState(physical_id=key_id, attributes={"Arn": arn, "KeyId": key_id})

    def _switch(self, ctx: Context, key_id: str, request: ResourceRequest) -> None:
        """Enable or disable the key. One that waits for its material is neither."""
        kms = ctx.cloud.kms
        if kms.describe_key(ctx, KeyId=key_id)["KeyMetadata"]["KeyState"] == "PendingImport":
            return
        if _flag(request.properties, "Enabled", default=True):
            kms.enable_key(ctx, KeyId=key_id)
        else:
            kms.disable_key(ctx, KeyId=key_id)


class KeyResource(_KeyResource):
    type_name = "AWS::KMS::Key"
    supported = frozenset(
        (
            "BypassPolicyLockoutSafetyCheck",
            "Description",
            "EnableKeyRotation",
            "Enabled",
            "KeyPolicy",
            "KeySpec",
            "KeyUsage",
            "MultiRegion",
            "Origin",
            "PendingWindowInDays",
            "RotationPeriodInDays",
            "Tags",
        )
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        made = {name: given[name] for name in ("KeySpec", "KeyUsage", "Origin") if name in given}
        answer = await ctx.call(ctx.cloud.kms.create_key, MultiRegion=_flag(given, "MultiRegion"), **made)
        key_id: str = answer["KeyMetadata"]["KeyId"]
        if request.announce is not None:
            await request.announce(key_id)
        return await ctx.run(self._configure, ctx, key_id, request)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        changed = [name for name in _UNCHANGING if request.properties.get(name) != request.previous.get(name)]
        if changed:
            raise Validation(f"{', '.join(changed)} of an existing KMS key cannot be changed.")
        return await super().update(ctx, request)

    def _switch(self, ctx: Context, key_id: str, request: ResourceRequest) -> None:
        """The rotation of a key is changed while it is enabled."""
        kms, given = ctx.cloud.kms, request.properties
        rotates = _flag(given, "EnableKeyRotation")
        rotated = _flag(request.previous, "EnableKeyRotation")
        if rotates or rotated:
            kms.enable_key(ctx, KeyId=key_id)
        if rotates:
            period = given.get("RotationPeriodInDays")
            kms.enable_key_rotation(ctx, KeyId=key_id, RotationPeriodInDays=int(period) if period else None)
        elif rotated:
            kms.disable_key_rotation(ctx, KeyId=key_id)
        super()._switch(ctx, key_id, request)


class ReplicaKeyResource(_KeyResource):
    type_name = "AWS::KMS::ReplicaKey"
    supported = frozenset(("Description", "Enabled", "KeyPolicy", "PendingWindowInDays", "PrimaryKeyArn", "Tags"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await ctx.run(self._create, ctx, request)

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        primary = str(request.properties["PrimaryKeyArn"])
        arn = parse_arn(primary)
        if arn is None:
            raise NotFound(f"Invalid arn {primary}")
        answer = ctx.cloud.kms.replicate_key(ctx.at(region=arn.region), KeyId=primary, ReplicaRegion=ctx.region)
        return self._configure(ctx, answer["ReplicaKeyMetadata"]["KeyId"], request)


class AliasResource(TransactionalResourceType):
    """Ref is the alias's name."""

    type_name = "AWS::KMS::Alias"
    supported = frozenset(("AliasName", "TargetKeyId"))

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties["AliasName"]
        ctx.cloud.kms.create_alias(ctx, AliasName=name, TargetKeyId=request.properties["TargetKeyId"])
        return ResourceState(physical_id=name)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        ctx.cloud.kms.update_alias(ctx, AliasName=name, TargetKeyId=request.properties["TargetKeyId"])
        return ResourceState(physical_id=name)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.kms.delete_alias(ctx, AliasName=request.physical_id)
        except NotFound:
            return


def _policy(given: dict[str, Any]) -> str:
    policy = given.get("KeyPolicy")
    return policy if isinstance(policy, str) else json.dumps(policy) if policy else ""


def _flag(properties: dict[str, Any], name: str, *, default: bool = False) -> bool:
    return str(properties.get(name, default)).lower() == "true"


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": name, "TagValue": value} for name, value in tags.items()]


RESOURCES: list[type[ResourceType]] = [KeyResource, AliasResource, ReplicaKeyResource]
