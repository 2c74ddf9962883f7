"""Imported key material: https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys.html

The private half of the key that material is wrapped with for its way here is in the import token, which only KMS can
open: nothing is kept of an import that never comes.
"""

from typing import Any

import msgspec
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from fogbank.core.alarms import Alarm
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.master_key import NotWrappedHere
from fogbank.core.service import Answer
from fogbank.services.kms import asymmetric
from fogbank.services.kms.base import check_not
from fogbank.services.kms.computing import Computing
from fogbank.services.kms.errors import (
    ExpiredImportToken,
    IncorrectKeyMaterial,
    InvalidCiphertext,
    InvalidImportToken,
    InvalidState,
    UnsupportedOperation,
    Validation,
)
from fogbank.services.kms.events import announce
from fogbank.services.kms.key_material import UnfitMaterial, check, material_id, public_part
from fogbank.services.kms.key_specs import SPECS
from fogbank.services.kms.keys import new_material
from fogbank.services.kms.records import ENABLED, PENDING_DELETION, PENDING_IMPORT, Key, KeyPlace, Material

_TOKEN = "kms:import-token"
_DAY_MS = 86_400_000
_VALID_DAYS_MAX = 365
_OAEP = "RSAES_OAEP_"
_KEY_WRAP = "RSA_AES_KEY_WRAP_"
NEW = "NEW_KEY_MATERIAL"
EXISTING = "EXISTING_KEY_MATERIAL"


class ImportToken(msgspec.Struct, array_like=True):
    """What an import token says to KMS."""

    place: KeyPlace
    algorithm: str
    wrapping_key: bytes
    valid_to_ms: int


class Importing(Computing):
    """The key material of `KmsService` that its users bring."""

    def delete_imported_key_material(self, ctx: Context, *, KeyId: str, KeyMaterialId: str | None = None) -> Answer:
        key = self._external(ctx, KeyId)
        wanted = KeyMaterialId or key.material_id
        for place, material in list(self._tables.materials.scan(key.place)):
            if material.id == wanted:
                self._drop_material(key, place[3], material)
        return {"KeyId": key.arn, **({"KeyMaterialId": wanted} if key.symmetric and wanted else {})}

    async def get_parameters_for_import(
        self, ctx: Context, *, KeyId: str, WrappingAlgorithm: str, WrappingKeySpec: str
    ) -> Answer:
        key = await ctx.run(self._external, ctx, KeyId)
        check_not(key, PENDING_DELETION)
        if not WrappingAlgorithm.startswith((_OAEP, _KEY_WRAP)) or WrappingKeySpec not in SPECS:
            raise NotImplementedInFogbank(
                f"The wrapping algorithm {WrappingAlgorithm} with {WrappingKeySpec} is not implemented by Fogbank."
            )
        wrapping_key = await new_material(WrappingKeySpec)
        token = ImportToken(key.place, WrappingAlgorithm, wrapping_key, ctx.now_ms + _DAY_MS)
        sealed = self.cloud.master_key.wrap(msgspec.msgpack.encode(token), purpose=_TOKEN)
        return {
            "KeyId": key.arn,
            "ImportToken": sealed,
            "PublicKey": public_part(WrappingKeySpec, wrapping_key),
            "ParametersValidTo": token.valid_to_ms / 1000,
        }

    def import_key_material(
        self,
        ctx: Context,
        *,
        KeyId: str,
        ImportToken: bytes,
        EncryptedKeyMaterial: bytes,
        ValidTo: float | None = None,
        ExpirationModel: str = "KEY_MATERIAL_EXPIRES",
        ImportType: str | None = None,
        KeyMaterialDescription: str = "",
        KeyMaterialId: str | None = None,
    ) -> Answer:
        key = self._external(ctx, KeyId)
        check_not(key, PENDING_DELETION)
        expires = ExpirationModel == "KEY_MATERIAL_EXPIRES"
        secret = self._unwrapped(ctx, key, ImportToken, EncryptedKeyMaterial)
        made = Material(
            id=material_id(key.id, secret),
            wrapped=b"",
            made_ms=ctx.now_ms,
            expires=expires,
            expires_ms=_valid_to_ms(ctx, expires, ValidTo),
            description=KeyMaterialDescription,
        )
        if KeyMaterialId not in (None, made.id):
            raise IncorrectKeyMaterial()
        number = self._number_to_import(key, made, ImportType)
        self._add_material(key, secret, made, number)
        if expires:
            self._expiries.set((*key.place, number), made.expires_ms)
        else:
            self._expiries.cancel((*key.place, number))
        if not key.material:
            key.material, key.material_id = number, made.id
        if key.state == PENDING_IMPORT and self._is_complete(key):
            key.state = ENABLED
        self._save(key)
        return {"KeyId": key.arn, **({"KeyMaterialId": made.id} if key.symmetric else {})}

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _external(self, ctx: Context, name: str) -> Key:
        """A key whose material is imported, to be changed and saved."""
        key = self._key_to_change(ctx, name)
        if not key.imported:
            raise UnsupportedOperation(f"{key.arn} origin is {key.origin} which is not valid for this operation.")
        return key

    def _unwrapped(self, ctx: Context, key: Key, token: bytes, encrypted: bytes) -> bytes:
        try:
            opened = self.cloud.master_key.unwrap(token, purpose=_TOKEN)
        except NotWrappedHere:
            raise InvalidImportToken() from None
        said = msgspec.msgpack.decode(opened, type=ImportToken)
        if said.place != key.place:
            raise InvalidImportToken()
        if said.valid_to_ms < ctx.now_ms:
            raise ExpiredImportToken()
        secret = _unwrap(said, encrypted)
        try:
            check(key.spec, secret)
        except UnfitMaterial:
            raise IncorrectKeyMaterial("The key material is not valid for the key spec of this KMS key.") from None
        return secret

    def _number_to_import(self, key: Key, made: Material, import_type: str | None) -> int:
        """Under which number the material belongs: a new one, or that of material which was there before."""
        there: dict[str, int] = {material.id: place[3] for place, material in self._tables.materials.scan(key.place)}
        if (import_type or (EXISTING if there else NEW)) == EXISTING:
            if made.id not in there:
                raise IncorrectKeyMaterial()
            self._keep_history(key, made, there[made.id])
            return there[made.id]
        if made.id in there or (there and not key.symmetric):
            raise IncorrectKeyMaterial()
        if key.replica and made.id not in self._ids_of_primary(key):
            raise IncorrectKeyMaterial()
        pending = self._pending(key)
        if pending:
            waiting = self._tables.materials.get((*key.place, pending))
            assert waiting is not None
            raise InvalidState(
                f"New key material (id: {made.id}) cannot be imported into KMS key {key.arn}, "
                f"because another key material (id: {waiting.id}) is pending rotation."
            )
        made.pending = bool(there)
        return max(there.values(), default=0) + 1

    def _keep_history(self, key: Key, made: Material, number: int) -> None:
        before = self._tables.materials.get((*key.place, number))
        assert before is not None
        made.rotation, made.rotated_ms, made.pending = before.rotation, before.rotated_ms, before.pending
        made.description = made.description or before.description

    def _ids_of_primary(self, key: Key) -> set[str]:
        return {material.id for _, material in self._tables.materials.scan(self._primary(key).place)}

    def _is_complete(self, key: Key) -> bool:
        return all(material.wrapped for _, material in self._tables.materials.scan(key.place))

    def _drop_material(self, key: Key, number: int, material: Material) -> None:
        """The secret goes; its id stays, so that it can come back. The key cannot be used as long as one is missing."""
        self._expiries.cancel((*key.place, number))
        if material.pending:
            self._tables.materials.delete((*key.place, number))
            return
        material.wrapped = b""
        self._tables.materials.put((*key.place, number), material)
        if key.state != PENDING_DELETION:
            key.state = PENDING_IMPORT
        self._save(key)

    def _expire_due(self, place: Any, alarm: Alarm) -> None:
        key, material = self._tables.keys.get(place[:3]), self._tables.materials.get(place)
        if key is not None and material is not None and material.wrapped:
            self._drop_material(key, place[3], material)
            announce(
                self.cloud.context(account=key.account, region=key.region), key, "KMS Imported Key Material Expiration"
            )


def _unwrap(token: ImportToken, encrypted: bytes) -> bytes:
    if token.algorithm.startswith(_OAEP):
        return asymmetric.decrypt(token.wrapping_key, encrypted, token.algorithm)
    length = asymmetric.ciphertext_bytes(token.wrapping_key)
    key = asymmetric.decrypt(token.wrapping_key, encrypted[:length], token.algorithm)
    try:
        return aes_key_unwrap_with_padding(key, encrypted[length:])
    except (InvalidUnwrap, ValueError):  # The latter of a key that is none of AES.
        raise InvalidCiphertext() from None


def _valid_to_ms(ctx: Context, expires: bool, valid_to_s: float | None) -> int:
    if not expires:
        if valid_to_s is not None:
            raise Validation("A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
        return 0
    if valid_to_s is None:
        raise Validation("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
    valid_to_ms = int(valid_to_s * 1000)
    if not ctx.now_ms < valid_to_ms <= ctx.now_ms + _VALID_DAYS_MAX * _DAY_MS:
        raise Validation(f"The validTo date must be in the future and within {_VALID_DAYS_MAX} days from now.")
    return valid_to_ms
