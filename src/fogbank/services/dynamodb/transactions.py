"""TransactGetItems and TransactWriteItems.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from collections.abc import Callable, Iterable
from typing import Any

from fogbank.core.context import Context
from fogbank.core.digest import request_digest
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import (
    IdempotentParameterMismatch,
    TransactionCanceled,
    Validation,
)
from fogbank.services.dynamodb.expressions import Projection, bind, parse_projection
from fogbank.services.dynamodb.items import Costs, Items, read_costs, throughput_refusal, write_costs
from fogbank.services.dynamodb.records import DynamoDBTables, StoredItem, TableRecord, Token
from fogbank.services.dynamodb.values import check_item
from fogbank.services.dynamodb.writes import Change, Write, Writes, parse_update_expressions, parse_write_condition

BYTES_MAX = 4 * 1024 * 1024
TOKEN_MS = 10 * 60 * 1000
# A transaction reads and writes each item twice: to prepare and to commit.
UNITS_FACTOR = 2
NO_REASON = {"Code": "None"}

FindTable = Callable[[Context, str], TableRecord]
Charge = tuple[TableRecord, Costs]


class Transactions:
    """All or nothing over many items: the request's own transaction does the rest."""

    def __init__(self, tables: DynamoDBTables, items: Items, writes: Writes) -> None:
        self._tables = tables
        self._items = items
        self._writes = writes

    def get(self, ctx: Context, actions: list[dict[str, Any]], find: FindTable, capacity: str | None) -> dict[str, Any]:
        found: list[tuple[TableRecord, StoredItem | None, Projection | None]] = []
        for action in actions:
            wanted = action["Get"]
            table = find(ctx, wanted["TableName"])
            bindings = bind(wanted.get("ExpressionAttributeNames"), None)
            text = wanted.get("ProjectionExpression")
            project = parse_projection(text, bindings) if text is not None else None
            bindings.finish(used=project is not None)
            found.append((table, self._items.get(self._items.key_of(table, wanted["Key"])), project))
        return self.read(ctx, found, capacity, operation="TransactGetItems")

    def read(
        self,
        ctx: Context,
        found: list[tuple[TableRecord, StoredItem | None, Projection | None]],
        capacity: str | None,
        *,
        operation: str,
    ) -> dict[str, Any]:
        """Answer with items that were found, if their tables have the throughput for it."""
        charges: list[Charge] = [
            (table, read_costs(stored.size if stored else 0, consistent=True, factor=UNITS_FACTOR))
            for table, stored, _ in found
        ]
        _check_size(stored.size for _, stored, _ in found if stored is not None)
        consumed = self._charge(ctx, charges, [NO_REASON] * len(found), write=False, operation=operation)
        answer: dict[str, Any] = {
            "Responses": [
                {} if stored is None else {"Item": stored.item if project is None else project(stored.item)}
                for _, stored, project in found
            ]
        }
        if entries := consumed.answer(capacity, transactional=True):
            answer["ConsumedCapacity"] = entries
        return answer

    def parse(self, ctx: Context, actions: list[dict[str, Any]], find: FindTable) -> list[tuple[Write, bool]]:
        """The writes of TransactWriteItems; with each, whether its item is shown if its condition does not hold."""
        return [self._parse(ctx, action, find) for action in actions]

    def write(
        self,
        ctx: Context,
        writes: list[tuple[Write, bool]],
        *,
        token: str | None,
        request: object,
        capacity: str | None,
        operation: str,
    ) -> dict[str, Any]:
        """Do all writes or none; nothing if the token was given before, with the same request."""
        digest = b"" if token is None else request_digest(request)
        if token is not None and self._already_done(ctx, token, digest):
            return {}
        consumed = self._run(ctx, writes, operation)
        if token is not None:
            self._tables.tokens.put((ctx.account, ctx.region, token), Token(digest, ctx.now_ms + TOKEN_MS))
        found = consumed.answer(capacity, transactional=True)
        return {"ConsumedCapacity": found} if found else {}

    def _run(self, ctx: Context, writes: list[tuple[Write, bool]], operation: str) -> Consumed:
        keys = [self._writes.key(write) for write, _ in writes]
        if len(set(keys)) != len(keys):
            raise Validation("Transaction request cannot include multiple operations on one item")
        planned: list[tuple[Write, Change]] = []
        reasons: list[dict[str, Any]] = []
        charges: list[Charge] = []
        for write, show in writes:
            try:
                change = self._writes.plan(write)
            except Validation as error:
                reasons.append({"Code": "ValidationError", "Message": error.message})
                charges.append((write.table, []))
                continue
            planned.append((write, change))
            charges.append((write.table, write_costs(write.table, change.old, change.new, factor=UNITS_FACTOR)))
            if change.refused:
                refusal = write.refusal(change.old, show_item=show)
                code = refusal.code.removesuffix("Exception")
                reasons.append({"Code": code, "Message": refusal.message, **refusal.members})
            else:
                reasons.append(NO_REASON)
        _check_size(change.size for _, change in planned)
        consumed = self._charge(ctx, charges, reasons, write=True, operation=operation)
        for write, change in planned:
            self._writes.keep(ctx, write, change)
        return consumed

    def _charge(
        self,
        ctx: Context,
        charges: list[Charge],
        reasons: list[dict[str, Any]],
        *,
        write: bool,
        operation: str,
    ) -> Consumed:
        """Draw what all actions cost, or cancel the transaction for the given reasons and for want of throughput.

        Nothing is drawn of a transaction that is throttled: its retries would starve everybody.
        """
        consumed = Consumed()
        throttled: dict[int, TableRecord] = {}
        for position, (table, costs) in enumerate(charges):
            if spent := self._items.spent(ctx, table, costs, write=write):
                throttled[table.id] = table
                refusal = throughput_refusal(table, spent, write=write)
                reasons[position] = {"Code": refusal.reason_code, "Message": refusal.message}
        for table in throttled.values():
            self._items.count_throttled(table, operation)
        if not throttled:
            for table, costs in charges:
                self._items.draw(ctx, table, costs, write=write, consumed=consumed)
        if any(reason is not NO_REASON for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            raise TransactionCanceled(
                f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
                members={"CancellationReasons": reasons},
            )
        return consumed

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
        bindings = bind(given.get("ExpressionAttributeNames"), given.get("ExpressionAttributeValues"))
        condition = given.get("ConditionExpression")
        match kind:
            case "Put":
                item = StoredItem(check_item(given["Item"]), given["Item"])
                write = Write.put(table, item, parse_write_condition(condition, bindings))
            case "Update":
                expressions = parse_update_expressions(given["UpdateExpression"], condition, bindings)
                write = Write.update(table, given["Key"], expressions)
            case "Delete":
                write = Write.delete(table, given["Key"], parse_write_condition(condition, bindings))
            case _:
                write = Write.check(table, given["Key"], parse_write_condition(condition or "", bindings))
        return write, given.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _check_size(sizes: Iterable[int]) -> None:
    if sum(sizes) > BYTES_MAX:
        # The API's reference states the limit; AWS's sentence is not published.
        raise Validation("The aggregate size of the items in the transaction cannot exceed 4 MB")
