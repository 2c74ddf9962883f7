"""What Parameter Store's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
"""

from collections.abc import Iterator

from fogbank.core.authorization import Authorization, Parameters, need
from fogbank.core.context import Context
from fogbank.services.ssm.names import SECRETS, parameter_arn, refer
from fogbank.services.ssm.service_settings import setting_id_of

_ALL = "arn:{partition}:ssm:{region}:{account}:*"
_KEYS = {"ssm:Overwrite": "{Overwrite}", "ssm:Policies": "{Policies}"}


def _arn(ctx: Context, text: str) -> str:
    """The ARN of the parameter that a name or an ARN refers to, without a version or label."""
    found = refer(ctx, text)
    return parameter_arn(found.account, found.region, found.name)


def _named(ctx: Context, parameters: Parameters) -> str:
    return _arn(ctx, str(parameters.get("Name", "*")))


def _each(ctx: Context, parameters: Parameters) -> Iterator[str]:
    return (_arn(ctx, str(name)) for name in parameters.get("Names") or ())


def _secrets(ctx: Context, parameters: Parameters) -> list[str]:
    """The secrets that are read as if they were parameters."""
    given = (parameters.get("Name"), *(parameters.get("Names") or ()))
    names = [refer(ctx, str(name)).name for name in given if name]
    ids = [name.removeprefix(SECRETS) for name in names if name.startswith(SECRETS)]
    return [ctx.cloud.secretsmanager.arn_of(ctx, secret_id) for secret_id in ids]


def _path(ctx: Context, parameters: Parameters) -> str:
    return ctx.arn("ssm", f"parameter{parameters.get('Path', '/*')}")


def _tagged(ctx: Context, parameters: Parameters) -> str:
    return _arn(ctx, str(parameters.get("ResourceId", "*")))


def _setting(ctx: Context, parameters: Parameters) -> str:
    return ctx.arn("ssm", f"servicesetting{setting_id_of(str(parameters.get('SettingId', '/*')))}")


def _reads_secrets(ctx: Context, parameters: Parameters) -> bool:
    return bool(_secrets(ctx, parameters))


_READ_SECRETS = need(_secrets, action="secretsmanager:GetSecretValue", when=_reads_secrets)


AUTHORIZATION = Authorization(
    "ssm",
    operations={
        "AddTagsToResource": need(_tagged, tags="Tags"),
        "DeleteParameter": need(_named),
        "DeleteParameters": need(_each),
        "DeleteResourcePolicy": need("{ResourceArn}"),
        "DescribeParameters": need(_ALL),
        "GetParameter": (need(_named), _READ_SECRETS),
        "GetParameterHistory": need(_named),
        "GetParameters": (need(_each), _READ_SECRETS),
        "GetParametersByPath": need(_path, keys={"ssm:Recursive": "{Recursive}"}),
        "GetResourcePolicies": need("{ResourceArn}"),
        "GetServiceSetting": need(_setting),
        "LabelParameterVersion": need(_named),
        "ListTagsForResource": need(_tagged),
        "PutParameter": (
            need(_named, tags="Tags", keys=_KEYS),
            need(_named, action="AddTagsToResource", when="Tags", tags="Tags"),
        ),
        "PutResourcePolicy": need("{ResourceArn}"),
        "RemoveTagsFromResource": need(_tagged, tag_keys="TagKeys"),
        "ResetServiceSetting": need(_setting),
        "UnlabelParameterVersion": need(_named),
        "UpdateServiceSetting": need(_setting),
    },
)
