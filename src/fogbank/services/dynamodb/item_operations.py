"""Reading and writing items one by one and in batches.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import ThroughputExceeded, Validation
from fogbank.services.dynamodb.expressions import NO_BINDINGS, bind, parse_projection
from fogbank.services.dynamodb.table_access import TableAccess
from fogbank.services.dynamodb.values import Item, check_item, item_size
from fogbank.services.dynamodb.writes import Write, Writes

BATCH_WRITE_MAX = 25
BATCH_GET_MAX = 100
BATCH_BYTES_MAX = 16 * 1024 * 1024


class ItemOperations(TableAccess):
    """The operations on items of `DynamoDBService`."""

    _writes: Writes

    def put_item(
        self,
        ctx: Context,
        *,
        TableName: str,
        Item: Item,
        ConditionExpression: str | None = None,
        ExpressionAttributeNames: dict[str, str] | None = None,
        ExpressionAttributeValues: Item | None = None,
        ReturnValues: str = "NONE",
        ReturnConsumedCapacity: str | None = None,
        ReturnValuesOnConditionCheckFailure: str | None = None,
    ) -> Answer:
        table = self._table(ctx, TableName)
        _check_return_values(ReturnValues, ("NONE", "ALL_OLD"))
        check_item(Item)
        write = Write.put(table, Item, bind(ExpressionAttributeNames, ExpressionAttributeValues), ConditionExpression)
        return self._write(
            ctx, write, "PutItem", ReturnValues, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure
        )

    def delete_item(
        self,
        ctx: Context,
        *,
        TableName: str,
        Key: Item,
        ConditionExpression: str | None = None,
        ExpressionAttributeNames: dict[str, str] | None = None,
        ExpressionAttributeValues: Item | None = None,
        ReturnValues: str = "NONE",
        ReturnConsumedCapacity: str | None = None,
        ReturnValuesOnConditionCheckFailure: str | None = None,
    ) -> Answer:
        table = self._table(ctx, TableName)
        _check_return_values(ReturnValues, ("NONE", "ALL_OLD"))
        write = Write.delete(table, Key, bind(ExpressionAttributeNames, ExpressionAttributeValues), ConditionExpression)
        return self._write(
            ctx,
            write,
            "DeleteItem",
            ReturnValues,
            ReturnConsumedCapacity,
            ReturnValuesOnConditionCheckFailure,
        )

    def update_item(
        self,
        ctx: Context,
        *,
        TableName: str,
        Key: Item,
        UpdateExpression: str | None = None,
        ConditionExpression: str | None = None,
        ExpressionAttributeNames: dict[str, str] | None = None,
        ExpressionAttributeValues: Item | None = None,
        ReturnValues: str = "NONE",
        ReturnConsumedCapacity: str | None = None,
        ReturnValuesOnConditionCheckFailure: str | None = None,
    ) -> Answer:
        table = self._table(ctx, TableName)
        bindings = bind(ExpressionAttributeNames, ExpressionAttributeValues)
        write = Write.update(table, Key, bindings, UpdateExpression, ConditionExpression)
        return self._write(
            ctx,
            write,
            "UpdateItem",
            ReturnValues,
            ReturnConsumedCapacity,
            ReturnValuesOnConditionCheckFailure,
        )

    def _write(
        self,
        ctx: Context,
        write: Write,
        operation: str,
        returns: str,
        capacity: str | None,
        on_failure: str | None,
    ) -> Answer:
        consumed = Consumed()
        self._items.admit(ctx, write.table, write=True, operation=operation)
        old, new = self._writes.run(ctx, write, consumed=consumed, show_on_failure=on_failure == "ALL_OLD")
        answer: dict[str, Any] = {}
        returned = write.returned(returns, old, new)
        if returned:
            answer["Attributes"] = returned
        if capacity:
            answer |= consumed.only(capacity)
        return answer

    def get_item(
        self,
        ctx: Context,
        *,
        TableName: str,
        Key: Item,
        ConsistentRead: bool = False,
        ProjectionExpression: str | None = None,
        ExpressionAttributeNames: dict[str, str] | None = None,
        ReturnConsumedCapacity: str | None = None,
    ) -> Answer:
        table = self._table(ctx, TableName)
        key = self._items.key_of(table, Key)
        bindings = bind(ExpressionAttributeNames, None)
        project = parse_projection(ProjectionExpression, bindings) if ProjectionExpression is not None else None
        if bindings is not NO_BINDINGS:
            bindings.finish(used=project is not None)
        self._items.admit(ctx, table, write=False, operation="GetItem")
        item = self._items.get(key)
        consumed = Consumed()
        self._items.consume_read(
            ctx, table, item_size(item) if item else 0, consistent=ConsistentRead, consumed=consumed
        )
        answer: dict[str, Any] = {}
        if item is not None:
            answer["Item"] = item if project is None else project(item)
        if ReturnConsumedCapacity:
            answer |= consumed.only(ReturnConsumedCapacity)
        return answer

    def batch_get_item(
        self,
        ctx: Context,
        *,
        RequestItems: dict[str, dict[str, Any]],
        ReturnConsumedCapacity: str | None = None,
    ) -> Answer:
        if sum(len(wanted["Keys"]) for wanted in RequestItems.values()) > BATCH_GET_MAX:
            raise Validation("Too many items requested for the BatchGetItem call")
        consumed, size = Consumed(), 0
        responses: dict[str, list[Item]] = {}
        unprocessed: dict[str, dict[str, Any]] = {}
        for name, wanted in RequestItems.items():
            table = self._table(ctx, name)
            bindings = bind(wanted.get("ExpressionAttributeNames"), None)
            text = wanted.get("ProjectionExpression")
            project = parse_projection(text, bindings) if text is not None else None
            bindings.finish(used=project is not None)
            keys = [self._items.key_of(table, key) for key in wanted["Keys"]]
            if len(set(keys)) != len(keys):
                raise Validation("Provided list of item keys contains duplicates")
            found = responses.setdefault(name, [])
            for key, given in zip(keys, wanted["Keys"], strict=True):
                try:
                    self._items.admit(ctx, table, write=False, operation="BatchGetItem")
                except ThroughputExceeded:
                    unprocessed.setdefault(name, {**wanted, "Keys": []})["Keys"].append(given)
                    continue
                item = self._items.get(key)
                item_bytes = item_size(item) if item else 0
                if size + item_bytes > BATCH_BYTES_MAX:
                    unprocessed.setdefault(name, {**wanted, "Keys": []})["Keys"].append(given)
                    continue
                size += item_bytes
                self._items.consume_read(
                    ctx, table, item_bytes, consistent=wanted.get("ConsistentRead", False), consumed=consumed
                )
                if item is not None:
                    found.append(item if project is None else project(item))
        if unprocessed and not any(responses.values()) and len(unprocessed) == len(RequestItems) and not size:
            raise ThroughputExceeded()
        answer: dict[str, Any] = {"Responses": responses, "UnprocessedKeys": unprocessed}
        if capacity := consumed.answer(ReturnConsumedCapacity):
            answer["ConsumedCapacity"] = capacity
        return answer

    def batch_write_item(
        self,
        ctx: Context,
        *,
        RequestItems: dict[str, list[dict[str, Any]]],
        ReturnConsumedCapacity: str | None = None,
    ) -> Answer:
        total = sum(len(requests) for requests in RequestItems.values())
        if not 1 <= total <= BATCH_WRITE_MAX:
            raise Validation(
                "Too many items requested for the BatchWriteItem call"
                if total
                else "The batch write request list for a table cannot be null or empty"
            )
        writes: list[tuple[str, dict[str, Any], Write]] = []
        seen = set()
        for name, requests in RequestItems.items():
            table = self._table(ctx, name)
            for request in requests:
                if "PutRequest" in request:
                    item = request["PutRequest"]["Item"]
                    check_item(item)
                    write = Write.put(table, item, NO_BINDINGS, None)
                else:
                    write = Write.delete(table, request["DeleteRequest"]["Key"], NO_BINDINGS, None)
                key = self._writes.key(write)
                if key in seen:
                    raise Validation("Provided list of item keys contains duplicates")
                seen.add(key)
                writes.append((name, request, write))
        consumed = Consumed()
        unprocessed: dict[str, list[dict[str, Any]]] = {}
        for name, request, write in writes:
            try:
                self._items.admit(ctx, write.table, write=True, operation="BatchWriteItem")
            except ThroughputExceeded:
                unprocessed.setdefault(name, []).append(request)
                continue
            self._writes.run(ctx, write, consumed=consumed, show_on_failure=False)
        if sum(map(len, unprocessed.values())) == total:
            raise ThroughputExceeded()
        answer: dict[str, Any] = {"UnprocessedItems": unprocessed}
        if capacity := consumed.answer(ReturnConsumedCapacity):
            answer["ConsumedCapacity"] = capacity
        return answer


def _check_return_values(given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise Validation("Return values set to invalid value")
