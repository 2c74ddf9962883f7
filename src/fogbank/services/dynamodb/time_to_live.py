"""Time to live: items that end at the second that one of their attributes names.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

from contextlib import suppress
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.backfills import Backfills
from fogbank.services.dynamodb.errors import KmsAccessDenied, Validation
from fogbank.services.dynamodb.global_tables import GlobalTables
from fogbank.services.dynamodb.items import expiry_id
from fogbank.services.dynamodb.records import TableRecord

# For an hour, a change is still being made, says the reference of UpdateTimeToLive.
CHANGE_MS = 3_600_000
_TTL_PER_TURN = 200


class TimeToLive(GlobalTables):
    """The operations on expiry of `DynamoDBService`, and what removes the items."""

    _backfills: Backfills

    def describe_time_to_live(self, ctx: Context, *, TableName: str) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        if not table.ttl_attribute:
            return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
        status = "ENABLING" if table.expiry_filling else "ENABLED"
        return {"TimeToLiveDescription": {"TimeToLiveStatus": status, "AttributeName": table.ttl_attribute}}

    def update_time_to_live(self, ctx: Context, *, TableName: str, TimeToLiveSpecification: dict[str, Any]) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        enabled, name = TimeToLiveSpecification["Enabled"], TimeToLiveSpecification["AttributeName"]
        if enabled == bool(table.ttl_attribute):
            raise Validation(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        if ctx.now_ms < table.ttl_changed_ms + CHANGE_MS:
            raise Validation("Time to live has been modified multiple times within a fixed interval")
        for each in (table, *self._replica_tables(table)):
            self._set_expiry(ctx, each, name if enabled else "")
        return {"TimeToLiveSpecification": TimeToLiveSpecification}

    def _set_expiry(self, ctx: Context, table: TableRecord, attribute: str) -> None:
        if table.ttl_attribute:
            self.cloud.garbage.discard(self._tables.expiring, (expiry_id(table),))
        table.ttl_attribute, table.expiry_filling, table.ttl_changed_ms = attribute, False, ctx.now_ms
        if attribute:
            table.expiry_id = self._tables.next_id()
            self._backfills.start(ctx, table, table.expiry_id)
        self._save(table)

    async def _expire_items(self) -> None:
        """Delete what TTL says is over, a slice of each table a transaction."""
        for (account, region, name), table in list(self._tables.tables.scan()):
            if not table.ttl_attribute:
                continue
            ctx = self.cloud.context(account=account, region=region)
            with suppress(KmsAccessDenied):  # What cannot be read stays until it can.
                while await ctx.run(self._expire_some, ctx, name):
                    continue

    def _expire_some(self, ctx: Context, name: str) -> bool:
        """Whether there may be more."""
        table = self._tables.tables.peek((ctx.account, ctx.region, name))
        if table is None or not table.ttl_attribute:
            return False
        due = []
        for key, _ in self._tables.expiring.scan((expiry_id(table),), limit=_TTL_PER_TURN):
            if key[1] >= ctx.now_ms // 1000:
                break
            due.append(key)
        for _, _, partition, sort in due:
            key = (table.id, partition, sort)
            self._items.put(ctx, table, key, self._items.get(key), None, by_ttl=True)
        return len(due) == _TTL_PER_TURN
