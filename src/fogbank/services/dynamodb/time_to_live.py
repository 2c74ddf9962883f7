"""Time to live: items that end at the second that one of their attributes names.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.global_tables import GlobalTables
from fogbank.services.dynamodb.records import TableRecord

_TTL_PER_TURN = 200


class TimeToLive(GlobalTables):
    """The operations on expiry of `DynamoDBService`, and what removes the items."""

    def describe_time_to_live(self, ctx: Context, *, TableName: str) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        if not table.ttl_attribute:
            return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl_attribute}}

    def update_time_to_live(self, ctx: Context, *, TableName: str, TimeToLiveSpecification: dict[str, Any]) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        enabled, name = TimeToLiveSpecification["Enabled"], TimeToLiveSpecification["AttributeName"]
        if enabled == bool(table.ttl_attribute):
            raise Validation(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        for each in (table, *self._replica_tables(table)):
            self._set_expiry(each, name if enabled else "")
        return {"TimeToLiveSpecification": TimeToLiveSpecification}

    def _set_expiry(self, table: TableRecord, attribute: str) -> None:
        self._tables.expiring.delete_all((table.id,))
        table.ttl_attribute = attribute
        self._save(table)
        if attribute:
            for key, stored in list(self._tables.items.scan((table.id,))):
                self._items.note_expiry(table, key, None, stored)

    async def _expire_items(self) -> None:
        """Delete what TTL says is over, a slice of each table a transaction."""
        for (account, region, _), table in list(self._tables.tables.scan()):
            if not table.ttl_attribute:
                continue
            ctx = self.cloud.context(account=account, region=region)
            while await ctx.run(self._expire_some, ctx, table):
                continue

    def _expire_some(self, ctx: Context, table: TableRecord) -> bool:
        due = []
        for key, _ in self._tables.expiring.scan((table.id,), limit=_TTL_PER_TURN):
            if key[1] >= ctx.now_ms // 1000:
                break
            due.append(key)
        for _, _, partition, sort in due:
            key = (table.id, partition, sort)
            self._items.put(ctx, table, key, self._items.get(key), None, by_ttl=True)
        return len(due) == _TTL_PER_TURN
