"""Tables under a key of KMS: whoever reads or writes needs the key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
The key is asked for, as DynamoDB asks for its table keys every five minutes, and opens or shuts the table; items lie in
the store as those of other tables do.
"""

from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope
from fogbank.core.errors import AwsError
from fogbank.services.dynamodb.errors import KmsAccessDenied, Validation
from fogbank.services.dynamodb.records import KEY_ARN, TableRecord

_AWS_MANAGED = "alias/aws/dynamodb"
_REUSE_S = 300


class TableEncryption:
    def __init__(self, cloud: Cloud) -> None:
        self._envelope = Envelope(cloud, "dynamodb")

    def settled(self, ctx: Context, table: str, given: dict[str, Any] | None) -> dict[str, Any] | None:
        """An SSESpecification as it is stored: with the ARN of the key that it means, which must be usable."""
        if given is None or not given.get("Enabled"):
            return given
        key = given.get("KMSMasterKeyId") or _AWS_MANAGED
        try:
            found = self._envelope.data_key(ctx, key, _context(ctx, table))
        except AwsError as error:
            raise Validation(f"KMS validation error: {error.message}") from None
        return {**given, KEY_ARN: found.key_arn}

    def check(self, ctx: Context, table: TableRecord) -> None:
        """Raise what AWS answers to who cannot use the key of a table that has one."""
        if not self.is_open(ctx, table, reuse_s=_REUSE_S):
            raise KmsAccessDenied()

    def is_open(self, ctx: Context, table: TableRecord, *, reuse_s: int = 0) -> bool:
        """Whether the table's key can be used now; tables that have none are always open."""
        key = (table.sse or {}).get(KEY_ARN)
        if key is None:
            return True
        try:
            self._envelope.data_key(ctx, key, _context(ctx, table.name), reuse_s=reuse_s)
        except AwsError:
            return False
        return True


def _context(ctx: Context, table: str) -> dict[str, str]:
    return {"aws:dynamodb:tableName": table, "aws:dynamodb:subscriberId": ctx.account}
