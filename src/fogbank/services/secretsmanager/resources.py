"""CloudFormation types of Secrets Manager.

SecretTargetAttachment is not there: there are no databases yet to attach a secret to.
"""

from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import ValidationError
from fogbank.core.ids import new_id
from fogbank.core.json_text import parse
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, name_seed
from fogbank.core.tags import tag_list
from fogbank.services.secretsmanager.errors import InvalidRequest, ResourceNotFound

_GENERATES = {
    "PasswordLength": int,
    "ExcludeCharacters": str,
    "ExcludeLowercase": bool,
    "ExcludeNumbers": bool,
    "ExcludePunctuation": bool,
    "ExcludeUppercase": bool,
    "IncludeSpace": bool,
    "RequireEachIncludedType": bool,
}


class SecretResource(ResourceType):
    """Ref and Id are the secret's ARN."""

    type_name = "AWS::SecretsManager::Secret"
    supported = frozenset(
        {"Description", "GenerateSecretString", "KmsKeyId", "Name", "ReplicaRegions", "SecretString", "Tags"}
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        request.generated = properties.get("Name") or f"{request.logical_id}-{request.seed or name_seed()}"
        value = await _value(ctx, properties)
        answer = await ctx.call(
            ctx.cloud.secretsmanager.create_secret,
            Name=request.generated,
            ClientRequestToken=new_id(),
            Description=properties.get("Description", ""),
            KmsKeyId=properties.get("KmsKeyId", ""),
            Tags=tag_list(request.tags()),
            **({"SecretString": value} if value is not None else {}),
            **({"AddReplicaRegions": properties["ReplicaRegions"]} if properties.get("ReplicaRegions") else {}),
        )
        return _state(answer["ARN"])

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        wanted, before, arn = request.properties, request.previous, request.physical_id
        changed = any(wanted.get(name) != before.get(name) for name in ("SecretString", "GenerateSecretString"))
        value = await _value(ctx, wanted) if changed else None
        await ctx.call(
            ctx.cloud.secretsmanager.update_secret,
            SecretId=arn,
            ClientRequestToken=new_id(),
            Description=wanted.get("Description", ""),
            KmsKeyId=wanted.get("KmsKeyId", ""),
            **({"SecretString": value} if value is not None else {}),
        )
        await self._tag(ctx, request)
        await self._replicate(ctx, arn, wanted.get("ReplicaRegions") or [], before.get("ReplicaRegions") or [])
        return _state(arn)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        manager, arn = ctx.cloud.secretsmanager, request.physical_id
        try:
            described = await ctx.call(manager.describe_secret, SecretId=arn)
            regions = [status["Region"] for status in described.get("ReplicationStatus", ())]
            if regions:
                await ctx.call(manager.remove_regions_from_replication, SecretId=arn, RemoveReplicaRegions=regions)
            await ctx.call(manager.delete_secret, SecretId=arn, ForceDeleteWithoutRecovery=True)
        except ResourceNotFound:
            return

    async def _tag(self, ctx: Context, request: ResourceRequest) -> None:
        manager, arn, wanted = ctx.cloud.secretsmanager, request.physical_id, request.tags()
        there = (await ctx.call(manager.describe_secret, SecretId=arn)).get("Tags", [])
        gone = [tag["Key"] for tag in there if tag["Key"] not in wanted]
        if gone:
            await ctx.call(manager.untag_resource, SecretId=arn, TagKeys=gone)
        if wanted:
            await ctx.call(manager.tag_resource, SecretId=arn, Tags=tag_list(wanted))

    async def _replicate(
        self, ctx: Context, arn: str, wanted: list[dict[str, str]], before: list[dict[str, str]]
    ) -> None:
        gone = [each["Region"] for each in before if each not in wanted]
        new = [each for each in wanted if each not in before]
        manager = ctx.cloud.secretsmanager
        if gone:
            await ctx.call(manager.remove_regions_from_replication, SecretId=arn, RemoveReplicaRegions=gone)
        if new:
            await ctx.call(manager.replicate_secret_to_regions, SecretId=arn, AddReplicaRegions=new)


class ResourcePolicyResource(ResourceType):
    """Ref is the secret's ARN."""

    type_name = "AWS::SecretsManager::ResourcePolicy"
    supported = frozenset({"BlockPublicPolicy", "ResourcePolicy", "SecretId"})

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        policy = request.properties["ResourcePolicy"]
        answer = await ctx.call(
            ctx.cloud.secretsmanager.put_resource_policy,
            SecretId=request.properties["SecretId"],
            ResourcePolicy=policy if isinstance(policy, str) else msgspec.json.encode(policy).decode(),
            BlockPublicPolicy=_flag(request.properties.get("BlockPublicPolicy", False)),
        )
        return _state(answer["ARN"])

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.secretsmanager.delete_resource_policy, SecretId=request.physical_id)
        except ResourceNotFound:
            return


class RotationScheduleResource(ResourceType):
    """Ref is the secret's ARN. HostedRotationLambda is not there: it makes functions of AWS's own."""

    type_name = "AWS::SecretsManager::RotationSchedule"
    supported = frozenset({"RotateImmediatelyOnUpdate", "RotationLambdaARN", "RotationRules", "SecretId"})

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        rules = dict(properties.get("RotationRules") or {})
        if "AutomaticallyAfterDays" in rules:
            rules["AutomaticallyAfterDays"] = int(rules["AutomaticallyAfterDays"])
        answer = await ctx.call(
            ctx.cloud.secretsmanager.rotate_secret,
            SecretId=properties["SecretId"],
            ClientRequestToken=new_id(),
            RotateImmediately=_flag(properties.get("RotateImmediatelyOnUpdate", True)),
            **({"RotationLambdaARN": properties["RotationLambdaARN"]} if "RotationLambdaARN" in properties else {}),
            **({"RotationRules": rules} if rules else {}),
        )
        return _state(answer["ARN"])

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.secretsmanager.cancel_rotate_secret, SecretId=request.physical_id)
        except (ResourceNotFound, InvalidRequest):
            return


def _state(arn: str) -> ResourceState:
    return ResourceState(physical_id=arn, attributes={"Id": arn})


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"


async def _value(ctx: Context, properties: dict[str, Any]) -> str | None:
    """The secret's value as the template gives it, or as it has it generated; None if it has none."""
    text, wanted = properties.get("SecretString"), properties.get("GenerateSecretString")
    if text is not None and wanted is not None:
        raise ValidationError("You can't specify both SecretString and GenerateSecretString.")
    if wanted is None:
        return text
    template, key = wanted.get("SecretStringTemplate"), wanted.get("GenerateStringKey")
    if (template is None) != (key is None):
        raise ValidationError("You must specify SecretStringTemplate and GenerateStringKey together.")
    options = {
        name: _flag(wanted[name]) if kind is bool else kind(wanted[name])
        for name, kind in _GENERATES.items()
        if name in wanted
    }
    answer = await ctx.call(ctx.cloud.secretsmanager.get_random_password, **options)
    password: str = answer["RandomPassword"]
    if template is None:
        return password
    document = parse(template)
    if not isinstance(document, dict):
        raise ValidationError("The SecretStringTemplate must be a JSON object.")
    return msgspec.json.encode({**document, key: password}).decode()


RESOURCES: list[type[ResourceType]] = [SecretResource, ResourcePolicyResource, RotationScheduleResource]
