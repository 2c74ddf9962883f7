"""Amazon DynamoDB. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.service import Answer, Service
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import ResourceInUse, ResourceNotFound, ThroughputExceeded, Validation
from fogbank.services.dynamodb.expressions import Bindings, parse_key_condition, parse_projection
from fogbank.services.dynamodb.items import Items
from fogbank.services.dynamodb.queries import Page, Source, read_page
from fogbank.services.dynamodb.records import DynamoDBTables, Index, Stream, StreamEntry, TableRecord
from fogbank.services.dynamodb.streams import Streams
from fogbank.services.dynamodb.transactions import Transactions
from fogbank.services.dynamodb.values import Item, check_item, item_size
from fogbank.services.dynamodb.writes import Write, Writes, parse_filter

BATCH_WRITE_MAX = 25
BATCH_GET_MAX = 100
BATCH_BYTES_MAX = 16 * 1024 * 1024
TTL_INTERVAL_S = 30
_TTL_PER_TURN = 200
_COUNT_AGAIN_MS = 5_000


class DynamoDBService(Service):
    """Tables, items, queries, transactions, streams, TTL.

    PartiQL, backups, global tables, imports and exports, and the legacy parameters that expressions replaced
    (`Expected`, `KeyConditions`, …) answer NotImplemented.
    """

    name = "dynamodb"
    validates = False  # DynamoDB words most of its constraints itself.
    raw_shapes = frozenset(("AttributeValue",))

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = DynamoDBTables(cloud.store)
        self._items = Items(cloud, self._tables)
        self._items.on_stream = self._stream_grew
        self._writes = Writes(self._items)
        self._transactions = Transactions(self._tables, self._items, self._writes)
        self.streams = Streams(self._tables)
        self._watchers: dict[int, set[Callable[[], object]]] = {}
        self._counts: dict[int, tuple[int, int, int]] = {}

    async def start(self) -> None:
        while True:
            await self.cloud.clock.sleep(TTL_INTERVAL_S)
            await self._expire_items()

    # ---- tables -------------------------------------------------------------------------------------------------

    def create_table(
        self,
        ctx: Context,
        *,
        TableName: str,
        AttributeDefinitions: list[dict[str, str]],
        KeySchema: list[dict[str, str]],
        BillingMode: str = "PROVISIONED",
        ProvisionedThroughput: dict[str, int] | None = None,
        LocalSecondaryIndexes: list[dict[str, Any]] | None = None,
        GlobalSecondaryIndexes: list[dict[str, Any]] | None = None,
        StreamSpecification: dict[str, Any] | None = None,
        SSESpecification: dict[str, Any] | None = None,
        Tags: list[dict[str, str]] | None = None,
        TableClass: str = "STANDARD",
        DeletionProtectionEnabled: bool = False,
    ) -> Answer:
        TableName = definitions.name_of(TableName)
        definitions.check_name(TableName)
        on_demand = BillingMode == "PAY_PER_REQUEST"
        types = definitions.read_types(AttributeDefinitions)
        keys = definitions.read_keys(KeySchema, types)
        reads, writes = definitions.read_units(ProvisionedThroughput, on_demand=on_demand)
        if self._tables.tables.get((ctx.account, ctx.region, TableName)) is not None:
            raise ResourceInUse(f"Table already exists: {TableName}")
        indexes = [
            definitions.read_index(d, types, local=local, on_demand=on_demand, new_id=self._tables.next_id())
            for local, found in ((True, LocalSecondaryIndexes), (False, GlobalSecondaryIndexes))
            for d in found or ()
        ]
        used = {*keys, *(name for index in indexes for name in index.keys)}
        definitions.check_definitions(types, used)
        names = [index.name for index in indexes]
        if len(set(names)) != len(names):
            raise Validation("One or more parameter values were invalid: Duplicate index name")
        table = TableRecord(
            id=self._tables.next_id(),
            uuid=new_id(),
            name=TableName,
            account=ctx.account,
            region=ctx.region,
            created_ms=ctx.now_ms,
            keys=keys,
            types=types,
            on_demand=on_demand,
            read_units=reads,
            write_units=writes,
            indexes=indexes,
            tags={tag["Key"]: tag["Value"] for tag in Tags or ()},
            deletion_protection=DeletionProtectionEnabled,
            table_class=TableClass,
            sse=SSESpecification,
        )
        self._set_stream(ctx, table, StreamSpecification)
        self._save(table)
        return {"TableDescription": definitions.describe(table, items=0, size=0, status="CREATING")}

    def delete_table(self, ctx: Context, *, TableName: str) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        if table.deletion_protection:
            raise Validation(
                "Resource cannot be deleted as it is currently protected against deletion. "
                "Disable deletion protection first."
            )
        self._tables.tables.delete((table.account, table.region, table.name))
        self._tables.items.delete_all((table.id,))
        self._tables.expiring.delete_all((table.id,))
        for index in table.indexes:
            self._tables.index_items.delete_all((index.id,))
        if table.stream is not None:
            self._end_stream(table)
        return {"TableDescription": definitions.describe(table, items=0, size=0, status="DELETING")}

    def describe_continuous_backups(self, ctx: Context, *, TableName: str) -> Answer:
        return {"ContinuousBackupsDescription": _continuous_backups(self._table(ctx, TableName, wording="Table"))}

    def update_continuous_backups(
        self, ctx: Context, *, TableName: str, PointInTimeRecoverySpecification: dict[str, Any]
    ) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        table.point_in_time_recovery = PointInTimeRecoverySpecification["PointInTimeRecoveryEnabled"]
        self._save(table)
        return {"ContinuousBackupsDescription": _continuous_backups(table)}

    def describe_endpoints(self, ctx: Context) -> Answer:
        return {"Endpoints": [{"Address": ctx.endpoint.partition("://")[2], "CachePeriodInMinutes": 1440}]}

    def describe_limits(self, ctx: Context) -> Answer:
        return {
            "AccountMaxReadCapacityUnits": 80_000,
            "AccountMaxWriteCapacityUnits": 80_000,
            "TableMaxReadCapacityUnits": 40_000,
            "TableMaxWriteCapacityUnits": 40_000,
        }

    def describe_table(self, ctx: Context, *, TableName: str) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        items, size = self._count(table, ctx.now_ms)
        return {"Table": definitions.describe(table, items=items, size=size)}

    def describe_time_to_live(self, ctx: Context, *, TableName: str) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        if not table.ttl_attribute:
            return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl_attribute}}

    def list_tables(self, ctx: Context, *, ExclusiveStartTableName: str | None = None, Limit: int = 100) -> Answer:
        names = [
            key[2]
            for key, _ in self._tables.tables.scan((ctx.account, ctx.region))
            if ExclusiveStartTableName is None or key[2] > ExclusiveStartTableName
        ]
        answer: dict[str, Any] = {"TableNames": names[:Limit]}
        if len(names) > Limit:
            answer["LastEvaluatedTableName"] = names[Limit - 1]
        return answer

    def list_tags_of_resource(self, ctx: Context, *, ResourceArn: str, NextToken: str | None = None) -> Answer:
        table = self._table(ctx, ResourceArn)
        return {"Tags": [{"Key": key, "Value": value} for key, value in table.tags.items()]}

    def tag_resource(self, ctx: Context, *, ResourceArn: str, Tags: list[dict[str, str]]) -> Answer:
        table = self._table(ctx, ResourceArn)
        table.tags |= {tag["Key"]: tag["Value"] for tag in Tags}
        self._save(table)
        return None

    def untag_resource(self, ctx: Context, *, ResourceArn: str, TagKeys: list[str]) -> Answer:
        table = self._table(ctx, ResourceArn)
        table.tags = {key: value for key, value in table.tags.items() if key not in TagKeys}
        self._save(table)
        return None

    def update_table(
        self,
        ctx: Context,
        *,
        TableName: str,
        AttributeDefinitions: list[dict[str, str]] | None = None,
        BillingMode: str | None = None,
        ProvisionedThroughput: dict[str, int] | None = None,
        GlobalSecondaryIndexUpdates: list[dict[str, Any]] | None = None,
        StreamSpecification: dict[str, Any] | None = None,
        SSESpecification: dict[str, Any] | None = None,
        TableClass: str | None = None,
        DeletionProtectionEnabled: bool | None = None,
    ) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        if BillingMode is not None:
            table.on_demand = BillingMode == "PAY_PER_REQUEST"
        if ProvisionedThroughput is not None or BillingMode is not None:
            table.read_units, table.write_units = definitions.read_units(
                ProvisionedThroughput, on_demand=table.on_demand
            )
        if AttributeDefinitions is not None:
            table.types |= definitions.read_types(AttributeDefinitions)
        for update in GlobalSecondaryIndexUpdates or ():
            self._update_index(table, update)
        used = {*table.keys, *(name for index in table.indexes for name in index.keys)}
        table.types = {name: kind for name, kind in table.types.items() if name in used}
        if StreamSpecification is not None:
            if StreamSpecification["StreamEnabled"] and table.stream is not None:
                raise Validation(f"Table already has an enabled stream: TableName: {table.name}")
            if not StreamSpecification["StreamEnabled"] and table.stream is None:
                raise Validation(f"Table does not have a stream to disable: TableName: {table.name}")
            if table.stream is not None:
                self._end_stream(table)
            self._set_stream(ctx, table, StreamSpecification)
        if SSESpecification is not None:
            table.sse = SSESpecification
        if TableClass is not None:
            table.table_class = TableClass
        if DeletionProtectionEnabled is not None:
            table.deletion_protection = DeletionProtectionEnabled
        self._save(table)
        items, size = self._count(table, ctx.now_ms)
        return {"TableDescription": definitions.describe(table, items=items, size=size, status="UPDATING")}

    def update_time_to_live(self, ctx: Context, *, TableName: str, TimeToLiveSpecification: dict[str, Any]) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        enabled, name = TimeToLiveSpecification["Enabled"], TimeToLiveSpecification["AttributeName"]
        if enabled == bool(table.ttl_attribute):
            raise Validation(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        self._tables.expiring.delete_all((table.id,))
        table.ttl_attribute = name if enabled else ""
        self._save(table)
        if enabled:
            for key, item in list(self._tables.items.scan((table.id,))):
                self._items.note_expiry(table, key, None, item)
        return {"TimeToLiveSpecification": TimeToLiveSpecification}

    # ---- items --------------------------------------------------------------------------------------------------

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
        write = Write.put(
            table, Item, _bindings(ExpressionAttributeNames, ExpressionAttributeValues), ConditionExpression
        )
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
        write = Write.delete(
            table, Key, _bindings(ExpressionAttributeNames, ExpressionAttributeValues), ConditionExpression
        )
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
        bindings = _bindings(ExpressionAttributeNames, ExpressionAttributeValues)
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
            answer |= _one_capacity(consumed, capacity)
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
        bindings = _bindings(ExpressionAttributeNames, None)
        project = parse_projection(ProjectionExpression, bindings) if ProjectionExpression is not None else None
        if bindings is not _NO_BINDINGS:
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
            answer |= _one_capacity(consumed, ReturnConsumedCapacity)
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
            bindings = _bindings(wanted.get("ExpressionAttributeNames"), None)
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
                    write = Write.put(table, item, _NO_BINDINGS, None)
                else:
                    write = Write.delete(table, request["DeleteRequest"]["Key"], _NO_BINDINGS, None)
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

    # ---- queries ------------------------------------------------------------------------------------------------

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
    ) -> Answer:
        table = self._table(ctx, TableName)
        index = self._index(table, IndexName)
        if KeyConditionExpression is None:
            raise Validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
            )
        source = Source(self._tables, table, index)
        bindings = _bindings(ExpressionAttributeNames, ExpressionAttributeValues)
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
    ) -> Answer:
        table = self._table(ctx, TableName)
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
        bindings = _bindings(ExpressionAttributeNames, ExpressionAttributeValues)
        return self._read(
            ctx, Source(self._tables, table, index), "Scan", None, bindings,
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
        if limit is not None and limit < 1:
            raise Validation(
                f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
                "Member must have value greater than or equal to 1"
            )
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
        after = source.start_key(start) if start is not None else None
        self._items.admit(ctx, table, write=False, operation=operation, index=index)
        # A local index gives attributes that it does not hold from the table, at the cost of reading the item.
        whole = (
            index is not None
            and index.local
            and index.projection != "ALL"
            and (select == "ALL_ATTRIBUTES" or project is not None)
        )

        def fetch(key: Any, entry: Item) -> Item:
            if not whole:
                return entry
            return self._items.get((table.id, key[3], key[4])) or entry

        page = read_page(
            source, wanted, after=after, forward=forward, limit=limit, keep=keep, segment=segment, fetch=fetch
        )
        consumed = Consumed()
        self._items.consume_read(ctx, table, page.bytes_read, consistent=consistent, consumed=consumed, index=index)
        return _page_answer(page, select, project) | (_one_capacity(consumed, capacity) if capacity else {})

    # ---- transactions -------------------------------------------------------------------------------------------

    def transact_get_items(
        self, ctx: Context, *, TransactItems: list[dict[str, Any]], ReturnConsumedCapacity: str | None = None
    ) -> Answer:
        return self._transactions.get(ctx, TransactItems, self._table, ReturnConsumedCapacity)

    def transact_write_items(
        self,
        ctx: Context,
        *,
        TransactItems: list[dict[str, Any]],
        ClientRequestToken: str | None = None,
        ReturnConsumedCapacity: str | None = None,
    ) -> Answer:
        digest = hashlib.sha256(msgspec.json.encode(TransactItems)).digest()
        return self._transactions.write(
            ctx, TransactItems, self._table, ClientRequestToken, digest, ReturnConsumedCapacity
        )

    # ---- streams, for dynamodbstreams and event source mappings ---------------------------------------------------

    def subscribe_stream(self, stream_arn: str, callback: Callable[[], object]) -> None:
        """Call `callback` after each commit that adds records to the stream."""
        self._watchers.setdefault(self.streams.entry(stream_arn).stream.id, set()).add(callback)

    def unsubscribe_stream(self, stream_arn: str, callback: Callable[[], object]) -> None:
        try:
            stream_id = self.streams.entry(stream_arn).stream.id
        except ResourceNotFound:
            return
        self._watchers.get(stream_id, set()).discard(callback)

    def _stream_grew(self, stream_id: int) -> None:
        for callback in tuple(self._watchers.get(stream_id, ())):
            callback()

    # ---- helpers ------------------------------------------------------------------------------------------------

    def _table(self, ctx: Context, name: str, *, wording: str | None = None) -> TableRecord:
        """The table of that name or ARN; `wording="Table"` names it in the error, as the table operations do."""
        if name.startswith("arn:"):
            name = definitions.name_of(name).partition("/")[0]
        table = self._tables.tables.get((ctx.account, ctx.region, name))
        if table is None:
            definitions.check_name(name)
            raise ResourceNotFound(f"Requested resource not found: Table: {name} not found" if wording else None)
        return table

    def _index(self, table: TableRecord, name: str | None) -> Index | None:
        if name is None:
            return None
        index = table.index(name)
        if index is None:
            raise Validation(f"The table does not have the specified index: {name}")
        return index

    def _save(self, table: TableRecord) -> None:
        self._tables.tables.put((table.account, table.region, table.name), table)

    def _count(self, table: TableRecord, now_ms: int) -> tuple[int, int]:
        """Items and bytes; counted at most every few seconds, since AWS itself updates them every six hours."""
        known = self._counts.get(table.id)
        if known is not None and now_ms - known[2] < _COUNT_AGAIN_MS and known[0] > 10_000:
            return known[0], known[1]
        items = size = 0
        for _, item in self._tables.items.scan((table.id,)):
            items += 1
            size += item_size(item)
        self._counts[table.id] = (items, size, now_ms)
        return items, size

    def _set_stream(self, ctx: Context, table: TableRecord, specification: dict[str, Any] | None) -> None:
        if specification is None or not specification["StreamEnabled"]:
            table.stream = None
            return
        view = specification.get("StreamViewType")
        if view is None:
            raise Validation(
                "One or more parameter values were invalid: StreamViewType is required when StreamEnabled is true"
            )
        created = datetime.fromtimestamp(ctx.now_ms / 1000, UTC)
        label = f"{created:%Y-%m-%dT%H:%M:%S}.{ctx.now_ms % 1000:03d}"
        table.stream = Stream(id=self._tables.next_id(), label=label, view_type=view, created_ms=ctx.now_ms)
        self._tables.streams.put(
            (table.account, table.region, table.name, label),
            StreamEntry(table.name, table.stream, table.keys, table.types),
        )

    def _end_stream(self, table: TableRecord) -> None:
        assert table.stream is not None
        table.stream.enabled = False
        self._tables.streams.put(
            (table.account, table.region, table.name, table.stream.label),
            StreamEntry(table.name, table.stream, table.keys, table.types),
        )

    def _update_index(self, table: TableRecord, update: dict[str, Any]) -> None:
        if "Create" in update:
            definition = update["Create"]
            if table.index(definition["IndexName"]) is not None:
                raise Validation(f"Attempting to create an index which already exists: {definition['IndexName']}")
            index = definitions.read_index(
                definition, table.types, local=False, on_demand=table.on_demand, new_id=self._tables.next_id()
            )
            table.indexes.append(index)
            self._items.backfill(index, table)
            return
        ((action, definition),) = update.items()
        found = table.index(definition["IndexName"])
        if found is None or found.local:
            raise ResourceNotFound("Requested resource not found")
        if action == "Delete":
            table.indexes.remove(found)
            self._tables.index_items.delete_all((found.id,))
        else:
            found.read_units, found.write_units = definitions.read_units(
                definition["ProvisionedThroughput"], on_demand=False
            )

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


_NO_BINDINGS = Bindings(None, None)


def _bindings(names: dict[str, str] | None, values: Item | None) -> Bindings:
    return _NO_BINDINGS if names is None and values is None else Bindings(names, values)


def _check_return_values(given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise Validation("Return values set to invalid value")


def _one_capacity(consumed: Consumed, wanted: str) -> dict[str, Any]:
    capacity = consumed.answer(wanted)
    return {"ConsumedCapacity": capacity[0]} if capacity else {}


def _page_answer(page: Page, select: str | None, project: Callable[[Item], Item] | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"Count": len(page.items), "ScannedCount": page.scanned}
    if select != "COUNT":
        answer["Items"] = page.items if project is None else [project(item) for item in page.items]
    if page.last_key is not None:
        answer["LastEvaluatedKey"] = page.last_key
    return answer


def _continuous_backups(table: TableRecord) -> dict[str, Any]:
    status = "ENABLED" if table.point_in_time_recovery else "DISABLED"
    return {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": status},
    }
