"""TransactGetItems and TransactWriteItems.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from collections.abc import Callable
from typing import Any

from fogbank.core.context import Context
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import (
    ConditionalCheckFailed,
    IdempotentParameterMismatch,
    ThroughputExceeded,
    TransactionCanceled,
    Validation,
)
from fogbank.services.dynamodb.expressions import Bindings, parse_projection
from fogbank.services.dynamodb.items import Items
from fogbank.services.dynamodb.records import DynamoDBTables, TableRecord, Token
from fogbank.services.dynamodb.values import check_item, item_size
from fogbank.services.dynamodb.writes import Write, Writes

ACTIONS_MAX = 100
TOKEN_MS = 10 * 60 * 1000
# A transaction reads and writes each item twice: to prepare and to commit.
UNITS_FACTOR = 2

FindTable = Callable[[Context, str], TableRecord]


class Transactions:
    """All or nothing over many items: the request's own transaction does the rest."""

    def __init__(self, tables: DynamoDBTables, items: Items, writes: Writes) -> None:
        self._tables = tables
        self._items = items
        self._writes = writes

    def get(self, ctx: Context, actions: list[dict[str, Any]], find: FindTable, capacity: str | None) -> dict[str, Any]:
        _check_count(actions)
        consumed = Consumed()
        responses: list[dict[str, Any]] = []
        for action in actions:
            wanted = action["Get"]
            table = find(ctx, wanted["TableName"])
            bindings = Bindings(wanted.get("ExpressionAttributeNames"), None)
            text = wanted.get("ProjectionExpression")
            project = parse_projection(text, bindings) if text is not None else None
            bindings.finish(used=project is not None)
            key = self._items.key_of(table, wanted["Key"])
            self._items.admit(ctx, table, write=False, operation="TransactGetItems")
            item = self._items.get(key)
            self._items.consume_read(
                ctx,
                table,
                item_size(item) if item else 0,
                consistent=True,
                consumed=consumed,
                factor=UNITS_FACTOR,
            )
            responses.append({} if item is None else {"Item": item if project is None else project(item)})
        answer: dict[str, Any] = {"Responses": responses}
        if found := consumed.answer(capacity, transactional=True):
            answer["ConsumedCapacity"] = found
        return answer

    def write(
        self,
        ctx: Context,
        actions: list[dict[str, Any]],
        find: FindTable,
        token: str | None,
        digest: bytes,
        capacity: str | None,
    ) -> dict[str, Any]:
        _check_count(actions)
        if token is not None and self._already_done(ctx, token, digest):
            return {}
        writes = [self._parse(ctx, action, find) for action in actions]
        keys = [self._writes.key(write) for write, _ in writes]
        if len(set(keys)) != len(keys):
            raise Validation("Transaction request cannot include multiple operations on one item")
        consumed = Consumed()
        reasons: list[dict[str, Any]] = []
        throttled = self._throttled(ctx, {write.table.id: write.table for write, _ in writes})
        for write, show in writes:
            if throttled:
                reasons.append(throttled.get(write.table.id, {"Code": "None"}))
                continue
            try:
                self._writes.run(ctx, write, consumed=consumed, show_on_failure=show, factor=UNITS_FACTOR)
                reasons.append({"Code": "None"})
            except ConditionalCheckFailed as error:
                reasons.append({"Code": "ConditionalCheckFailed", "Message": error.message, **error.members})
            except Validation as error:
                reasons.append({"Code": "ValidationError", "Message": error.message})
        if any(reason["Code"] != "None" for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            raise TransactionCanceled(
                f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
                members={"CancellationReasons": reasons},
            )
        if token is not None:
            self._tables.tokens.put((ctx.account, ctx.region, token), Token(digest, ctx.now_ms + TOKEN_MS))
        found = consumed.answer(capacity, transactional=True)
        return {"ConsumedCapacity": found} if found else {}

    def _throttled(self, ctx: Context, tables: dict[int, TableRecord]) -> dict[int, dict[str, Any]]:
        """The reasons of tables whose throughput is used up. Asked before the first write: a transaction that were
        refused half way would have drawn capacity for nothing, and its retries would starve everybody."""
        refused = {}
        for table in tables.values():
            try:
                self._items.admit(ctx, table, write=True, operation="TransactWriteItems")
            except ThroughputExceeded as error:
                refused[table.id] = {"Code": "ThrottlingError", "Message": error.message}
        return refused

    def _already_done(self, ctx: Context, token: str, digest: bytes) -> bool:
        known = self._tables.tokens.get((ctx.account, ctx.region, token))
        if known is None:
            return False
        if known.until_ms <= ctx.now_ms:
            self._tables.tokens.delete((ctx.account, ctx.region, token))
            return False
        if known.digest != digest:
            raise IdempotentParameterMismatch()
        return True

    def _parse(self, ctx: Context, action: dict[str, Any], find: FindTable) -> tuple[Write, bool]:
        if len(action) != 1:
            raise Validation("TransactItems can only contain one of Check, Put, Update or Delete")
        ((kind, given),) = action.items()
        table = find(ctx, given["TableName"])
        bindings = Bindings(given.get("ExpressionAttributeNames"), given.get("ExpressionAttributeValues"))
        condition = given.get("ConditionExpression")
        match kind:
            case "Put":
                check_item(given["Item"])
                write = Write.put(table, given["Item"], bindings, condition)
            case "Update":
                write = Write.update(table, given["Key"], bindings, given["UpdateExpression"], condition)
            case "Delete":
                write = Write.delete(table, given["Key"], bindings, condition)
            case _:
                write = Write.check(table, given["Key"], bindings, condition or "")
        return write, given.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _check_count(actions: list[dict[str, Any]]) -> None:
    if not 1 <= len(actions) <= ACTIONS_MAX:
        raise Validation(
            f"1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have "
            f"length {'less than or equal to 100' if actions else 'greater than or equal to 1'}"
        )
