"""CloudFormation: AWS::S3::Bucket and AWS::S3::BucketPolicy.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_S3.html
"""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.s3.errors import NoSuchBucket


def _encryption(value: dict[str, Any]) -> dict[str, Any]:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        renamed = dict(rule)
        if "ServerSideEncryptionByDefault" in renamed:
            renamed["ApplyServerSideEncryptionByDefault"] = renamed.pop("ServerSideEncryptionByDefault")
        rules.append(renamed)
    return {"Rules": rules}


def _lifecycle(value: dict[str, Any]) -> dict[str, Any]:
    return {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's flat rule in the form of the API."""
    found: dict[str, Any] = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    for name, value in rule.items():
        match name:
            case "Id":
                found["ID"] = value
            case "ExpirationInDays":
                found.setdefault("Expiration", {})["Days"] = int(value)
            case "ExpiredObjectDeleteMarker":
                found.setdefault("Expiration", {})["ExpiredObjectDeleteMarker"] = value
            case "NoncurrentVersionExpirationInDays":
                found["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(value)}
            case "NoncurrentVersionExpiration" | "AbortIncompleteMultipartUpload":
                found[name] = {part: int(number) for part, number in value.items()}
            case "Status" | "Prefix":
                continue
            case _:
                raise NotImplementedInFogbank(
                    f"Fogbank's AWS::S3::Bucket does not implement the lifecycle rule's {name}."
                )
    return found


def _check_access_control(request: ResourceRequest) -> None:
    acl = request.properties.get("AccessControl", "Private")
    if acl != "Private":
        raise NotImplementedInFogbank(f"Fogbank's AWS::S3::Bucket does not implement the access control {acl}.")


class BucketResource(ResourceType):
    """Ref is the bucket's name."""

    type_name = "AWS::S3::Bucket"
    supported = frozenset(
        (
            "AccessControl",
            "BucketEncryption",
            "BucketName",
            "LifecycleConfiguration",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "Tags",
            "VersioningConfiguration",
        )
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        _check_access_control(request)
        name = request.properties.get("BucketName") or request.generated_name(length_max=63, lower=True)
        location = (
            {} if ctx.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": ctx.region}}
        )
        await ctx.call(ctx.cloud.s3.create_bucket, Bucket=name, **location)
        await self._configure(ctx, name, request)
        return self._state(ctx, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        _check_access_control(request)
        name, s3 = request.physical_id, ctx.cloud.s3
        clear = {
            "BucketEncryption": s3.delete_bucket_encryption,
            "LifecycleConfiguration": s3.delete_bucket_lifecycle,
            "OwnershipControls": s3.delete_bucket_ownership_controls,
            "PublicAccessBlockConfiguration": s3.delete_public_access_block,
        }
        for prop, operation in clear.items():
            if prop in request.previous and prop not in request.properties:
                await ctx.call(operation, Bucket=name)
        if "VersioningConfiguration" in request.previous and "VersioningConfiguration" not in request.properties:
            await ctx.call(s3.put_bucket_versioning, Bucket=name, VersioningConfiguration={"Status": "Suspended"})
        await ctx.call(s3.delete_bucket_tagging, Bucket=name)
        await self._configure(ctx, name, request)
        return self._state(ctx, name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.s3.delete_bucket, Bucket=request.physical_id)
        except NoSuchBucket:
            return

    async def _configure(self, ctx: Context, name: str, request: ResourceRequest) -> None:
        s3, given = ctx.cloud.s3, request.properties
        if "VersioningConfiguration" in given:
            versioning = given["VersioningConfiguration"]
            await ctx.call(s3.put_bucket_versioning, Bucket=name, VersioningConfiguration=versioning)
        if "PublicAccessBlockConfiguration" in given:
            block = given["PublicAccessBlockConfiguration"]
            await ctx.call(s3.put_public_access_block, Bucket=name, PublicAccessBlockConfiguration=block)
        if "OwnershipControls" in given:
            controls = given["OwnershipControls"]
            await ctx.call(s3.put_bucket_ownership_controls, Bucket=name, OwnershipControls=controls)
        if "BucketEncryption" in given:
            rules = _encryption(given["BucketEncryption"])
            await ctx.call(s3.put_bucket_encryption, Bucket=name, ServerSideEncryptionConfiguration=rules)
        if "LifecycleConfiguration" in given:
            lifecycle = _lifecycle(given["LifecycleConfiguration"])
            await ctx.call(s3.put_bucket_lifecycle_configuration, Bucket=name, LifecycleConfiguration=lifecycle)
        tags = [{"Key": key, "Value": value} for key, value in request.tags().items()]
        if tags:
            await ctx.call(s3.put_bucket_tagging, Bucket=name, Tagging={"TagSet": tags})

    def _state(self, ctx: Context, name: str) -> ResourceState:
        attributes = {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{ctx.region}.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{ctx.region}.amazonaws.com",
            "WebsiteURL": f"http://{name}.s3-website-{ctx.region}.amazonaws.com",
        }
        return ResourceState(physical_id=name, attributes=attributes)


class BucketPolicyResource(ResourceType):
    """The policy of one bucket."""

    type_name = "AWS::S3::BucketPolicy"
    supported = frozenset(("Bucket", "PolicyDocument"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        document = request.properties["PolicyDocument"]
        text = document if isinstance(document, str) else json.dumps(document)
        bucket = request.properties["Bucket"]
        await ctx.call(ctx.cloud.s3.put_bucket_policy, Bucket=bucket, Policy=text)
        return ResourceState(physical_id=bucket)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.s3.delete_bucket_policy, Bucket=request.properties["Bucket"])
        except NoSuchBucket:
            return


RESOURCES: list[type[ResourceType]] = [BucketResource, BucketPolicyResource]
