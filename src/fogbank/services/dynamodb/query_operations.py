"""Query and Scan.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.html
"""

from collections.abc import Callable
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions import Bindings, bind, parse_key_condition, parse_projection
from fogbank.services.dynamodb.items import read_costs
from fogbank.services.dynamodb.legacy import check_query_filter, translate
from fogbank.services.dynamodb.queries import Page, Source, read_page
from fogbank.services.dynamodb.table_access import TableAccess
from fogbank.services.dynamodb.values import Item
from fogbank.services.dynamodb.writes import parse_filter


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
        ctx = self._at_table(ctx, TableName)
        table = self._shared_table(ctx, TableName)
        index = self._index(table, IndexName)
        if KeyConditionExpression is None:
            raise Validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
            )
        source = Source(self._tables, self._items, table, index)
        if QueryFilter is not None:
            check_query_filter(QueryFilter, source.keys)
        wanted = parse_key_condition(KeyConditionExpression, bindings, schema=source.schema())
        return self._read(
            ctx, source, "Query", wanted, bindings,
            filter_text=FilterExpression, projection=ProjectionExpression, select=Select, limit=Limit,
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
        ctx = self._at_table(ctx, TableName)
        table = self._shared_table(ctx, TableName)
        index = self._index(table, IndexName)
        if (Segment is None) != (TotalSegments is None):
            given, missing = ("Segment", "TotalSegments") if TotalSegments is None else ("TotalSegments", "Segment")
            raise Validation(
                f"The {missing} parameter is required but was not present in the request "
                f"when {given} parameter is present"
            )
        segment = None if Segment is None or TotalSegments is None else (Segment, TotalSegments)
        if segment is not None and segment[0] >= segment[1]:
            raise Validation(
                "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: "
                f"{segment[0]} is not less than TotalSegments: {segment[1]}"
            )
        return self._read(
            ctx, Source(self._tables, self._items, table, index), "Scan", None, bindings,
            filter_text=FilterExpression, projection=ProjectionExpression, select=Select, limit=Limit, forward=True,
            start=ExclusiveStartKey, consistent=ConsistentRead, segment=segment, capacity=ReturnConsumedCapacity,
        )  # fmt: skip

    def _read(
        self,
        ctx: Context,
        source: Source,
        operation: str,
        wanted: Any,
        bindings: Bindings,
        *,
        filter_text: str | None,
        projection: str | None,
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
        if select == "SPECIFIC_ATTRIBUTES" and projection is None:
            raise Validation(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
            )
        if projection is not None and select not in (None, "SPECIFIC_ATTRIBUTES"):
            raise Validation(f"Cannot specify the ProjectionExpression when choosing to get {select}")
        keep = parse_filter(filter_text, bindings, keys=source.keys if wanted is not None else ())
        project = parse_projection(projection, bindings) if projection is not None else None
        bindings.finish(used=wanted is not None or keep is not None or project is not None)
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
            keep=keep,
            segment=segment,
            fetch=fetch,
        )
        consumed = Consumed()
        costs = read_costs(page.bytes_read, consistent=consistent, index=index)
        self._items.charge(ctx, table, costs, write=False, consumed=consumed, operation=operation)
        return _page_answer(page, select, project) | (consumed.only(capacity) if capacity else {})


def _page_answer(page: Page, select: str | None, project: Callable[[Item], Item] | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"Count": len(page.items), "ScannedCount": page.scanned}
    if select != "COUNT":
        answer["Items"] = page.items if project is None else [project(item) for item in page.items]
    if page.last_key is not None:
        answer["LastEvaluatedKey"] = page.last_key
    return answer
