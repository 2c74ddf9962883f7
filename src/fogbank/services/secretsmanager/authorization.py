"""What Secrets Manager's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
"""

from collections.abc import Iterator

from fogbank.core.authorization import Authorization, Need, Parameters, need
from fogbank.core.context import Context

_KEY = "secretsmanager:"
# A new secret's ARN has an end that nobody knows yet; policies allow for it with six question marks or an asterisk.
_NEW = "arn:{partition}:secretsmanager:{region}:{account}:secret:{Name}-??????"


def _secret(ctx: Context, parameters: Parameters) -> str:
    arn: str = ctx.cloud.secretsmanager.arn_of(ctx, str(parameters.get("SecretId", "*")))
    return arn


def _of(*names: str, tags: str = "", tag_keys: str = "") -> Need:
    """One action on the secret; `names` are parameters that are condition keys, too."""
    return need(_secret, tags=tags, tag_keys=tag_keys, keys=_keys(*names))


def _keys(*names: str) -> dict[str, str]:
    return {_KEY + name: f"{{{name}}}" for name in names} | {_KEY + "SecretId": "{SecretId}"}


def _replica_regions(ctx: Context, parameters: Parameters) -> Iterator[str]:
    return (str(each.get("Region", "")) for each in parameters.get("AddReplicaRegions") or ())


AUTHORIZATION = Authorization(
    "secretsmanager",
    operations={
        # Which of the secrets may be read is decided for each of them.
        "BatchGetSecretValue": (need(), need(action="ListSecrets", when="Filters")),
        "CancelRotateSecret": _of(),
        "CreateSecret": (
            need(
                _NEW,
                tags="Tags",
                keys={
                    **{_KEY + name: f"{{{name}}}" for name in ("Name", "Description", "KmsKeyId")},
                    _KEY + "ForceOverwriteReplicaSecret": "{ForceOverwriteReplicaSecret}",
                    _KEY + "AddReplicaRegions": _replica_regions,
                },
            ),
            need(_NEW, action="TagResource", when="Tags", tags="Tags"),
        ),
        "DeleteResourcePolicy": _of(),
        "DeleteSecret": _of("RecoveryWindowInDays", "ForceDeleteWithoutRecovery"),
        "DescribeSecret": _of(),
        "GetRandomPassword": need(),
        "GetResourcePolicy": _of(),
        "GetSecretValue": _of("VersionId", "VersionStage"),
        "ListSecretVersionIds": _of(),
        "ListSecrets": need(),
        "PutResourcePolicy": _of("BlockPublicPolicy"),
        "PutSecretValue": _of(),
        "RemoveRegionsFromReplication": _of(),
        "ReplicateSecretToRegions": need(
            _secret, keys={**_keys("ForceOverwriteReplicaSecret"), _KEY + "AddReplicaRegions": _replica_regions}
        ),
        "RestoreSecret": _of(),
        "RotateSecret": _of("RotationLambdaARN", "RotateImmediately"),
        "StopReplicationToReplica": _of(),
        "TagResource": _of(tags="Tags"),
        "UntagResource": _of(tag_keys="TagKeys"),
        "UpdateSecret": _of("Description", "KmsKeyId"),
        "UpdateSecretVersionStage": _of("VersionStage"),
        "ValidateResourcePolicy": need(_secret),
    },
)
