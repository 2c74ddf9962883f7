"""Tables under a key of KMS: attributes lie encrypted, and whoever reads or writes needs the key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
A table has a data key for as long as it lives, kept encrypted by its key of KMS (`TableKey`). So another key of KMS
changes one row, and a table that goes back to the key that DynamoDB owns keeps its data key under the folder's master
key. The data key is asked of KMS again every five minutes, for each caller and for what DynamoDB does by itself; a key
that is disabled, deleted or denied so shuts the table.

What is sealed stands as a MessagePack extension where attributes would: the number of the data key, a nonce, and
AES-256-GCM of the attributes. (Nonces are random: among 2^32 writes to a table two are the same with a probability of
2^-33.) Partition keys, which need no order, lie as keyed digests; sort keys lie as they are.
"""

import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope
from fogbank.core.errors import AwsError
from fogbank.services.dynamodb.errors import KmsAccessDenied, Validation
from fogbank.services.dynamodb.records import KEY_ARN, Past, StoredItem, StreamRecord, TableKey, TableRecord

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_AWS_MANAGED = "alias/aws/dynamodb"
_REUSE_S = 300
_REMEMBERED_MAX = 10_000
_GRANTED = (
    "DescribeKey", "GenerateDataKey", "Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo", "RetireGrant",
)  # fmt: skip
_SEALED = 1  # The extension's code.
_NUMBER_BYTES, _NONCE_BYTES, _KEY_BYTES, _DIGEST_BYTES = 8, 12, 32, 16
_HEAD_BYTES = _NUMBER_BYTES + _NONCE_BYTES
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder().decode


class _Cipher:
    """What is done with one data key."""

    __slots__ = ("_digest_key", "_gcm", "_number")

    def __init__(self, number: int, key: bytes) -> None:
        self._number = number.to_bytes(_NUMBER_BYTES, "big")
        self._gcm = _gcm(key)
        self._digest_key = blake2b(b"partition keys", key=key).digest()

    def seal(self, value: Any) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self._number + nonce + self._gcm.encrypt(nonce, _encode(value), None)

    def open(self, sealed: bytes | memoryview) -> Any:
        return _decode(self._gcm.decrypt(sealed[_NUMBER_BYTES:_HEAD_BYTES], sealed[_HEAD_BYTES:], None))

    def digest(self, partition: bytes) -> bytes:
        return blake2b(partition, key=self._digest_key, digest_size=_DIGEST_BYTES).digest()


class TableEncryption:
    """The keys of tables and backups, and what is sealed with them."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._envelope = Envelope(cloud, "dynamodb")
        self._keys = cloud.store.table("dynamodb.table_keys", key=(int,), value=TableKey)
        # By the encrypted data key, and until when KMS is not asked again.
        self._ciphers: dict[bytes, tuple[_Cipher, int]] = {}

    # ---- keys ---------------------------------------------------------------------------------------------------

    def set_key(self, ctx: Context, table: TableRecord, given: dict[str, Any] | None) -> None:
        """Put the table under the key that an SSESpecification means, which must be usable. The caller saves it."""
        if given is None:
            return
        ctx = ctx.at(account=table.account, region=table.region)
        before = self._keys.get((table.data_key,))
        key = secrets.token_bytes(_KEY_BYTES) if before is None else self._unwrapped(ctx, table.data_key, before)
        if given.get("Enabled"):
            table.data_key = table.data_key or self._cloud.sequence.next()
            # What was settled before, as a restored table has it, comes first.
            key_id = given.get(KEY_ARN) or given.get("KMSMasterKeyId") or _AWS_MANAGED
            given = {**given, KEY_ARN: self._keep_under(ctx, table.data_key, table, key_id, key, granted=True)}
        elif before is not None:
            self._keep(table.data_key, table, key)
        table.sse = given
        if before is not None:
            self._retire(ctx, before)

    def key_for_backup(self, ctx: Context, table: TableRecord) -> int:
        """The number of a new data key under the table's key of KMS; 0: the table is under none."""
        arn = (table.sse or {}).get(KEY_ARN)
        if arn is None:
            return 0
        number: int = self._cloud.sequence.next()
        self._keep_under(ctx, number, table, arn, secrets.token_bytes(_KEY_BYTES))
        return number

    def retire_grant(self, ctx: Context, table: TableRecord) -> None:
        """The table is deleted."""
        record = self._keys.get((table.data_key,))
        if record is not None and record.grant:
            self._retire(ctx, record)
            self._keys.put((table.data_key,), msgspec.structs.replace(record, grant=""))

    def _retire(self, ctx: Context, record: TableKey) -> None:
        if record.grant:
            self._cloud.kms.retire_service_grant(ctx, record.key_arn, record.grant, via=_via(record.region))

    def _keep_under(
        self, ctx: Context, number: int, table: TableRecord, key_id: str, key: bytes, *, granted: bool = False
    ) -> str:
        """Keep the data key encrypted by a key of KMS, whose ARN is the answer. `granted`: with a grant for later."""
        context, via, grant = _context(table.account, table.name), _via(table.region), ""
        try:
            wrapped = self._envelope.wrapped(ctx, key_id, key, context)
            if granted:
                grant = self._cloud.kms.grant_to_service(ctx, wrapped.key_arn, list(_GRANTED), context, via=via)
        except AwsError as error:
            raise Validation(f"KMS validation error: {error.message}") from None
        record = TableKey(table.account, table.region, table.name, wrapped.blob, wrapped.key_arn, grant)
        self._keys.put((number,), record)
        return wrapped.key_arn

    def _keep(self, number: int, table: TableRecord, key: bytes) -> None:
        """Keep the data key encrypted by the master key."""
        blob = self._cloud.master_key.wrap(key, purpose=_purpose(number))
        self._keys.put((number,), TableKey(table.account, table.region, table.name, blob))

    # ---- who may use them ---------------------------------------------------------------------------------------

    def check(self, ctx: Context, table: TableRecord) -> None:
        """Raise what AWS answers to who cannot use the key of a table that has one."""
        if table.data_key:
            self.check_key(ctx, table.data_key)
        elif not self.is_open(table):  # From when a key of KMS encrypted nothing: it could not be used since.
            raise KmsAccessDenied()

    def check_key(self, ctx: Context, number: int) -> None:
        """As `check`, of a table's data key."""
        record = self._record(number)
        if not record.key_arn:
            return
        key = self._unwrapped(ctx, number, record, reuse_s=_REUSE_S)
        found = self._ciphers.get(record.blob)
        if found is None or ctx.now_ms >= found[1]:
            self._remember(record.blob, _Cipher(number, key), ctx.now_ms)

    def is_open(self, table: TableRecord) -> bool:
        """Whether the table's key can be used now; tables that have none are always open."""
        arn = (table.sse or {}).get(KEY_ARN)
        if arn is None:
            return True
        ctx = self._cloud.context(account=table.account, region=table.region)
        try:
            enabled: bool = self._cloud.kms.describe_key(ctx, KeyId=arn)["KeyMetadata"]["Enabled"]
        except AwsError:
            return False
        return enabled

    def _unwrapped(self, ctx: Context, number: int, record: TableKey, *, reuse_s: int = 0) -> bytes:
        if not record.key_arn:
            return self._cloud.master_key.unwrap(record.blob, purpose=_purpose(number))
        there = ctx.at(account=record.account, region=record.region)
        context = _context(record.account, record.table)
        try:
            return self._envelope.open_data_key(there, record.blob, context, reuse_s=reuse_s)
        except AwsError:
            raise KmsAccessDenied() from None

    def _record(self, number: int) -> TableKey:
        record = self._keys.peek((number,))
        assert record is not None, "keys of tables are not removed"
        return record

    def _cipher(self, number: int) -> _Cipher:
        """Raises KmsAccessDenied if the key of KMS cannot be used any more."""
        record, now_ms = self._record(number), self._cloud.clock.now_ms()
        found = self._ciphers.get(record.blob)
        if found is not None and now_ms < found[1]:
            return found[0]
        if record.grant and not self._cloud.kms.has_grant(record.key_arn, record.grant):
            raise KmsAccessDenied()
        ctx = self._cloud.context(account=record.account, region=record.region)
        cipher = _Cipher(number, self._unwrapped(ctx, number, record))
        self._remember(record.blob, cipher, now_ms)
        return cipher

    def _remember(self, blob: bytes, cipher: _Cipher, now_ms: int) -> None:
        if not self._cloud.kms.unsettled:
            if len(self._ciphers) >= _REMEMBERED_MAX:
                self._ciphers.clear()
            self._ciphers[blob] = cipher, now_ms + _REUSE_S * 1000

    # ---- what is sealed -----------------------------------------------------------------------------------------

    def seal(self, number: int, value: Any) -> bytes:
        return self._cipher(number).seal(value)

    def open(self, sealed: bytes | memoryview) -> Any:
        return self._cipher(int.from_bytes(sealed[:_NUMBER_BYTES], "big")).open(sealed)

    def unseal(self, code: int, data: memoryview) -> Any:
        """What an extension in a stored value stands for."""
        assert code == _SEALED
        return self.open(data)

    def sealed(self, number: int, stored: StoredItem) -> StoredItem:
        """The item as it is to be kept."""
        return StoredItem(stored.size, self._extension(number, stored.item))

    def sealed_past(self, number: int, past: Past) -> Past:
        return past if past.item is None else Past(self.sealed(number, past.item), past.changed_ms)

    def sealed_record(self, number: int, record: StreamRecord) -> StreamRecord:
        parts = {"keys": record.keys, "new": record.new, "old": record.old}
        sealed = {name: self._extension(number, part) for name, part in parts.items() if part is not None}
        return msgspec.structs.replace(record, **sealed)

    def digest(self, table: TableRecord, partition: bytes) -> bytes:
        """What a partition key lies under in a table that hides them."""
        return self._cipher(table.data_key).digest(partition)

    def _extension(self, number: int, value: Any) -> Any:
        return msgspec.msgpack.Ext(_SEALED, self.seal(number, value))


def _context(account: str, table: str) -> dict[str, str]:
    return {"aws:dynamodb:tableName": table, "aws:dynamodb:subscriberId": account}


def _via(region: str) -> str:
    return f"dynamodb.{region}.amazonaws.com"


def _purpose(number: int) -> str:
    return f"dynamodb:{number}"


def _gcm(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
