"""Query and Scan.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.html
"""

from collections.abc import Callable
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import Validation, detected
from fogbank.services.dynamodb.expressions import bind, parse_key_condition, parse_projection
from fogbank.services.dynamodb.items import read_costs
from fogbank.services.dynamodb.legacy import check_query_filter, translate
from fogbank.services.dynamodb.queries import Page, Source, read_page
from fogbank.services.dynamodb.table_access import TableAccess
from fogbank.services.dynamodb.values import Item
from fogbank.services.dynamodb.writes import Filter, parse_filter


class QueryOperations(TableAccess):
    """Query and Scan of `DynamoDBService`."""

    def query(
        self,
        ctx: Context,
        *,
        TableName: str,
        KeyConditionExpression: str | None = None,
        IndexName: str | None = None,
        FilterExpression: str | None = None,
        ProjectionExpression: str | None = None,
        ExpressionAttributeNames: dict[str, str] | None = None,
        ExpressionAttributeValues: Item | None = None,
        Select: str | None = None,
        Limit: int | None = None,
        ScanIndexForward: bool = True,
        ExclusiveStartKey: Item | None = None,
        ConsistentRead: bool = False,
        ReturnConsumedCapacity: str | None = None,
        KeyConditions: dict[str, dict[str, Any]] | None = None,
        QueryFilter: dict[str, dict[str, Any]] | None = None,
        ConditionalOperator: str | None = None,
        AttributesToGet: list[str] | None = None,
    ) -> Answer:
        bindings = bind(ExpressionAttributeNames, ExpressionAttributeValues)
        if KeyConditions is not None or QueryFilter is not None or ConditionalOperator or AttributesToGet is not None:
            legacy = translate(
                {
                    "KeyConditions": KeyConditions,
                    "QueryFilter": QueryFilter,
                    "ConditionalOperator": ConditionalOperator,
                    "AttributesToGet": AttributesToGet,
                },
                expressions={
                    "KeyConditionExpression": KeyConditionExpression,
                    "FilterExpression": FilterExpression,
                    "ProjectionExpression": ProjectionExpression,
                },
                bindings=bindings,
            )
            bindings, KeyConditionExpression = legacy.bindings, legacy.key_condition
            FilterExpression, ProjectionExpression = legacy.filter, legacy.projection
        chosen = None if ProjectionExpression is None else _chosen_by(AttributesToGet)
        try:
            _check_select(Select, chosen, of_index=IndexName is not None)
        except Validation as error:
            raise detected(error) from None
        keep = parse_filter(FilterExpression, bindings)
        project = parse_projection(ProjectionExpression, bindings) if ProjectionExpression is not None else None
        ctx = self._at_table(ctx, TableName)
        table = self._shared_table(ctx, TableName)
        index = self._index(table, IndexName)
        if KeyConditionExpression is None:
            raise Validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
            )
        source = Source(self._tables, self._items, table, index)
        if KeyConditions is not None and len(KeyConditions) > max(len(source.keys), 2):
            raise Validation("Conditions can be of length 1 or 2 only")
        if QueryFilter is not None:
            check_query_filter(QueryFilter, source.keys)
        wanted = parse_key_condition(
            KeyConditionExpression, bindings, schema=source.schema(), partition_parts=source.partition_parts
        )
        if keep is not None:
            keep.check(source.keys)
        bindings.finish(used=True)
        return self._read(
            ctx, source, "Query", wanted, keep=keep, project=project, select=Select, limit=Limit,
            forward=ScanIndexForward, start=ExclusiveStartKey, consistent=ConsistentRead, segment=None,
            capacity=ReturnConsumedCapacity,
        )  # fmt: skip

    def scan(
        self,
        ctx: Context,
        *,
        TableName: str,
        IndexName: str | None = None,
        FilterExpression: str | None = None,
        ProjectionExpression: str | None = None,
        ExpressionAttributeNames: dict[str, str] | None = None,
        ExpressionAttributeValues: Item | None = None,
        Select: str | None = None,
        Limit: int | None = None,
        Segment: int | None = None,
        TotalSegments: int | None = None,
        ExclusiveStartKey: Item | None = None,
        ConsistentRead: bool = False,
        ReturnConsumedCapacity: str | None = None,
        ScanFilter: dict[str, dict[str, Any]] | None = None,
        ConditionalOperator: str | None = None,
        AttributesToGet: list[str] | None = None,
    ) -> Answer:
        bindings = bind(ExpressionAttributeNames, ExpressionAttributeValues)
        if ScanFilter is not None or ConditionalOperator is not None or AttributesToGet is not None:
            legacy = translate(
                {
                    "ScanFilter": ScanFilter,
                    "ConditionalOperator": ConditionalOperator,
                    "AttributesToGet": AttributesToGet,
                },
                expressions={"FilterExpression": FilterExpression, "ProjectionExpression": ProjectionExpression},
                bindings=bindings,
            )
            bindings, FilterExpression, ProjectionExpression = legacy.bindings, legacy.filter, legacy.projection
        chosen = None if ProjectionExpression is None else _chosen_by(AttributesToGet)
        _check_select(Select, chosen, of_index=IndexName is not None)
        keep = parse_filter(FilterExpression, bindings)
        project = parse_projection(ProjectionExpression, bindings) if ProjectionExpression is not None else None
        bindings.finish(used=keep is not None or project is not None)
        ctx = self._at_table(ctx, TableName)
        table = self._shared_table(ctx, TableName)
        index = self._index(table, IndexName)
        if (Segment is None) != (TotalSegments is None):
            given, missing = (
                ("Segment parameter", "TotalSegments")
                if TotalSegments is None
                else ("parameter TotalSegments", "Segment")
            )
            raise Validation(
                f"The {missing} parameter is required but was not present in the request when {given} is present"
            )
        segment = None if Segment is None or TotalSegments is None else (Segment, TotalSegments)
        if segment is not None and segment[0] >= segment[1]:
            raise Validation(
                "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: "
                f"{segment[0]} is not less than TotalSegments: {segment[1]}"
            )
        return self._read(
            ctx, Source(self._tables, self._items, table, index), "Scan", None, keep=keep, project=project,
            select=Select, limit=Limit, forward=True, start=ExclusiveStartKey, consistent=ConsistentRead,
            segment=segment, capacity=ReturnConsumedCapacity,
        )  # fmt: skip

    def _read(
        self,
        ctx: Context,
        source: Source,
        operation: str,
        wanted: Any,
        *,
        keep: Filter | None,
        project: Callable[[Item], Item] | None,
        select: str | None,
        limit: int | None,
        forward: bool,
        start: Item | None,
        consistent: bool,
        segment: tuple[int, int] | None,
        capacity: str | None,
    ) -> Answer:
        table, index = source.table, source.index
        if index is not None and not index.local:
            if consistent:
                raise Validation("Consistent reads are not supported on global secondary indexes")
            if select == "ALL_ATTRIBUTES" and index.projection != "ALL":
                raise Validation(
                    "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global "
                    f"secondary index {index.name} because its projection type is not ALL"
                )
        after = None
        if start is not None:
            after = source.start_key(start)
            if wanted is not None:
                source.check_start(start, wanted)
        # A local index gives attributes that it does not hold from the table, at the cost of reading the item.
        fetch = source.fetcher(whole=select == "ALL_ATTRIBUTES" or project is not None)
        page = read_page(
            source,
            wanted,
            after=after,
            forward=forward,
            limit=limit,
            keep=keep.condition if keep is not None else None,
            segment=segment,
            fetch=fetch,
        )
        consumed = Consumed()
        costs = read_costs(page.bytes_read, consistent=consistent, index=index)
        self._items.charge(ctx, table, costs, write=False, consumed=consumed, operation=operation)
        return _page_answer(page, select, project) | (consumed.only(capacity) if capacity else {})


def _chosen_by(attributes: list[str] | None) -> str:
    return "ProjectionExpression" if attributes is None else "AttributesToGet"


def _check_select(select: str | None, chosen: str | None, *, of_index: bool) -> None:
    """`chosen`: the parameter that says which attributes are wanted, if one does."""
    if select == "ALL_PROJECTED_ATTRIBUTES" and not of_index:
        raise Validation("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    if select == "SPECIFIC_ATTRIBUTES" and chosen is None:
        raise Validation(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if chosen is not None and select not in (None, "SPECIFIC_ATTRIBUTES"):
        got = "only the Count" if select == "COUNT" else select
        raise Validation(f"Cannot specify the {chosen} when choosing to get {got}")


def _page_answer(page: Page, select: str | None, project: Callable[[Item], Item] | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"Count": len(page.items), "ScannedCount": page.scanned}
    if select != "COUNT":
        answer["Items"] = page.items if project is None else [project(item) for item in page.items]
    if page.last_key is not None:
        answer["LastEvaluatedKey"] = page.last_key
    return answer
