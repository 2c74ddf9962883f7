"""Signatures, message authentication codes, agreement and encapsulation: what keys do beside encryption."""

import hmac

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.kms import asymmetric
from fogbank.services.kms.base import check_usable
from fogbank.services.kms.encryption import Encryption, check_usage
from fogbank.services.kms.errors import DryRunOperation, InvalidMac, UnsupportedOperation
from fogbank.services.kms.key_material import public_part
from fogbank.services.kms.key_specs import AGREE, ALGORITHM_MEMBERS, ENCAPSULATE, MAC, SIGN, SPECS, is_private_key
from fogbank.services.kms.records import Key

Tokens = list[str] | None


class Computing(Encryption):
    """The operations of `KmsService` with keys that do not encrypt, and the public halves of keys."""

    def decapsulate(
        self, ctx: Context, *, KeyId: str, SharedSecretCiphertextBlob: bytes, EncapsulationAlgorithm: str,
        GrantTokens: Tokens = None, DryRun: bool = False,
    ) -> Answer:  # fmt: skip
        key = self._key_for(ctx, KeyId, ENCAPSULATE, "Decapsulate", EncapsulationAlgorithm, GrantTokens, DryRun)
        secret = asymmetric.decapsulate(self._secret(key), SharedSecretCiphertextBlob)
        return {"KeyId": key.arn, "SharedSecret": secret, "EncapsulationAlgorithm": EncapsulationAlgorithm}

    def derive_shared_secret(
        self, ctx: Context, *, KeyId: str, KeyAgreementAlgorithm: str, PublicKey: bytes, GrantTokens: Tokens = None,
        DryRun: bool = False,
    ) -> Answer:  # fmt: skip
        """Recipient is NotImplemented."""
        key = self._key_for(ctx, KeyId, AGREE, "DeriveSharedSecret", KeyAgreementAlgorithm, GrantTokens, DryRun)
        return {
            "KeyId": key.arn,
            "SharedSecret": asymmetric.agree(self._secret(key), PublicKey),
            "KeyAgreementAlgorithm": KeyAgreementAlgorithm,
            "KeyOrigin": key.origin,
        }

    def encapsulate(
        self, ctx: Context, *, KeyId: str, EncapsulationAlgorithm: str, GrantTokens: Tokens = None,
        DryRun: bool = False,
    ) -> Answer:  # fmt: skip
        key = self._key_for(ctx, KeyId, ENCAPSULATE, "Encapsulate", EncapsulationAlgorithm, GrantTokens, DryRun)
        secret, ciphertext = asymmetric.encapsulate(self._secret(key))
        return {
            "KeyId": key.arn,
            "SharedSecret": secret,
            "SharedSecretCiphertextBlob": ciphertext,
            "EncapsulationAlgorithm": EncapsulationAlgorithm,
        }

    def generate_mac(
        self, ctx: Context, *, Message: bytes, KeyId: str, MacAlgorithm: str, GrantTokens: Tokens = None,
        DryRun: bool = False,
    ) -> Answer:  # fmt: skip
        key = self._key_for(ctx, KeyId, MAC, "GenerateMac", MacAlgorithm, GrantTokens, DryRun)
        return {"KeyId": key.arn, "Mac": self._mac(key, Message, MacAlgorithm), "MacAlgorithm": MacAlgorithm}

    def get_public_key(self, ctx: Context, *, KeyId: str, GrantTokens: Tokens = None) -> Answer:
        self._check_tokens(GrantTokens)
        key = self._key(ctx, KeyId, alias=True, foreign=True)
        if not is_private_key(key.spec):
            raise UnsupportedOperation()
        check_usable(key)
        return {
            "KeyId": key.arn,
            "PublicKey": public_part(key.spec, self._secret(key)),
            "CustomerMasterKeySpec": key.spec,
            "KeySpec": key.spec,
            "KeyUsage": key.usage,
            ALGORITHM_MEMBERS[key.usage]: list(SPECS[key.spec].algorithms[key.usage]),
        }

    def sign(
        self, ctx: Context, *, KeyId: str, Message: bytes, SigningAlgorithm: str, MessageType: str = "RAW",
        GrantTokens: Tokens = None, DryRun: bool = False,
    ) -> Answer:  # fmt: skip
        key = self._key_for(ctx, KeyId, SIGN, "Sign", SigningAlgorithm, GrantTokens, DryRun)
        signature = asymmetric.sign(self._secret(key), Message, MessageType, SigningAlgorithm)
        return {"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": SigningAlgorithm}

    def verify(
        self, ctx: Context, *, KeyId: str, Message: bytes, Signature: bytes, SigningAlgorithm: str,
        MessageType: str = "RAW", GrantTokens: Tokens = None, DryRun: bool = False,
    ) -> Answer:  # fmt: skip
        key = self._key_for(ctx, KeyId, SIGN, "Verify", SigningAlgorithm, GrantTokens, DryRun)
        asymmetric.verify(self._secret(key), Message, MessageType, SigningAlgorithm, Signature)
        return {"KeyId": key.arn, "SignatureValid": True, "SigningAlgorithm": SigningAlgorithm}

    def verify_mac(
        self, ctx: Context, *, Message: bytes, KeyId: str, MacAlgorithm: str, Mac: bytes, GrantTokens: Tokens = None,
        DryRun: bool = False,
    ) -> Answer:  # fmt: skip
        key = self._key_for(ctx, KeyId, MAC, "VerifyMac", MacAlgorithm, GrantTokens, DryRun)
        if not hmac.compare_digest(self._mac(key, Message, MacAlgorithm), Mac):
            raise InvalidMac()
        return {"KeyId": key.arn, "MacValid": True, "MacAlgorithm": MacAlgorithm}

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _key_for(
        self, ctx: Context, name: str, usage: str, operation: str, algorithm: str, tokens: Tokens, dry_run: bool
    ) -> Key:
        """The key to do it with. Raises what AWS answers if it cannot, and if it was only to be seen whether it can."""
        self._check_tokens(tokens)
        key = self._key(ctx, name, alias=True, foreign=True)
        check_usable(key)
        check_usage(key, usage, operation, algorithm)
        if dry_run:
            raise DryRunOperation()
        return key

    def _mac(self, key: Key, message: bytes, algorithm: str) -> bytes:
        return hmac.digest(self._secret(key), message, f"sha{algorithm.removeprefix('HMAC_SHA_')}")
