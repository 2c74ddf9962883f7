"""The versions of a secret: adding one, reading its value, forgetting those that nobody has labelled.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
"""

from collections.abc import Iterable
from typing import NamedTuple

from fogbank.core.context import Context
from fogbank.services.secretsmanager.access import Access
from fogbank.services.secretsmanager.base import Found
from fogbank.services.secretsmanager.errors import (
    InvalidParameter,
    InvalidRequest,
    LimitExceeded,
    ResourceExists,
)
from fogbank.services.secretsmanager.records import Version
from fogbank.services.secretsmanager.stages import CURRENT, LABELS_MAX, PENDING, PREVIOUS, attached

VERSIONS_MAX = 100
VALUE_BYTES_MAX = 65_536
_KEPT_MS = 24 * 3600 * 1000
"""A version without a label is kept for as long at least."""
_DAY_MS = 24 * 3600 * 1000


class Value(NamedTuple):
    data: bytes
    is_binary: bool

    @property
    def members(self) -> dict[str, str | bytes]:
        """As GetSecretValue answers it."""
        return {"SecretBinary": self.data} if self.is_binary else {"SecretString": self.data.decode()}


class Versions(Access):
    """What the operations on versions have in common."""

    def _add_version(
        self, ctx: Context, found: Found, version_id: str, value: Value | None, labels: Iterable[str]
    ) -> None:
        """Make the version, or give one that a rotation has asked for its value, and attach the labels.

        A version that has this value already is left as it is: then only the labels that it lacks are attached.
        """
        key = (*found.place, version_id)
        version = self._tables.versions.get(key)
        if version is None:
            self._make_room(ctx, found)
            found.secret.versions_made += 1
            version = Version(number=found.secret.versions_made, created_ms=ctx.now_ms)
        elif version.sealed is not None and self._unsealed(ctx, found, version_id, version) != value:
            raise token_in_use(found, version_id)
        if value is not None and version.sealed is None:
            self._seal(ctx, found, version_id, version, value)
        self._tables.versions.put(key, version)
        self._attach(found, version_id, labels)

    def _seal_anew(self, ctx: Context, found: Found) -> None:
        """Encrypt with the secret's present key what AWS does: the versions with labels of its own."""
        stages = found.secret.stages
        for version_id in {stages[label] for label in (CURRENT, PENDING, PREVIOUS) if label in stages}:
            version = self._tables.versions.get((*found.place, version_id))
            if version is not None and version.sealed is not None:
                self._seal(ctx, found, version_id, version, self._unsealed(ctx, found, version_id, version))
                self._tables.versions.put((*found.place, version_id), version)

    def _seal(self, ctx: Context, found: Found, version_id: str, version: Version, value: Value) -> None:
        """Give the version that value, encrypted with the secret's key."""
        version.key_id, version.is_binary = found.secret.key_id, value.is_binary
        version.sealed = self._sealing.seal(
            ctx, value.data, key_id=version.key_id, secret_arn=found.arn, version=version_id
        )

    def _attach(self, found: Found, version_id: str, labels: Iterable[str]) -> None:
        found.secret.stages = attached(found.secret.stages, version_id, labels)
        if len(found.secret.stages) > LABELS_MAX:  # AWS's sentence is not recorded.
            raise LimitExceeded(f"A secret can have no more than {LABELS_MAX} staging labels.")

    def _unsealed(self, ctx: Context, found: Found, version_id: str, version: Version) -> Value:
        assert version.sealed is not None, "only a version that has a value is read"
        data = self._sealing.unseal(ctx, version.sealed, secret_arn=found.arn, version=version_id)
        return Value(data, version.is_binary)

    def _note_access(self, ctx: Context, found: Found, version_id: str, version: Version) -> None:
        """The day of the last access: AWS keeps no more than that, so that most reads write nothing."""
        today_ms = ctx.now_ms - ctx.now_ms % _DAY_MS
        if version.accessed_ms != today_ms:
            version.accessed_ms = today_ms
            self._tables.versions.put((*found.place, version_id), version)
        if found.secret.accessed_ms != today_ms:
            found.secret.accessed_ms = today_ms
            self._tables.secrets.put(found.place, found.secret)

    def _in_order(self, found: Found) -> list[tuple[str, Version]]:
        """All versions, the oldest first."""
        rows = [(str(key[3]), version) for key, version in self._tables.versions.scan(found.place)]
        return sorted(rows, key=lambda row: row[1].number)

    def _make_room(self, ctx: Context, found: Found) -> None:
        """Forget the oldest versions without labels where there are too many, but none of the last day."""
        rows = self._in_order(found)
        labelled = set(found.secret.stages.values())
        doomed = [
            version_id
            for version_id, version in rows
            if version_id not in labelled and version.created_ms <= ctx.now_ms - _KEPT_MS
        ][: max(len(rows) - VERSIONS_MAX + 1, 0)]
        for version_id in doomed:
            self._tables.versions.delete((*found.place, version_id))
        if len(rows) - len(doomed) >= VERSIONS_MAX:  # AWS's sentence is not recorded.
            raise LimitExceeded(
                f"The secret has {VERSIONS_MAX} versions that were made in the last 24 hours or have a staging label."
            )


def token_in_use(found: Found, token: str) -> ResourceExists:
    """The refusal of a token whose version has another value."""
    return ResourceExists(
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
        f"{found.arn}."
    )


def value_of(text: str | None, binary: bytes | None) -> Value | None:
    """The value that a request gives; None if it gives none."""
    if text is not None and binary is not None:
        raise InvalidParameter(
            "You can't specify both a binary secret value and a string secret value in the same secret."
        )
    value = Value(text.encode(), is_binary=False) if text is not None else None
    if binary is not None:
        value = Value(binary, is_binary=True)
    if value is not None and len(value.data) > VALUE_BYTES_MAX:  # AWS's sentence is not recorded.
        raise InvalidParameter(f"The secret value can't be longer than {VALUE_BYTES_MAX} bytes.")
    return value


def check_token(token: str | None) -> str:
    """The version id that a request asks for. SDKs make one where their caller gives none, and AWS insists on it."""
    if not token:
        raise InvalidRequest(NO_TOKEN)
    return token


NO_TOKEN = "You must provide a ClientRequestToken value. We recommend a UUID-type value."
