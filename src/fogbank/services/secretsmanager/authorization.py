"""What Secrets Manager's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
"""

from collections.abc import Iterator, Mapping

from fogbank.core.authorization import Authorization, Need, Parameters, Source, need
from fogbank.core.context import Context

_KEY = "secretsmanager:"
# A new secret's ARN has an end that nobody knows yet; policies allow for it with six question marks or an asterisk.
_NEW = "arn:{partition}:secretsmanager:{region}:{account}:secret:{Name}-??????"


def _secret(ctx: Context, parameters: Parameters) -> str:
    arn: str = ctx.cloud.secretsmanager.arn_of(ctx, str(parameters.get("SecretId", "*")))
    return arn


def _of(*names: str, tags: str = "", tag_keys: str = "", keys: Mapping[str, Source] | None = None) -> Need:
    """One action on the secret; `names` are parameters that are condition keys, too."""
    return need(_secret, tags=tags, tag_keys=tag_keys, keys={**_OF_SECRET, **_given(*names), **(keys or {})})


def _given(*names: str) -> dict[str, Source]:
    return {_KEY + name: f"{{{name}}}" for name in names}


def _fact(name: str) -> Source:
    """What a secret tells about itself."""

    def told(ctx: Context, parameters: Parameters) -> str | None:
        facts: dict[str, str] = ctx.cloud.secretsmanager.facts_of(ctx, _secret(ctx, parameters))
        return facts.get(name)

    return told


_OF_SECRET: dict[str, Source] = {
    _KEY + "SecretId": "{SecretId}",
    **{name: _fact(name) for name in (_KEY + "SecretPrimaryRegion", _KEY + "resource/AllowRotationLambdaArn")},
}


def _key_arn(ctx: Context, parameters: Parameters) -> str | None:
    key = parameters.get("KmsKeyId")
    return None if key is None else str(ctx.cloud.kms.key_named(ctx, str(key)))


def _modifies_rules(ctx: Context, parameters: Parameters) -> str:
    return str(bool(parameters.get("RotationRules"))).lower()


def _replica_regions(ctx: Context, parameters: Parameters) -> Iterator[str]:
    return (str(each.get("Region", "")) for each in parameters.get("AddReplicaRegions") or ())


_REPLICAS: dict[str, Source] = {_KEY + "AddReplicaRegions": _replica_regions}
_KMS_KEY_ARN: dict[str, Source] = {_KEY + "KmsKeyArn": _key_arn}

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
                    **_given("Name", "Description", "KmsKeyId", "ForceOverwriteReplicaSecret"),
                    **_KMS_KEY_ARN,
                    **_REPLICAS,
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
        "ReplicateSecretToRegions": _of("ForceOverwriteReplicaSecret", keys=_REPLICAS),
        "RestoreSecret": _of(),
        "RotateSecret": _of(
            "RotationLambdaARN", "RotateImmediately", keys={_KEY + "ModifyRotationRules": _modifies_rules}
        ),
        "StopReplicationToReplica": _of(),
        "TagResource": _of(tags="Tags"),
        "UntagResource": _of(tag_keys="TagKeys"),
        "UpdateSecret": _of("Description", "KmsKeyId", keys=_KMS_KEY_ARN),
        "UpdateSecretVersionStage": _of("VersionStage"),
        "ValidateResourcePolicy": _of(),
    },
)
