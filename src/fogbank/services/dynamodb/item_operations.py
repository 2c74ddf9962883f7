"""Reading and writing items one by one.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import Validation, detected
from fogbank.services.dynamodb.expressions import NO_BINDINGS, Bindings, Condition, bind, parse_projection
from fogbank.services.dynamodb.item_collections import metrics_of
from fogbank.services.dynamodb.items import read_costs
from fogbank.services.dynamodb.legacy import expect, translate
from fogbank.services.dynamodb.records import StoredItem
from fogbank.services.dynamodb.table_access import TableAccess
from fogbank.services.dynamodb.values import Item, check_item
from fogbank.services.dynamodb.writes import Write, Writes, parse_update_expressions, parse_write_condition


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
        ReturnItemCollectionMetrics: str | None = None,
        Expected: dict[str, dict[str, Any]] | None = None,
        ConditionalOperator: str | None = None,
    ) -> Answer:
        try:
            item = StoredItem(check_item(Item), Item)
            bindings = bind(ExpressionAttributeNames, ExpressionAttributeValues)
            condition = _condition(ConditionExpression, bindings, Expected, ConditionalOperator)
        except Validation as error:
            raise detected(error) from None
        ctx = self._at_table(ctx, TableName)
        table = self._shared_table(ctx, TableName)
        _check_return_values(ReturnValues, ("NONE", "ALL_OLD"))
        write = Write.put(table, item, condition)
        return self._write(
            ctx, write, "PutItem", ReturnValues, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
            ReturnItemCollectionMetrics,
        )  # fmt: skip

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
        ReturnItemCollectionMetrics: str | None = None,
        Expected: dict[str, dict[str, Any]] | None = None,
        ConditionalOperator: str | None = None,
    ) -> Answer:
        try:
            bindings = bind(ExpressionAttributeNames, ExpressionAttributeValues)
            condition = _condition(ConditionExpression, bindings, Expected, ConditionalOperator)
        except Validation as error:
            raise detected(error) from None
        ctx = self._at_table(ctx, TableName)
        table = self._shared_table(ctx, TableName)
        _check_return_values(ReturnValues, ("NONE", "ALL_OLD"))
        write = Write.delete(table, Key, condition)
        return self._write(
            ctx, write, "DeleteItem", ReturnValues, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
            ReturnItemCollectionMetrics,
        )  # fmt: skip

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
        ReturnItemCollectionMetrics: str | None = None,
        AttributeUpdates: dict[str, dict[str, Any]] | None = None,
        Expected: dict[str, dict[str, Any]] | None = None,
        ConditionalOperator: str | None = None,
    ) -> Answer:
        try:
            bindings = bind(ExpressionAttributeNames, ExpressionAttributeValues)
            if AttributeUpdates is not None or Expected is not None or ConditionalOperator is not None:
                legacy = translate(
                    {
                        "AttributeUpdates": AttributeUpdates,
                        "Expected": Expected,
                        "ConditionalOperator": ConditionalOperator,
                    },
                    expressions={"UpdateExpression": UpdateExpression, "ConditionExpression": ConditionExpression},
                    bindings=bindings,
                )
                bindings, UpdateExpression, ConditionExpression = legacy.bindings, legacy.update, legacy.condition
            expressions = parse_update_expressions(UpdateExpression, ConditionExpression, bindings)
        except Validation as error:
            raise detected(error) from None
        ctx = self._at_table(ctx, TableName)
        table = self._shared_table(ctx, TableName)
        write = Write.update(table, Key, expressions)
        return self._write(
            ctx, write, "UpdateItem", ReturnValues, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
            ReturnItemCollectionMetrics,
        )  # fmt: skip

    def _write(
        self,
        ctx: Context,
        write: Write,
        operation: str,
        returns: str,
        capacity: str | None,
        on_failure: str | None,
        collection: str | None,
    ) -> Answer:
        consumed = Consumed()
        old, new = self._writes.run(
            ctx, write, operation=operation, consumed=consumed, show_on_failure=on_failure == "ALL_OLD"
        )
        answer: dict[str, Any] = {}
        returned = write.returned(returns, old, new)
        if returned:
            answer["Attributes"] = returned
        if capacity:
            answer |= consumed.only(capacity)
        if collection and (metrics := metrics_of(self._tables, self._items, write.table, write.named(), collection)):
            answer["ItemCollectionMetrics"] = metrics
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
        AttributesToGet: list[str] | None = None,
    ) -> Answer:
        bindings = bind(ExpressionAttributeNames, None)
        if AttributesToGet is not None:
            legacy = translate(
                {"AttributesToGet": AttributesToGet},
                expressions={"ProjectionExpression": ProjectionExpression},
                bindings=bindings,
            )
            bindings, ProjectionExpression = legacy.bindings, legacy.projection
        project = parse_projection(ProjectionExpression, bindings) if ProjectionExpression is not None else None
        if bindings is not NO_BINDINGS:
            bindings.finish(used=project is not None)
        ctx = self._at_table(ctx, TableName)
        table = self._shared_table(ctx, TableName)
        key = self._items.key_of(table, Key)
        stored = self._items.get(key)
        consumed = Consumed()
        costs = read_costs(stored.size if stored else 0, consistent=ConsistentRead)
        self._items.charge(ctx, table, costs, write=False, consumed=consumed, operation="GetItem")
        answer: dict[str, Any] = {}
        if stored is not None:
            answer["Item"] = stored.item if project is None else project(stored.item)
        if ReturnConsumedCapacity:
            answer |= consumed.only(ReturnConsumedCapacity)
        return answer


def _condition(
    text: str | None, bindings: Bindings, expected: dict[str, dict[str, Any]] | None, operator: str | None
) -> Condition | None:
    """What has to hold for a write, said by an expression or as it was before there were any."""
    if expected is not None or operator is not None:
        bindings, text = expect(expected, operator, text, bindings)
    return parse_write_condition(text, bindings)


def _check_return_values(given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise Validation("Return values set to invalid value")
