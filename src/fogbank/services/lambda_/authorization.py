"""What Lambda's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
"""

from fogbank.core.authorization import Authorization, Parameters, Source, need, pass_role
from fogbank.core.context import Context
from fogbank.services.lambda_.names import function_arn, parse_name

_SERVICE = "lambda.amazonaws.com"
_LAYER = "arn:{partition}:lambda:{region}:{account}:layer:{LayerName}"
_MAPPING = "arn:{partition}:lambda:{region}:{account}:event-source-mapping:{UUID}"


def _function(ctx: Context, parameters: Parameters) -> str:
    """The function, version or alias that the parameters name."""
    name = parse_name(ctx, str(parameters.get("FunctionName", "*")), parameters.get("Qualifier"))
    return function_arn(ctx, name.account, name.name, name.qualifier)


def _target(ctx: Context, parameters: Parameters) -> str | None:
    """The function that an event source mapping is given."""
    return _function(ctx, parameters) if parameters.get("FunctionName") else None


def _mapped(ctx: Context, parameters: Parameters) -> str | None:
    """The function that an event source mapping has until now."""
    found: str | None = ctx.cloud.lambda_.function_of_mapping(ctx, str(parameters.get("UUID", "")))
    return found


def _auth_type(ctx: Context, parameters: Parameters) -> str | None:
    """What the function's URL asks for until now."""
    found: str | None = ctx.cloud.lambda_.auth_type_of_url(ctx, _function(ctx, parameters))
    return found


def _of_permission(key: str) -> Source:
    """What the statement that is named says."""

    def told(ctx: Context, parameters: Parameters) -> str | None:
        sid = str(parameters.get("StatementId", ""))
        facts: dict[str, str] = ctx.cloud.lambda_.facts_of_permission(ctx, _function(ctx, parameters), sid)
        return facts.get(key)

    return told


def _layer_version(ctx: Context, parameters: Parameters) -> str:
    layer = str(parameters.get("LayerName", "*"))
    arn = layer if layer.startswith("arn:") else ctx.arn("lambda", f"layer:{layer}")
    return f"{arn}:{parameters.get('VersionNumber', '*')}"


_PRINCIPAL, _AUTH_TYPE = "lambda:Principal", "lambda:FunctionUrlAuthType"
_PERMISSION = need(_function, keys={_PRINCIPAL: "{Principal}", _AUTH_TYPE: "{FunctionUrlAuthType}"})
_ON_URL = need(_function, keys={"lambda:FunctionArn": _function, _AUTH_TYPE: _auth_type})
_LAYERS = need("{Layers[]}", action="GetLayerVersion", when="Layers")
_ON_MAPPING = need(_MAPPING, keys={"lambda:FunctionArn": _mapped})
_INVOKE = need(_function, action="InvokeFunction")

AUTHORIZATION = Authorization(
    "lambda",
    operations={
        "AddLayerVersionPermission": need(_layer_version),
        "AddPermission": _PERMISSION,
        "CreateAlias": need(_function),
        "CreateCodeSigningConfig": need("*", tags="Tags"),
        "CreateEventSourceMapping": need("*", tags="Tags", keys={"lambda:FunctionArn": _target}),
        "CreateFunction": (
            need(
                _function,
                tags="Tags",
                keys={"lambda:Layer": "{Layers[]}", "lambda:CodeSigningConfigArn": "{CodeSigningConfigArn}"},
            ),
            pass_role("Role", to=_SERVICE),
            _LAYERS,
        ),
        "CreateFunctionUrlConfig": need(_function, keys={_AUTH_TYPE: "{AuthType}", "lambda:FunctionArn": _function}),
        "DeleteAlias": need(_function),
        "DeleteCodeSigningConfig": need("{CodeSigningConfigArn}"),
        "DeleteEventSourceMapping": _ON_MAPPING,
        "DeleteFunction": need(_function),
        "DeleteFunctionCodeSigningConfig": need(_function),
        "DeleteFunctionConcurrency": need(_function),
        "DeleteFunctionEventInvokeConfig": need(_function),
        "DeleteFunctionUrlConfig": _ON_URL,
        "DeleteLayerVersion": need(_layer_version),
        "DeleteProvisionedConcurrencyConfig": need(_function),
        "DeleteResourcePolicy": need("{ResourceArn}"),
        "GetAccountSettings": need("*"),
        "GetAlias": need(_function),
        "GetCodeSigningConfig": need("{CodeSigningConfigArn}"),
        "GetEventSourceMapping": _ON_MAPPING,
        "GetFunction": need(_function),
        "GetFunctionCodeSigningConfig": need(_function),
        "GetFunctionConcurrency": need(_function),
        "GetFunctionConfiguration": need(_function),
        "GetFunctionEventInvokeConfig": need(_function),
        "GetFunctionRecursionConfig": need(_function),
        "GetFunctionUrlConfig": _ON_URL,
        "GetLayerVersion": need(_layer_version),
        "GetLayerVersionByArn": need("{Arn}", action="GetLayerVersion"),
        "GetLayerVersionPolicy": need(_layer_version),
        "GetPolicy": need(_function),
        "GetProvisionedConcurrencyConfig": need(_function),
        "GetResourcePolicy": need("{ResourceArn}"),
        "GetRuntimeManagementConfig": need(_function),
        "Invoke": _INVOKE,
        "InvokeAsync": _INVOKE,
        "InvokeWithResponseStream": _INVOKE,
        "ListAliases": need(_function),
        "ListCodeSigningConfigs": need("*"),
        "ListEventSourceMappings": need("*"),
        "ListFunctionEventInvokeConfigs": need(_function),
        "ListFunctionUrlConfigs": need(_function),
        "ListFunctions": need("*"),
        "ListFunctionsByCodeSigningConfig": need("{CodeSigningConfigArn}"),
        "ListLayerVersions": need("*"),
        "ListLayers": need("*"),
        "ListProvisionedConcurrencyConfigs": need(_function),
        "ListTags": need("{Resource}"),
        "ListVersionsByFunction": need(_function),
        "PublishLayerVersion": need(_LAYER),
        "PublishVersion": need(_function),
        "PutFunctionCodeSigningConfig": need(
            _function, "{CodeSigningConfigArn}", keys={"lambda:CodeSigningConfigArn": "{CodeSigningConfigArn}"}
        ),
        "PutFunctionConcurrency": need(_function),
        "PutFunctionEventInvokeConfig": need(_function),
        "PutFunctionRecursionConfig": need(_function),
        "PutProvisionedConcurrencyConfig": need(_function),
        "PutResourcePolicy": need("{ResourceArn}"),
        "PutRuntimeManagementConfig": need(_function),
        "RemoveLayerVersionPermission": need(_layer_version),
        "RemovePermission": need(_function, keys={key: _of_permission(key) for key in (_PRINCIPAL, _AUTH_TYPE)}),
        "TagResource": need("{Resource}", tags="Tags"),
        "UntagResource": need("{Resource}", tag_keys="TagKeys"),
        "UpdateAlias": need(_function),
        "UpdateCodeSigningConfig": need("{CodeSigningConfigArn}"),
        # Whoever hands it to another function needs leave for both.
        "UpdateEventSourceMapping": (
            _ON_MAPPING,
            need(_MAPPING, when="FunctionName", keys={"lambda:FunctionArn": _target}),
        ),
        "UpdateFunctionCode": need(_function),
        "UpdateFunctionConfiguration": (
            need(_function, keys={"lambda:Layer": "{Layers[]}"}),
            pass_role("Role", to=_SERVICE),
            _LAYERS,
        ),
        "UpdateFunctionEventInvokeConfig": need(_function),
        "UpdateFunctionUrlConfig": need(_function, keys={_AUTH_TYPE: "{AuthType}", "lambda:FunctionArn": _function}),
    },
)
