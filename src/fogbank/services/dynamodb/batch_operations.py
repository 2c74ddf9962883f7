"""BatchGetItem and BatchWriteItem: many items a request, each for itself.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from collections.abc import Iterable
from typing import Any, NoReturn

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.errors import ThroughputExceeded, Validation
from fogbank.services.dynamodb.expressions import bind, parse_projection
from fogbank.services.dynamodb.item_collections import collection_metrics
from fogbank.services.dynamodb.items import KEY_MISMATCH, read_costs, throughput_refusal
from fogbank.services.dynamodb.legacy import translate
from fogbank.services.dynamodb.records import StoredItem
from fogbank.services.dynamodb.table_access import TableAccess
from fogbank.services.dynamodb.values import Item, check_item
from fogbank.services.dynamodb.writes import Write, Writes

BATCH_WRITE_MAX = 25
BATCH_GET_MAX = 100
BATCH_BYTES_MAX = 16 * 1024 * 1024


class BatchOperations(TableAccess):
    """The batch operations of `DynamoDBService`."""

    _writes: Writes

    def batch_get_item(
        self,
        ctx: Context,
        *,
        RequestItems: dict[str, dict[str, Any]],
        ReturnConsumedCapacity: str | None = None,
    ) -> Answer:
        if sum(len(wanted["Keys"]) for wanted in RequestItems.values()) > BATCH_GET_MAX:
            raise Validation("Too many items requested for the BatchGetItem call")
        consumed, size, done = Consumed(), 0, 0
        responses: dict[str, list[Item]] = {}
        unprocessed: dict[str, dict[str, Any]] = {}
        refusal: ThroughputExceeded | None = None
        for name, wanted in RequestItems.items():
            bindings = bind(wanted.get("ExpressionAttributeNames"), None)
            text = wanted.get("ProjectionExpression")
            if "AttributesToGet" in wanted:
                legacy = translate(
                    {"AttributesToGet": wanted["AttributesToGet"]},
                    expressions={"ProjectionExpression": text},
                    bindings=bindings,
                )
                bindings, text = legacy.bindings, legacy.projection
            project = parse_projection(text, bindings) if text is not None else None
            bindings.finish(used=project is not None)
            table = self._shared_table(ctx, name)
            keys = [self._items.key_of(table, key) for key in wanted["Keys"]]
            if len(set(keys)) != len(keys):
                raise Validation("Provided list of item keys contains duplicates")
            found = responses.setdefault(name, [])
            for key, given in zip(keys, wanted["Keys"], strict=True):
                stored = self._items.get(key)
                item_bytes = stored.size if stored else 0
                costs = read_costs(item_bytes, consistent=wanted.get("ConsistentRead", False))
                spent = self._items.spent(ctx, table, costs, write=False)
                if spent:
                    refusal = throughput_refusal(table, spent, write=False)
                if spent or size + item_bytes > BATCH_BYTES_MAX:
                    unprocessed.setdefault(name, {**wanted, "Keys": []})["Keys"].append(given)
                    continue
                size += item_bytes
                done += 1
                self._items.draw(ctx, table, costs, write=False, consumed=consumed)
                if stored is not None:
                    found.append(stored.item if project is None else project(stored.item))
        if not done and refusal is not None:
            self._refuse_batch(ctx, unprocessed, "BatchGetItem", refusal)
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
        ReturnItemCollectionMetrics: str | None = None,
    ) -> Answer:
        if sum(map(len, RequestItems.values())) > BATCH_WRITE_MAX:
            raise Validation("Too many items requested for the BatchWriteItem call")
        writes: list[tuple[str, dict[str, Any], Write]] = []
        seen = set()
        for name, requests in RequestItems.items():
            table = self._shared_table(ctx, name)
            for request in requests:
                if "PutRequest" in request:
                    item = request["PutRequest"]["Item"]
                    size = check_item(item)
                    if any(table.types[key] not in item.get(key, ()) for key in table.keys):
                        raise Validation(KEY_MISMATCH)
                    write = Write.put(table, StoredItem(size, item), None)
                else:
                    write = Write.delete(table, request["DeleteRequest"]["Key"], None)
                key = self._writes.key(write)
                if key in seen:
                    raise Validation("Provided list of item keys contains duplicates")
                seen.add(key)
                writes.append((name, request, write))
        consumed = Consumed()
        unprocessed: dict[str, list[dict[str, Any]]] = {}
        refusal: ThroughputExceeded | None = None
        for name, request, write in writes:
            try:
                self._writes.run(ctx, write, operation=None, consumed=consumed, show_on_failure=False)
            except ThroughputExceeded as error:
                refusal = error
                unprocessed.setdefault(name, []).append(request)
        if refusal is not None and sum(map(len, unprocessed.values())) == len(writes):
            self._refuse_batch(ctx, unprocessed, "BatchWriteItem", refusal)
        answer: dict[str, Any] = {"UnprocessedItems": unprocessed}
        if capacity := consumed.answer(ReturnConsumedCapacity):
            answer["ConsumedCapacity"] = capacity
        if ReturnItemCollectionMetrics:
            answer |= collection_metrics(
                self._tables, self._items, (w for _, _, w in writes), ReturnItemCollectionMetrics
            )
        return answer

    def _refuse_batch(
        self, ctx: Context, names: Iterable[str], operation: str, refusal: ThroughputExceeded
    ) -> NoReturn:
        """A batch of which nothing was done is a throttled request; one that was done in part is not."""
        for name in names:
            self._items.count_throttled(self._shared_table(ctx, name), operation)
        raise refusal
