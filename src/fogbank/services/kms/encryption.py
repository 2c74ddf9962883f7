"""Encrypting and decrypting, and the keys that others encrypt with.

https://docs.aws.amazon.com/kms/latest/developerguide/kms-cryptography.html
"""

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.kms import asymmetric, ciphertexts
from fogbank.services.kms.base import check_usable, refuse_recipient
from fogbank.services.kms.errors import (
    AccessDenied,
    DryRunOperation,
    IncorrectKey,
    InvalidCiphertext,
    InvalidKeyUsage,
    UnsupportedOperation,
    Validation,
)
from fogbank.services.kms.key_material import public_part
from fogbank.services.kms.key_specs import ENCRYPT, SPECS, SYMMETRIC, is_private_key
from fogbank.services.kms.keys import Keys, new_material
from fogbank.services.kms.records import Key

_CONTEXT_BYTES_MAX = 8192
_DATA_KEY_BYTES = {"AES_128": 16, "AES_256": 32}


class Decrypted(NamedTuple):
    plaintext: bytes
    key: Key
    material_id: str


class Encryption(Keys):
    """The operations of `KmsService` with keys that encrypt. `Recipient` is NotImplemented."""

    def decrypt(
        self,
        ctx: Context,
        *,
        CiphertextBlob: bytes | None = None,
        EncryptionContext: dict[str, str] | None = None,
        GrantTokens: list[str] | None = None,
        KeyId: str | None = None,
        EncryptionAlgorithm: str = SYMMETRIC,
        Recipient: dict[str, Any] | None = None,
        DryRun: bool = False,
    ) -> Answer:
        refuse_recipient(Recipient)
        self._check_tokens(GrantTokens)
        found = self._decrypt(ctx, "Decrypt", CiphertextBlob, EncryptionContext, KeyId, EncryptionAlgorithm)
        if DryRun:
            raise DryRunOperation()
        answer: dict[str, Any] = {
            "KeyId": found.key.arn,
            "Plaintext": found.plaintext,
            "EncryptionAlgorithm": EncryptionAlgorithm,
        }
        return answer | ({"KeyMaterialId": found.material_id} if found.key.symmetric else {})

    def encrypt(
        self,
        ctx: Context,
        *,
        KeyId: str,
        Plaintext: bytes,
        EncryptionContext: dict[str, str] | None = None,
        GrantTokens: list[str] | None = None,
        EncryptionAlgorithm: str = SYMMETRIC,
        DryRun: bool = False,
    ) -> Answer:
        self._check_tokens(GrantTokens)
        key = self._key_to_encrypt(ctx, KeyId, "Encrypt", EncryptionAlgorithm)
        blob = self._encrypt(key, Plaintext, EncryptionContext, EncryptionAlgorithm)
        if DryRun:
            raise DryRunOperation()
        return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": EncryptionAlgorithm}

    def generate_data_key(
        self,
        ctx: Context,
        *,
        KeyId: str,
        EncryptionContext: dict[str, str] | None = None,
        NumberOfBytes: int | None = None,
        KeySpec: str | None = None,
        GrantTokens: list[str] | None = None,
        Recipient: dict[str, Any] | None = None,
        DryRun: bool = False,
    ) -> Answer:
        refuse_recipient(Recipient)
        self._check_tokens(GrantTokens)
        plaintext = _new_data_key(KeySpec, NumberOfBytes)
        return self._data_key(ctx, "GenerateDataKey", KeyId, EncryptionContext, plaintext, DryRun)

    async def generate_data_key_pair(
        self,
        ctx: Context,
        *,
        KeyId: str,
        KeyPairSpec: str,
        EncryptionContext: dict[str, str] | None = None,
        GrantTokens: list[str] | None = None,
        Recipient: dict[str, Any] | None = None,
        DryRun: bool = False,
    ) -> Answer:
        refuse_recipient(Recipient)
        self._check_tokens(GrantTokens)
        return await self._data_key_pair(
            ctx, "GenerateDataKeyPair", KeyId, KeyPairSpec, EncryptionContext, dry_run=DryRun
        )

    async def generate_data_key_pair_without_plaintext(
        self,
        ctx: Context,
        *,
        KeyId: str,
        KeyPairSpec: str,
        EncryptionContext: dict[str, str] | None = None,
        GrantTokens: list[str] | None = None,
        DryRun: bool = False,
    ) -> Answer:
        self._check_tokens(GrantTokens)
        answer = await self._data_key_pair(
            ctx, "GenerateDataKeyPairWithoutPlaintext", KeyId, KeyPairSpec, EncryptionContext, dry_run=DryRun
        )
        del answer["PrivateKeyPlaintext"]
        return answer

    def generate_data_key_without_plaintext(
        self,
        ctx: Context,
        *,
        KeyId: str,
        EncryptionContext: dict[str, str] | None = None,
        KeySpec: str | None = None,
        NumberOfBytes: int | None = None,
        GrantTokens: list[str] | None = None,
        DryRun: bool = False,
    ) -> Answer:
        self._check_tokens(GrantTokens)
        plaintext = _new_data_key(KeySpec, NumberOfBytes)
        answer = self._data_key(ctx, "GenerateDataKeyWithoutPlaintext", KeyId, EncryptionContext, plaintext, DryRun)
        del answer["Plaintext"]
        return answer

    def generate_random(
        self, ctx: Context, *, NumberOfBytes: int | None = None, Recipient: dict[str, Any] | None = None
    ) -> Answer:
        """CustomKeyStoreId is NotImplemented."""
        refuse_recipient(Recipient)
        if NumberOfBytes is None:
            raise Validation("NumberOfBytes is required.")
        return {"Plaintext": secrets.token_bytes(NumberOfBytes)}

    def re_encrypt(
        self,
        ctx: Context,
        *,
        DestinationKeyId: str,
        CiphertextBlob: bytes | None = None,
        SourceEncryptionContext: dict[str, str] | None = None,
        SourceKeyId: str | None = None,
        DestinationEncryptionContext: dict[str, str] | None = None,
        SourceEncryptionAlgorithm: str = SYMMETRIC,
        DestinationEncryptionAlgorithm: str = SYMMETRIC,
        GrantTokens: list[str] | None = None,
        DryRun: bool = False,
    ) -> Answer:
        self._check_tokens(GrantTokens)
        source = self._decrypt(
            ctx, "ReEncryptFrom", CiphertextBlob, SourceEncryptionContext, SourceKeyId, SourceEncryptionAlgorithm
        )
        key = self._key_to_encrypt(ctx, DestinationKeyId, "ReEncryptTo", DestinationEncryptionAlgorithm)
        blob = self._encrypt(key, source.plaintext, DestinationEncryptionContext, DestinationEncryptionAlgorithm)
        if DryRun:
            raise DryRunOperation()
        answer: dict[str, Any] = {
            "CiphertextBlob": blob,
            "SourceKeyId": source.key.arn,
            "KeyId": key.arn,
            "SourceEncryptionAlgorithm": SourceEncryptionAlgorithm,
            "DestinationEncryptionAlgorithm": DestinationEncryptionAlgorithm,
        }
        if source.key.symmetric:
            answer["SourceKeyMaterialId"] = source.material_id
        if key.symmetric:
            answer["DestinationKeyMaterialId"] = key.material_id
        return answer

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _key_to_encrypt(self, ctx: Context, name: str, operation: str, algorithm: str) -> Key:
        key = self._key(ctx, name, alias=True, foreign=True)
        check_usable(key)
        check_usage(key, ENCRYPT, operation, algorithm)
        return key

    def _encrypt(self, key: Key, plaintext: bytes, context: Mapping[str, str] | None, algorithm: str) -> bytes:
        if not key.symmetric:
            _check_no_context(context)
            return asymmetric.encrypt(self._secret(key), plaintext, key.spec, algorithm)
        return ciphertexts.encrypt(
            self._secret(key),
            plaintext,
            _checked(context),
            account=key.account,
            key_id=key.id,
            material_id=key.material_id,
        )

    def _decrypt(
        self,
        ctx: Context,
        operation: str,
        blob: bytes | None,
        context: Mapping[str, str] | None,
        name: str | None,
        algorithm: str,
    ) -> Decrypted:
        if blob is None:
            raise Validation("CiphertextBlob is required.")
        named = self._key(ctx, name, alias=True, foreign=True) if name is not None else None
        if algorithm != SYMMETRIC:
            if named is None:
                raise Validation(f"KeyId is required for the encryption algorithm {algorithm}.")
            check_usable(named)
            check_usage(named, ENCRYPT, operation, algorithm)
            _check_no_context(context)
            return Decrypted(asymmetric.decrypt(self._secret(named), blob, algorithm), named, "")
        header = ciphertexts.read_header(blob)
        key = self._tables.keys.peek((header.account, ctx.region, header.key_id))
        if named is not None and (key is None or key.place != named.place):
            raise IncorrectKey()
        if key is None:
            raise AccessDenied(
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
                "or you are not allowed to access."
            )
        check_usable(key)
        number, material_id = self._material_of(key, header.material)
        plaintext = ciphertexts.decrypt(self._secret(key, number), blob, _checked(context))
        return Decrypted(plaintext, key, material_id)

    def _material_of(self, key: Key, begins: str) -> tuple[int, str]:
        """The number and the id of the key's material whose id begins so."""
        if key.material_id.startswith(begins):
            return key.material, key.material_id
        for place, material in self._tables.materials.scan(key.place, reverse=True):
            if material.id.startswith(begins):
                return place[3], material.id
        raise InvalidCiphertext()

    def _data_key(
        self,
        ctx: Context,
        operation: str,
        name: str,
        context: Mapping[str, str] | None,
        plaintext: bytes,
        dry_run: bool,
    ) -> dict[str, Any]:
        key = self._key_to_encrypt(ctx, name, operation, SYMMETRIC)
        blob = self._encrypt(key, plaintext, context, SYMMETRIC)
        if dry_run:
            raise DryRunOperation()
        return {"CiphertextBlob": blob, "Plaintext": plaintext, "KeyId": key.arn, "KeyMaterialId": key.material_id}

    async def _data_key_pair(
        self,
        ctx: Context,
        operation: str,
        name: str,
        spec: str,
        context: Mapping[str, str] | None,
        *,
        dry_run: bool,
    ) -> dict[str, Any]:
        if spec not in SPECS or not is_private_key(spec):
            raise NotImplementedInFogbank(f"Key pairs of the spec {spec} are not implemented by Fogbank.")
        await ctx.run(self._key_to_encrypt, ctx, name, operation, SYMMETRIC)
        if dry_run:
            raise DryRunOperation()
        private = await new_material(spec)
        data_key = await ctx.run(self._data_key, ctx, operation, name, context, private, False)
        return {
            "PrivateKeyCiphertextBlob": data_key["CiphertextBlob"],
            "PrivateKeyPlaintext": private,
            "PublicKey": public_part(spec, private),
            "KeyId": data_key["KeyId"],
            "KeyPairSpec": spec,
            "KeyMaterialId": data_key["KeyMaterialId"],
        }


def check_usage(key: Key, usage: str, operation: str, algorithm: str | None = None) -> None:
    """Raise what AWS answers if the key is for something else, or does not know the algorithm."""
    if key.usage != usage:
        raise InvalidKeyUsage(f"{key.arn} key usage is {key.usage} which is not valid for {operation}.")
    if algorithm is not None and algorithm not in SPECS[key.spec].algorithms[usage]:
        raise InvalidKeyUsage(f"Algorithm {algorithm} is incompatible with key spec {key.spec}.")


def _new_data_key(spec: str | None, size: int | None) -> bytes:
    if (spec is None) == (size is None):
        raise Validation("Please specify either number of bytes or key spec.")
    return secrets.token_bytes(size if size is not None else _DATA_KEY_BYTES[str(spec)])


def _checked(context: Mapping[str, str] | None) -> Mapping[str, str]:
    if context is None:
        return {}
    if sum(len(text.encode()) for pair in context.items() for text in pair) > _CONTEXT_BYTES_MAX:
        raise Validation(f"The encryption context is larger than {_CONTEXT_BYTES_MAX} bytes.")
    return context


def _check_no_context(context: Mapping[str, str] | None) -> None:
    if context:
        raise UnsupportedOperation("EncryptionContext is not supported when using asymmetric CMKs.")
