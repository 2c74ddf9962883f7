"""Envelope encryption: what a service keeps is encrypted under data keys, and those are encrypted by KMS.

    self._envelope = Envelope(cloud, "sqs", refusal=kms_refusal)
    sealed = self._envelope.seal(ctx, key_id, text, {"aws:sqs:arn": queue_arn}, reuse_s=300)
    text = self._envelope.open(ctx, sealed, {"aws:sqs:arn": queue_arn}, reuse_s=300)

What is sealed carries its encrypted data key, so that nothing else has to be kept, and can be opened only with the same
encryption context. KMS is asked on behalf of whom `ctx` names: a key that is disabled or deleted, or whose policy does
not let them, makes both fail. With `reuse_s`, KMS is not asked again for so long; that is what makes it cheap enough
for every message.
"""

import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from fogbank.core.errors import AwsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from fogbank.core.cloud import Cloud
    from fogbank.core.context import Context

_FORMAT = b"\1"
_LENGTH_BYTES = 2
_NONCE_BYTES = 12
_KEY_BYTES = 32
_REMEMBERED_MAX = 10_000
_CIPHERS_MAX = 4096

T = TypeVar("T")
EncryptionContext = Mapping[str, str]


class DataKey(NamedTuple):
    """`blob` is the plaintext encrypted by KMS, `key_arn` what it was encrypted with."""

    plaintext: bytes
    blob: bytes
    key_arn: str


class Envelope:
    """The encryption of one service. `refusal` makes the service's own error of one of KMS."""

    def __init__(
        self, cloud: "Cloud", service: str, *, refusal: Callable[[AwsError], AwsError] = lambda error: error
    ) -> None:
        self._cloud = cloud
        self._service = service
        self._refusal = refusal
        # What KMS said, and until when it is not asked again.
        self._made: dict[object, tuple[DataKey, int]] = {}
        self._opened: dict[object, tuple[bytes, int]] = {}

    def seal(self, ctx: "Context", key: str, text: bytes, context: EncryptionContext, *, reuse_s: int = 0) -> bytes:
        """The text encrypted. `key` is what KMS takes for one: an id, an ARN, an alias such as `alias/aws/sqs`."""
        data_key = self.data_key(ctx, key, context, reuse_s=reuse_s)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        length = len(data_key.blob).to_bytes(_LENGTH_BYTES, "big")
        return b"".join((_FORMAT, length, data_key.blob, nonce, _cipher(data_key.plaintext).encrypt(nonce, text, None)))

    def open(self, ctx: "Context", sealed: bytes, context: EncryptionContext, *, reuse_s: int = 0) -> bytes:
        """The text that was sealed in that context."""
        begin = len(_FORMAT) + _LENGTH_BYTES
        end = begin + int.from_bytes(sealed[len(_FORMAT) : begin], "big")
        plaintext = self.open_data_key(ctx, sealed[begin:end], context, reuse_s=reuse_s)
        return _cipher(plaintext).decrypt(sealed[end : end + _NONCE_BYTES], sealed[end + _NONCE_BYTES :], None)

    def data_key(self, ctx: "Context", key: str, context: EncryptionContext, *, reuse_s: int = 0) -> DataKey:
        """A data key, for who encrypts by themselves: keep its `blob` beside what its `plaintext` encrypted."""
        known = (*_asking(ctx), key, *context.items())
        found = self._made.get(known)
        if found is not None and reuse_s and ctx.now_ms < found[1]:
            return found[0]
        made = self._from_kms(ctx, key, context, secrets.token_bytes(_KEY_BYTES))
        if reuse_s and not self._cloud.kms.unsettled:
            _remember(self._made, known, made, ctx.now_ms + reuse_s * 1000)
        return made

    def wrapped(self, ctx: "Context", key: str, plaintext: bytes, context: EncryptionContext) -> DataKey:
        """A data key that is there already, encrypted by another key of KMS or in another context."""
        return self._from_kms(ctx, key, context, plaintext)

    def open_data_key(self, ctx: "Context", blob: bytes, context: EncryptionContext, *, reuse_s: int = 0) -> bytes:
        """The plaintext of a data key from its `blob`."""
        known = (*_asking(ctx), blob, *context.items())
        found = self._opened.get(known)
        if found is not None and reuse_s and ctx.now_ms < found[1]:
            return found[0]
        try:
            opened: bytes = self._cloud.kms.open_data_key(ctx, blob, context, via=self._via(ctx))
        except AwsError as error:
            raise self._refusal(error) from None
        if reuse_s and not self._cloud.kms.unsettled:
            _remember(self._opened, known, opened, ctx.now_ms + reuse_s * 1000)
        return opened

    def _from_kms(self, ctx: "Context", key: str, context: EncryptionContext, plaintext: bytes) -> DataKey:
        try:
            blob, arn = self._cloud.kms.seal_data_key(ctx, key, plaintext, context, via=self._via(ctx))
        except AwsError as error:
            raise self._refusal(error) from None
        return DataKey(plaintext, blob, arn)

    def _via(self, ctx: "Context") -> str:
        return f"{self._service}.{ctx.region}.amazonaws.com"


def worded(kinds: Mapping[str, Callable[[str], AwsError]]) -> Callable[[AwsError], AwsError]:
    """A `refusal` for a service that has errors of its own for KMS's codes, with KMS's sentences."""

    def refusal(error: AwsError) -> AwsError:
        kind = kinds.get(error.code)
        if kind is None:
            return error
        refused = kind(error.message)
        refused.headers = error.headers
        return refused

    return refusal


def _asking(ctx: "Context") -> tuple[str | None, ...]:
    """On whose behalf KMS is asked: what it said to one is not for others."""
    who = ctx.identity.arn if ctx.identity is not None else None
    return ctx.account, ctx.region, ctx.access_key, who


def _remember(known: dict[object, tuple[T, int]], what: object, value: T, until_ms: int) -> None:
    if len(known) >= _REMEMBERED_MAX:
        known.clear()
    known[what] = (value, until_ms)


@lru_cache(_CIPHERS_MAX)
def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
