"""CloudFormation types of AWS::Lambda."""

import io
import zipfile
from pathlib import Path
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.lambda_.access_resources import ACCESS_RESOURCES
from fogbank.services.lambda_.resource_properties import gone_is_fine, set_tags, taken, typed
from fogbank.services.lambda_.version_resources import VERSION_RESOURCES

_SETTINGS = (
    "DeadLetterConfig",
    "Description",
    "Environment",
    "EphemeralStorage",
    "Handler",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "SnapStart",
    "Timeout",
    "TracingConfig",
)
_POLL_S = 0.05
_CFN_RESPONSE = Path(__file__).with_name("cfnresponse.py")
_MAPPING_SETTINGS = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "MetricsConfig",
    "ParallelizationFactor",
    "ScalingConfig",
    "TumblingWindowInSeconds",
)


async def _settled(ctx: Context, name: str) -> Context:
    """The context at a time when the function takes the next change."""
    while True:
        ctx = ctx.refreshed()
        found = await ctx.call(ctx.cloud.lambda_.get_function_configuration, FunctionName=name)
        if found["LastUpdateStatus"] != "InProgress":
            return ctx
        await ctx.cloud.clock.sleep(_POLL_S)


def _inline_zip(text: str, runtime: str) -> bytes:
    """`Code.ZipFile` is the source itself: CloudFormation makes `index` of it, and lays its own module beside it."""
    if runtime.startswith("nodejs"):
        files = {"index.js": text}
    else:
        files = {"index.py": text, _CFN_RESPONSE.name: _CFN_RESPONSE.read_text()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # The same source gives the same CodeSha256.
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _code(properties: dict[str, Any]) -> dict[str, Any]:
    code = properties["Code"]
    if "ZipFile" in code:
        return {"ZipFile": _inline_zip(code["ZipFile"], properties.get("Runtime", ""))}
    return {name: code[name] for name in ("S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri") if name in code}


def _settings(properties: dict[str, Any]) -> dict[str, Any]:
    settings = taken(properties, _SETTINGS)
    if "KmsKeyArn" in settings:
        settings["KMSKeyArn"] = settings.pop("KmsKeyArn")
    return settings


_AT_CREATION = ("Architectures", "CodeSigningConfigArn", "PackageType")


async def _sign(ctx: Context, name: str, config_arn: str | None) -> None:
    service = ctx.cloud.lambda_
    if config_arn is None:
        await ctx.call(service.delete_function_code_signing_config, FunctionName=name)
    else:
        await ctx.call(service.put_function_code_signing_config, FunctionName=name, CodeSigningConfigArn=config_arn)


async def _surround(ctx: Context, name: str, properties: dict[str, Any], previous: dict[str, Any]) -> None:
    """Set what is no part of a function's configuration, where it has changed."""
    service = ctx.cloud.lambda_
    reserved = properties.get("ReservedConcurrentExecutions")
    if reserved != previous.get("ReservedConcurrentExecutions"):
        if reserved is None:
            await ctx.call(service.delete_function_concurrency, FunctionName=name)
        else:
            put = service.put_function_concurrency
            await ctx.call(put, FunctionName=name, ReservedConcurrentExecutions=int(reserved))
    loop = properties.get("RecursiveLoop", "Terminate")
    if loop != previous.get("RecursiveLoop", "Terminate"):
        await ctx.call(service.put_function_recursion_config, FunctionName=name, RecursiveLoop=loop)
    runtime = properties.get("RuntimeManagementConfig") or {"UpdateRuntimeOn": "Auto"}
    if runtime != (previous.get("RuntimeManagementConfig") or {"UpdateRuntimeOn": "Auto"}):
        await ctx.call(service.put_runtime_management_config, FunctionName=name, **runtime)


def _attributes(answer: dict[str, Any]) -> dict[str, str]:
    snap_start = {f"SnapStartResponse.{name}": value for name, value in answer["SnapStart"].items()}
    return {"Arn": answer["FunctionArn"], **snap_start}


class FunctionType(ResourceType):
    type_name = "AWS::Lambda::Function"
    supported = frozenset(
        {
            *_SETTINGS,
            "Architectures",
            "Code",
            "CodeSigningConfigArn",
            "FunctionName",
            "PackageType",
            "RecursiveLoop",
            "ReservedConcurrentExecutions",
            "RuntimeManagementConfig",
            "Tags",
        }
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        name = properties.get("FunctionName") or request.generated_name(length_max=64)
        extra = {key: properties[key] for key in _AT_CREATION if key in properties}
        answer = await ctx.call(
            ctx.cloud.lambda_.create_function,
            FunctionName=name,
            Code=_code(properties),
            Tags=request.tags(),
            **_settings(properties),
            **extra,
        )
        try:
            await _surround(ctx, name, properties, {})
        except AwsError:
            # A resource that failed to be created must not be left behind.
            await ctx.call(ctx.cloud.lambda_.delete_function, FunctionName=name)
            raise
        return ResourceState(physical_id=name, attributes=_attributes(answer))

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        service, name = ctx.cloud.lambda_, request.physical_id
        properties, previous = request.properties, request.previous
        if properties.get("CodeSigningConfigArn") != previous.get("CodeSigningConfigArn"):
            await _sign(ctx, name, properties.get("CodeSigningConfigArn"))
        settings = _settings(properties)
        defaults = {
            "Description": "",
            "Timeout": 3,
            "MemorySize": 128,
            "Environment": {},
            "Layers": [],
            "KmsKeyArn": "",
            "SnapStart": {"ApplyOn": "None"},
        }
        for key, value in defaults.items():
            if key in previous and key not in properties:
                settings["KMSKeyArn" if key == "KmsKeyArn" else key] = value
        if settings != _settings(previous):
            ctx = await _settled(ctx, name)
            await ctx.call(service.update_function_configuration, FunctionName=name, **settings)
        if properties.get("Code") != previous.get("Code"):
            ctx = await _settled(ctx, name)
            await ctx.call(service.update_function_code, FunctionName=name, **_code(properties))
        await _surround(ctx, name, properties, previous)
        ctx = await _settled(ctx, name)
        found = await ctx.call(service.get_function_configuration, FunctionName=name)
        await set_tags(ctx, found["FunctionArn"], request.tags())
        return ResourceState(physical_id=name, attributes=_attributes(found))

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await gone_is_fine(ctx.call(ctx.cloud.lambda_.delete_function, FunctionName=request.physical_id))


_CLEARED: dict[str, Any] = {
    "DestinationConfig": {},
    "FilterCriteria": {},
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
    "MetricsConfig": {},
    "ScalingConfig": {},
    "TumblingWindowInSeconds": 0,
}


_MAPPING_SOURCE = ("EventSourceArn", "StartingPosition", "StartingPositionTimestamp")


class EventSourceMappingType(ResourceType):
    type_name = "AWS::Lambda::EventSourceMapping"
    supported = frozenset({*_MAPPING_SETTINGS, *_MAPPING_SOURCE, "Tags"})
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        settings = taken(properties, (*_MAPPING_SETTINGS, *_MAPPING_SOURCE))
        answer = await ctx.call(ctx.cloud.lambda_.create_event_source_mapping, Tags=request.tags(), **settings)
        return _mapping_state(answer)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = taken(request.properties, _MAPPING_SETTINGS)
        # The API leaves alone what it is not given; a property that the template no longer has is cleared.
        settings |= {
            name: cleared
            for name, cleared in _CLEARED.items()
            if name in request.previous and name not in request.properties
        }
        update = ctx.cloud.lambda_.update_event_source_mapping
        return _mapping_state(await ctx.call(update, UUID=request.physical_id, **settings))

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        delete = ctx.cloud.lambda_.delete_event_source_mapping
        await gone_is_fine(ctx.call(delete, UUID=request.physical_id))


def _mapping_state(answer: dict[str, Any]) -> ResourceState:
    attributes = {"Id": answer["UUID"], "EventSourceMappingArn": answer["EventSourceMappingArn"]}
    return ResourceState(physical_id=answer["UUID"], attributes=attributes)


class LayerVersionType(ResourceType):
    type_name = "AWS::Lambda::LayerVersion"
    supported = frozenset(
        {
            "CompatibleArchitectures",
            "CompatibleRuntimes",
            "Content",
            "Description",
            "LayerName",
            "LicenseInfo",
        }
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = {"LayerName": request.generated_name(length_max=140), **request.properties}
        answer = await ctx.call(ctx.cloud.lambda_.publish_layer_version, **settings)
        arn = answer["LayerVersionArn"]
        return ResourceState(physical_id=arn, attributes={"LayerVersionArn": arn})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        name, _, version = request.physical_id.rpartition(":")
        delete = ctx.cloud.lambda_.delete_layer_version
        await ctx.call(delete, LayerName=name, VersionNumber=int(version))


class EventInvokeConfigType(ResourceType):
    type_name = "AWS::Lambda::EventInvokeConfig"
    supported = frozenset(
        {"DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier"}
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = {name: typed(name, value) for name, value in request.properties.items() if name != "Qualifier"}
        qualifier = request.properties.get("Qualifier", "$LATEST")
        await ctx.call(ctx.cloud.lambda_.put_function_event_invoke_config, Qualifier=qualifier, **properties)
        return ResourceState(physical_id=request.physical_id or request.generated_name(length_max=100))

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        properties = request.previous or request.properties
        delete = ctx.cloud.lambda_.delete_function_event_invoke_config
        qualifier = properties.get("Qualifier", "$LATEST")
        await gone_is_fine(ctx.call(delete, FunctionName=properties["FunctionName"], Qualifier=qualifier))


RESOURCES: list[type[ResourceType]] = [
    FunctionType,
    EventSourceMappingType,
    *VERSION_RESOURCES,
    LayerVersionType,
    EventInvokeConfigType,
    *ACCESS_RESOURCES,
]
