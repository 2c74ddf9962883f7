"""Keys as KMS tells about them."""

from typing import Any

from fogbank.services.kms.key_specs import ALGORITHM_MEMBERS, SPECS
from fogbank.services.kms.records import ENABLED, PENDING_REPLICA_DELETION, Key, Material, key_arn


def metadata(key: Key, material: Material | None) -> dict[str, Any]:
    """`material` is the key's current one, if it has been given one."""
    answer: dict[str, Any] = {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created_ms / 1000,
        "Enabled": key.state == ENABLED,
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        "Origin": key.origin,
        "KeyManager": "AWS" if key.managed else "CUSTOMER",
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        ALGORITHM_MEMBERS[key.usage]: list(SPECS[key.spec].algorithms[key.usage]),
        "MultiRegion": bool(key.primary_region),
    }
    if key.deletion_ms:
        answer["DeletionDate"] = key.deletion_ms / 1000
    if key.state == PENDING_REPLICA_DELETION:
        answer["PendingDeletionWindowInDays"] = key.window_days
    if key.imported and material is not None and material.wrapped:
        answer |= expiration(material)
    if key.symmetric and key.material_id:
        answer["CurrentKeyMaterialId"] = key.material_id
    if key.primary_region:
        answer["MultiRegionConfiguration"] = _regions(key)
    return answer


def expiration(material: Material) -> dict[str, Any]:
    """Whether imported material expires, and when."""
    if not material.expires:
        return {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    return {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": material.expires_ms / 1000}


def _regions(key: Key) -> dict[str, Any]:
    def place(region: str) -> dict[str, str]:
        return {"Arn": key_arn(region, key.account, key.id), "Region": region}

    return {
        "MultiRegionKeyType": "REPLICA" if key.replica else "PRIMARY",
        "PrimaryKey": place(key.primary_region),
        "ReplicaKeys": [place(region) for region in key.regions if region != key.primary_region],
    }
