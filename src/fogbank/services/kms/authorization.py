"""What KMS's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
Nobody has anything on a key unless its policy or a grant says so, see `access.py`; most policies leave it to IAM.
"""

from collections.abc import Mapping

from fogbank.core.authorization import Authorization, Need, Needs, Parameters, Source, need
from fogbank.core.context import Context
from fogbank.services.kms.access import Facts, context_facts, facts_of_key

_ALIAS = "arn:{partition}:kms:{region}:{account}:{AliasName}"
_ENCRYPTION = {"kms:EncryptionAlgorithm": "{EncryptionAlgorithm}"}
_SIGNING = {"kms:SigningAlgorithm": "{SigningAlgorithm}", "kms:MessageType": "{MessageType}"}
_MAC = {"kms:MacAlgorithm": "{MacAlgorithm}"}
_CALLER: Mapping[str, Source] = {"kms:CallerAccount": lambda ctx, parameters: ctx.account}
# What services make grants for is asked for where they make them, with another answer.
_OF_CALLERS_OWN = {"kms:GrantIsForAWSResource": "false"}
_BYPASS = {"kms:BypassPolicyLockoutSafetyCheck": "{BypassPolicyLockoutSafetyCheck}"}


def _named(ctx: Context, name: object) -> str:
    arn: str = ctx.cloud.kms.key_named(ctx, str(name))
    return arn


def _key(ctx: Context, parameters: Parameters) -> str:
    return _named(ctx, parameters.get("KeyId", "*"))


def _encrypting_key(ctx: Context, parameters: Parameters) -> str:
    """The key of a ciphertext: the one that is named, or the one that the ciphertext names."""
    name = parameters.get("KeyId") or parameters.get("SourceKeyId")
    if name is not None:
        return _named(ctx, name)
    arn: str = ctx.cloud.kms.key_of_ciphertext(ctx, parameters.get("CiphertextBlob") or b"")
    return arn


def _target(ctx: Context, parameters: Parameters) -> str:
    return _named(ctx, parameters.get("TargetKeyId", "*"))


def _aliased(ctx: Context, parameters: Parameters) -> str:
    """The key that an alias has until now."""
    return _named(ctx, parameters.get("AliasName", "*"))


def _destination(ctx: Context, parameters: Parameters) -> str:
    return _named(ctx, parameters.get("DestinationKeyId", "*"))


def _grants_key(ctx: Context, parameters: Parameters) -> str | None:
    if parameters.get("GrantToken"):
        arn: str = ctx.cloud.kms.key_of_grant_token(ctx, parameters["GrantToken"])
        return arn
    return _key(ctx, parameters)


def _told(ctx: Context, parameters: Parameters) -> Facts:
    return facts_of_key(ctx, _key(ctx, parameters), parameters.get("KeyId"), parameters.get("EncryptionContext"))


def _told_of_source(ctx: Context, parameters: Parameters) -> Facts:
    context = parameters.get("EncryptionContext") or parameters.get("SourceEncryptionContext")
    return {
        **facts_of_key(ctx, _encrypting_key(ctx, parameters), None, context),
        **_on_same_key(ctx, parameters),
    }


def _told_of_destination(ctx: Context, parameters: Parameters) -> Facts:
    name = parameters.get("DestinationKeyId")
    context = parameters.get("DestinationEncryptionContext")
    return {**facts_of_key(ctx, _destination(ctx, parameters), name, context), **_on_same_key(ctx, parameters)}


def _on_same_key(ctx: Context, parameters: Parameters) -> Facts:
    if "DestinationKeyId" not in parameters:
        return {}
    same = _encrypting_key(ctx, parameters) == _destination(ctx, parameters)
    return {"kms:ReEncryptOnSameKey": str(same).lower()}


def _told_of_target(ctx: Context, parameters: Parameters) -> Facts:
    return facts_of_key(ctx, _target(ctx, parameters), None, None)


def _told_of_aliased(ctx: Context, parameters: Parameters) -> Facts:
    return facts_of_key(ctx, _aliased(ctx, parameters), None, None)


def _told_of_new_key(ctx: Context, parameters: Parameters) -> Facts:
    return {
        "kms:CallerAccount": ctx.account,
        "kms:KeySpec": parameters.get("KeySpec") or parameters.get("CustomerMasterKeySpec") or "SYMMETRIC_DEFAULT",
        "kms:KeyUsage": parameters.get("KeyUsage") or "ENCRYPT_DECRYPT",
        "kms:KeyOrigin": parameters.get("Origin") or "AWS_KMS",
        "kms:MultiRegion": str(bool(parameters.get("MultiRegion"))).lower(),
    }


def _told_of_grant(ctx: Context, parameters: Parameters) -> Facts:
    constraints = parameters.get("Constraints") or {}
    kinds = [kind for kind in ("EncryptionContextEquals", "EncryptionContextSubset") if kind in constraints]
    told = {"kms:GrantOperations": parameters.get("Operations") or []}
    context = constraints.get("EncryptionContextEquals") or constraints.get("EncryptionContextSubset") or {}
    return {
        **_told(ctx, parameters),
        **context_facts(context),
        **told,
        **({"kms:GrantConstraintType": kinds} if kinds else {}),
    }


def _on_key(*, action: str = "", tags: str = "", tag_keys: str = "", keys: Mapping[str, str] | None = None) -> Need:
    return need(_key, action=action, tags=tags, tag_keys=tag_keys, keys=keys, further=_told)


_ON_TARGET, _ON_ALIASED = need(_target, further=_told_of_target), need(_aliased, further=_told_of_aliased)

_OPERATIONS: dict[str, Needs] = {
    "CancelKeyDeletion": _on_key(),
    "CreateAlias": (need(_ALIAS, keys=_CALLER), _ON_TARGET),
    "CreateGrant": need(
        _key,
        keys={
            "kms:GranteePrincipal": "{GranteePrincipal}",
            "kms:RetiringPrincipal": "{RetiringPrincipal}",
            **_OF_CALLERS_OWN,
        },
        further=_told_of_grant,
    ),
    "CreateKey": (
        need("*", tags="Tags", keys=_BYPASS, further=_told_of_new_key),
        need("arn:{partition}:kms:{region}:{account}:key/*", action="TagResource", when="Tags", tags="Tags"),
    ),
    "Decapsulate": _on_key(),
    "Decrypt": need(_encrypting_key, keys=_ENCRYPTION, further=_told_of_source),
    "DeleteAlias": (need(_ALIAS, keys=_CALLER), _ON_ALIASED),
    "DeleteImportedKeyMaterial": _on_key(),
    "DeriveSharedSecret": _on_key(keys={"kms:KeyAgreementAlgorithm": "{KeyAgreementAlgorithm}"}),
    "DescribeKey": _on_key(),
    "DisableKey": _on_key(),
    "DisableKeyRotation": _on_key(),
    "EnableKey": _on_key(),
    "EnableKeyRotation": _on_key(keys={"kms:RotationPeriodInDays": "{RotationPeriodInDays}"}),
    "Encapsulate": _on_key(),
    "Encrypt": _on_key(keys=_ENCRYPTION),
    "GenerateDataKey": _on_key(),
    "GenerateDataKeyPair": _on_key(keys={"kms:DataKeyPairSpec": "{KeyPairSpec}"}),
    "GenerateDataKeyPairWithoutPlaintext": _on_key(keys={"kms:DataKeyPairSpec": "{KeyPairSpec}"}),
    "GenerateDataKeyWithoutPlaintext": _on_key(),
    "GenerateMac": _on_key(keys=_MAC),
    "GenerateRandom": need(),
    "GetKeyPolicy": _on_key(),
    "GetKeyRotationStatus": _on_key(),
    "GetParametersForImport": _on_key(
        keys={"kms:WrappingAlgorithm": "{WrappingAlgorithm}", "kms:WrappingKeySpec": "{WrappingKeySpec}"}
    ),
    "GetPublicKey": _on_key(),
    "ImportKeyMaterial": _on_key(keys={"kms:ExpirationModel": "{ExpirationModel}", "kms:ValidTo": "{ValidTo}"}),
    "ListAliases": need(),
    "ListGrants": _on_key(keys=_OF_CALLERS_OWN),
    "ListKeyPolicies": _on_key(),
    "ListKeyRotations": _on_key(),
    "ListKeys": need(),
    "ListResourceTags": _on_key(),
    "ListRetirableGrants": need(),
    "PutKeyPolicy": _on_key(keys=_BYPASS),
    "ReEncrypt": (
        need(
            _encrypting_key,
            action="ReEncryptFrom",
            keys={"kms:EncryptionAlgorithm": "{SourceEncryptionAlgorithm}"},
            further=_told_of_source,
        ),
        need(
            _destination,
            action="ReEncryptTo",
            keys={"kms:EncryptionAlgorithm": "{DestinationEncryptionAlgorithm}"},
            further=_told_of_destination,
        ),
    ),
    "ReplicateKey": _on_key(tags="Tags", keys={"kms:ReplicaRegion": "{ReplicaRegion}"}),
    "RetireGrant": need(_grants_key, keys=_CALLER),
    "RevokeGrant": _on_key(keys=_OF_CALLERS_OWN),
    "RotateKeyOnDemand": _on_key(),
    "ScheduleKeyDeletion": _on_key(keys={"kms:ScheduleKeyDeletionPendingWindowInDays": "{PendingWindowInDays}"}),
    "Sign": _on_key(keys=_SIGNING),
    "TagResource": _on_key(tags="Tags"),
    "UntagResource": _on_key(tag_keys="TagKeys"),
    "UpdateAlias": (need(_ALIAS, keys=_CALLER), _ON_ALIASED, _ON_TARGET),
    "UpdateKeyDescription": _on_key(),
    "UpdatePrimaryRegion": _on_key(keys={"kms:PrimaryRegion": "{PrimaryRegion}"}),
    "Verify": _on_key(keys=_SIGNING),
    "VerifyMac": _on_key(keys=_MAC),
}
_WITHOUT_KEYS = frozenset(("CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"))

_ON_KEYS = (_OPERATIONS.keys() - _WITHOUT_KEYS) | {"ReEncryptFrom", "ReEncryptTo"}

AUTHORIZATION = Authorization(
    "kms", operations=_OPERATIONS, policy_decides=frozenset(f"kms:{action}" for action in _ON_KEYS)
)
