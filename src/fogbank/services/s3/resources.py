"""CloudFormation: AWS::S3::Bucket and AWS::S3::BucketPolicy.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_S3.html
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.s3 import bucket_properties
from fogbank.services.s3.errors import NoSuchBucket
from fogbank.services.s3.lifecycle_rules import ALL_128K

# Where a website's address has a dash before the region; elsewhere it is a dot.
# https://docs.aws.amazon.com/general/latest/gr/s3.html#s3_website_region_endpoints
_DASHED = frozenset(
    (
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "eu-west-1",
        "sa-east-1",
        "us-east-1",
        "us-gov-west-1",
        "us-west-1",
        "us-west-2",
    )
)


class One(NamedTuple):
    """A property that is one configuration: the operation that sets it, the parameter and how that is made; and the
    operation, with its parameters, that takes it away.
    """

    put: str
    parameter: str
    convert: Callable[[Any], Any]
    clear: str
    cleared: Mapping[str, Any] = {}


class Many(NamedTuple):
    """A property that is a list of configurations with ids: of `put_bucket_{kind}_configuration`."""

    kind: str
    parameter: str
    convert: Callable[[Any], Any]


def _as_is(value: Any) -> Any:
    return value


# In the order in which they are set: who may see what goes before what could be seen, and what others need before
# those. They are taken away in the opposite order.
_CONFIGURATIONS: dict[str, One | Many] = {
    "VersioningConfiguration": One(
        "put_bucket_versioning",
        "VersioningConfiguration",
        _as_is,
        "put_bucket_versioning",
        {"VersioningConfiguration": {"Status": "Suspended"}},
    ),
    "ObjectLockConfiguration": One(
        "put_object_lock_configuration",
        "ObjectLockConfiguration",
        bucket_properties.object_lock,
        "put_object_lock_configuration",
        {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
    ),
    "PublicAccessBlockConfiguration": One(
        "put_public_access_block", "PublicAccessBlockConfiguration", _as_is, "delete_public_access_block"
    ),
    "BucketEncryption": One(
        "put_bucket_encryption",
        "ServerSideEncryptionConfiguration",
        bucket_properties.encryption,
        "delete_bucket_encryption",
    ),
    "AbacStatus": One(
        "put_bucket_abac",
        "AbacStatus",
        bucket_properties.abac,
        "put_bucket_abac",
        {"AbacStatus": {"Status": "Disabled"}},
    ),
    "AccelerateConfiguration": One(
        "put_bucket_accelerate_configuration",
        "AccelerateConfiguration",
        bucket_properties.accelerate,
        "put_bucket_accelerate_configuration",
        {"AccelerateConfiguration": {"Status": "Suspended"}},
    ),
    "CorsConfiguration": One("put_bucket_cors", "CORSConfiguration", bucket_properties.cors, "delete_bucket_cors"),
    "WebsiteConfiguration": One(
        "put_bucket_website", "WebsiteConfiguration", bucket_properties.website, "delete_bucket_website"
    ),
    "NotificationConfiguration": One(
        "put_bucket_notification_configuration",
        "NotificationConfiguration",
        bucket_properties.notifications,
        "put_bucket_notification_configuration",
        {"NotificationConfiguration": {}},
    ),
    "ReplicationConfiguration": One(
        "put_bucket_replication", "ReplicationConfiguration", bucket_properties.replication, "delete_bucket_replication"
    ),
    "AnalyticsConfigurations": Many("analytics", "AnalyticsConfiguration", bucket_properties.analytics),
    "IntelligentTieringConfigurations": Many(
        "intelligent_tiering", "IntelligentTieringConfiguration", bucket_properties.tiering
    ),
    "InventoryConfigurations": Many("inventory", "InventoryConfiguration", bucket_properties.inventory),
    "MetricsConfigurations": Many("metrics", "MetricsConfiguration", bucket_properties.metrics),
}


class BucketResource(ResourceType):
    """Ref is the bucket's name."""

    type_name = "AWS::S3::Bucket"
    supported = frozenset(
        (
            *_CONFIGURATIONS,
            "AccessControl",
            "BucketName",
            "LifecycleConfiguration",
            "LoggingConfiguration",
            "ObjectLockEnabled",
            "OwnershipControls",
            "Tags",
        )
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        name = given.get("BucketName") or request.generated_name(length_max=63, lower=True)
        location = (
            {} if ctx.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": ctx.region}}
        )
        await ctx.call(
            ctx.cloud.s3.create_bucket,
            Bucket=name,
            ObjectLockEnabledForBucket=bool(given.get("ObjectLockEnabled")),
            **location,
        )
        if request.announce is not None:
            await request.announce(name)
        await self._configure(ctx, name, given, {})
        await self._tag(ctx, name, request)
        return _state(ctx, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        await self._configure(ctx, name, request.properties, request.previous)
        await self._tag(ctx, name, request)
        return _state(ctx, name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.s3.delete_bucket, Bucket=request.physical_id)
        except NoSuchBucket:
            return

    async def _configure(self, ctx: Context, name: str, given: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """Set what is new or changed, and take away what is no longer there."""
        if given.get("ObjectLockEnabled") and before and not before.get("ObjectLockEnabled"):
            enabled = {"ObjectLockEnabled": "Enabled"}
            await ctx.call(ctx.cloud.s3.put_object_lock_configuration, Bucket=name, ObjectLockConfiguration=enabled)
        gone = [prop for prop in reversed(_CONFIGURATIONS) if given.get(prop) is None]
        for prop in (*gone, *(prop for prop in _CONFIGURATIONS if prop not in gone)):
            if given.get(prop) == before.get(prop):
                continue
            configuration = _CONFIGURATIONS[prop]
            if isinstance(configuration, Many):
                await self._set_many(ctx, name, configuration, given.get(prop) or [], before.get(prop) or [])
            else:
                await self._set_one(ctx, name, configuration, given.get(prop))
        await self._set_owners(ctx, name, given, before)
        await self._set_lifecycle(ctx, name, given.get("LifecycleConfiguration"), before.get("LifecycleConfiguration"))
        logging, logging_before = given.get("LoggingConfiguration"), before.get("LoggingConfiguration")
        if logging != logging_before:
            status = {} if logging is None else bucket_properties.logging(logging, name)
            await ctx.call(ctx.cloud.s3.put_bucket_logging, Bucket=name, BucketLoggingStatus=status)

    async def _set_one(self, ctx: Context, name: str, configuration: One, value: Any) -> None:
        s3 = ctx.cloud.s3
        if value is None:
            await ctx.call(getattr(s3, configuration.clear), Bucket=name, **configuration.cleared)
        else:
            parameter = {configuration.parameter: configuration.convert(value)}
            await ctx.call(getattr(s3, configuration.put), Bucket=name, **parameter)

    async def _set_many(
        self, ctx: Context, name: str, configuration: Many, given: list[Any], before: list[Any]
    ) -> None:
        s3, kind = ctx.cloud.s3, configuration.kind
        wanted = {each["Id"] for each in given}
        for former in before:
            if former["Id"] not in wanted:
                await ctx.call(getattr(s3, f"delete_bucket_{kind}_configuration"), Bucket=name, Id=former["Id"])
        for each in given:
            parameter = {configuration.parameter: configuration.convert(each)}
            await ctx.call(getattr(s3, f"put_bucket_{kind}_configuration"), Bucket=name, Id=each["Id"], **parameter)

    async def _set_owners(self, ctx: Context, name: str, given: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """Ownership and ACL: there is no list but the owner's where the owner's ownership is enforced."""
        s3 = ctx.cloud.s3
        controls, controls_before = given.get("OwnershipControls"), before.get("OwnershipControls")
        acl, acl_before = given.get("AccessControl", "Private"), before.get("AccessControl", "Private")
        if acl != acl_before and acl == "Private":
            await ctx.call(s3.put_bucket_acl, Bucket=name, ACL="private")
        if controls != controls_before:
            if controls is None:
                await ctx.call(s3.delete_bucket_ownership_controls, Bucket=name)
            else:
                await ctx.call(s3.put_bucket_ownership_controls, Bucket=name, OwnershipControls=controls)
        if acl != acl_before and acl != "Private":
            await ctx.call(s3.put_bucket_acl, Bucket=name, ACL=bucket_properties.canned_acl(acl))

    async def _set_lifecycle(self, ctx: Context, name: str, given: Any, before: Any) -> None:
        s3 = ctx.cloud.s3
        if given is None and before is not None:
            await ctx.call(s3.delete_bucket_lifecycle, Bucket=name)
        elif given != before:
            await ctx.call(
                s3.put_bucket_lifecycle_configuration,
                Bucket=name,
                LifecycleConfiguration=bucket_properties.lifecycle(given),
                TransitionDefaultMinimumObjectSize=given.get("TransitionDefaultMinimumObjectSize", ALL_128K),
            )

    async def _tag(self, ctx: Context, name: str, request: ResourceRequest) -> None:
        tags = [{"Key": key, "Value": value} for key, value in request.tags().items()]
        await ctx.call(ctx.cloud.s3.put_bucket_tagging, Bucket=name, Tagging={"TagSet": tags})


def _state(ctx: Context, name: str) -> ResourceState:
    dash = "-" if ctx.region in _DASHED else "."
    attributes = {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{ctx.region}.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{ctx.region}.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website{dash}{ctx.region}.amazonaws.com",
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
