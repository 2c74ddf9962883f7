"""DynamoDB against a dict: any sequence of writes, and the table, its indexes and its stream tell the same story."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES
from fogbank.services.dynamodb import DynamoDBService
from fogbank.services.dynamodb.errors import ConditionalCheckFailed, TransactionCanceled
from fogbank.services.dynamodb.journal import Moment, moment_at
from tests.services.dynamodb.conftest import key_schema

Item = dict[str, dict[str, Any]]
Key = tuple[str, int]

TABLE = "machine"
KEYS = st.tuples(st.sampled_from("ab"), st.integers(-1, 3))
COLOURS = st.sampled_from([None, "red", "blue"])
RANKS = st.none() | st.integers(-2, 2)
EXPIRIES = st.none() | st.integers(-100, 100)
INDEXES = {"by-colour": ("colour", "rank"), "by-rank": ("pk", "rank")}


def key_of(key: Key) -> Item:
    return {"pk": {"S": key[0]}, "sk": {"N": str(key[1])}}


def sort_value(item: Item, name: str) -> Any:
    """What an attribute sorts by: every one of the machine's key attributes is a string or a whole number."""
    value = item[name]
    return int(value["N"]) if "N" in value else value["S"]


class TableMachine(RuleBasedStateMachine):
    """A table with a global and a local index, a stream and time to live."""

    encryption: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock(virtual=True)
        self.cloud = Cloud(Path(self.folder.name), services={"kms": SERVICES["kms"]}, sync="process", clock=self.clock)
        self.cloud.metrics.sink = lambda pending: None
        self.dynamodb = DynamoDBService(self.cloud)
        self.loop = asyncio.new_event_loop()
        self.items: dict[Key, Item] = {}
        self.changes: list[tuple[str, Item, Item | None, Item | None]] = []
        self.remembered: list[tuple[Moment, dict[Key, Item]]] = []
        created = self.run(
            self.dynamodb.create_table,
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kind}
                for name, kind in (("pk", "S"), ("sk", "N"), ("colour", "S"), ("rank", "N"))
            ],
            KeySchema=key_schema("pk", "sk"),
            GlobalSecondaryIndexes=[self.index("by-colour")],
            LocalSecondaryIndexes=[self.index("by-rank")],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            **self.encryption,
        )
        self.stream_arn = created["TableDescription"]["LatestStreamArn"]
        self.run(
            self.dynamodb.update_time_to_live,
            TableName=TABLE,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
        )
        self.run(
            self.dynamodb.update_continuous_backups,
            TableName=TABLE,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )

    @staticmethod
    def index(name: str) -> dict[str, Any]:
        return {
            "IndexName": name,
            "KeySchema": key_schema(*INDEXES[name]),
            "Projection": {"ProjectionType": "ALL"},
        }

    def teardown(self) -> None:
        self.loop.run_until_complete(self.cloud.stop())
        self.loop.close()
        self.folder.cleanup()

    def context(self) -> Any:
        return self.cloud.context(account="000000000000", region="us-east-1")

    def run(self, operation: Callable[..., Any], **parameters: Any) -> Any:
        async def call() -> Any:
            return await self.context().call(operation, **parameters)

        return self.loop.run_until_complete(call())

    # ---- the model ----------------------------------------------------------------------------------------------

    def change(self, key: Key, new: Item | None) -> None:
        old = self.items.get(key)
        if new is None:
            self.items.pop(key, None)
        else:
            self.items[key] = new
        if old != new:
            event = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
            self.changes.append((event, key_of(key), old, new))

    def place(self, key: Key) -> tuple[int, bytes, bytes]:
        """What items are in the order of that have the same index key."""
        table = self.dynamodb._shared_table(self.context(), TABLE)
        return self.dynamodb._items.key_of(table, key_of(key))

    def make_item(self, key: Key, colour: str | None, rank: int | None, ttl: int | None) -> Item:
        item = key_of(key)
        if colour is not None:
            item["colour"] = {"S": colour}
        if rank is not None:
            item["rank"] = {"N": str(rank)}
        if ttl is not None:
            item["expires"] = {"N": str(self.clock.now_ms() // 1000 + ttl)}
        return item

    # ---- writes -------------------------------------------------------------------------------------------------

    @rule(key=KEYS, colour=COLOURS, rank=RANKS, ttl=EXPIRIES, only_new=st.booleans())
    def put(self, key: Key, colour: str | None, rank: int | None, ttl: int | None, only_new: bool) -> None:
        item = self.make_item(key, colour, rank, ttl)
        condition = {"ConditionExpression": "attribute_not_exists(pk)"} if only_new else {}
        try:
            self.run(self.dynamodb.put_item, TableName=TABLE, Item=item, **condition)
        except ConditionalCheckFailed:
            assert only_new
            assert key in self.items
        else:
            assert not (only_new and key in self.items)
            self.change(key, item)

    @rule(key=KEYS, by=st.integers(-1, 1))
    def climb(self, key: Key, by: int) -> None:
        answer = self.run(
            self.dynamodb.update_item,
            TableName=TABLE,
            Key=key_of(key),
            UpdateExpression="SET #r = if_not_exists(#r, :zero) + :by REMOVE expires",
            ExpressionAttributeNames={"#r": "rank"},
            ExpressionAttributeValues={":zero": {"N": "0"}, ":by": {"N": str(by)}},
            ReturnValues="ALL_NEW",
        )
        item = dict(self.items.get(key, key_of(key)))
        item["rank"] = {"N": str(sort_value(item, "rank") + by if "rank" in item else by)}
        item.pop("expires", None)
        assert answer["Attributes"] == item
        self.change(key, item)

    @rule(key=KEYS)
    def delete(self, key: Key) -> None:
        answer = self.run(self.dynamodb.delete_item, TableName=TABLE, Key=key_of(key), ReturnValues="ALL_OLD")
        assert answer.get("Attributes") == self.items.get(key)
        self.change(key, None)

    @rule(puts=st.lists(KEYS, max_size=2, unique=True), deletes=st.lists(KEYS, max_size=2, unique=True), there=KEYS)
    def transact(self, puts: list[Key], deletes: list[Key], there: Key) -> None:
        """Puts and deletes of different items, all if the item `there` exists."""
        deletes = [key for key in deletes if key not in puts]
        actions = [
            *({"Put": {"TableName": TABLE, "Item": self.make_item(key, "red", 0, None)}} for key in puts),
            *({"Delete": {"TableName": TABLE, "Key": key_of(key)}} for key in deletes),
        ]
        if there not in (*puts, *deletes):
            check = {"TableName": TABLE, "Key": key_of(there), "ConditionExpression": "attribute_exists(pk)"}
            actions.append({"ConditionCheck": check})
        elif not actions:
            return
        try:
            self.run(self.dynamodb.transact_write_items, TransactItems=actions)
        except TransactionCanceled:
            assert there not in self.items
            return
        assert there in self.items or there in (*puts, *deletes)
        for key in puts:
            self.change(key, self.make_item(key, "red", 0, None))
        for key in deletes:
            self.change(key, None)

    @rule(seconds=st.integers(1, 120))
    def time_passes(self, seconds: int) -> None:
        async def pass_and_sweep() -> None:
            self.clock.advance(seconds * 1000)
            await self.dynamodb._expire_items()

        self.loop.run_until_complete(pass_and_sweep())
        now_s = self.clock.now_ms() // 1000
        ended = [key for key, item in self.items.items() if "expires" in item and sort_value(item, "expires") < now_s]
        for key in sorted(ended, key=lambda key: (sort_value(self.items[key], "expires"), self.place(key))):
            self.change(key, None)

    # ---- what was -----------------------------------------------------------------------------------------------

    @rule(by_time=st.booleans())
    def remember(self, by_time: bool) -> None:
        """Note what there is, at a moment that is given by the number of a write or by a time."""

        async def moment() -> Moment:
            if not by_time:
                return await self.context().run(self.dynamodb._journal.now)
            now_ms = self.clock.now_ms()
            self.clock.advance(1)
            return moment_at(now_ms)

        self.remembered.append((self.loop.run_until_complete(moment()), dict(self.items)))

    @precondition(lambda self: self.remembered)
    @rule(data=st.data())
    def read_what_was(self, data: st.DataObject) -> None:
        moment, items = data.draw(st.sampled_from(self.remembered))
        for key in {*items, *self.items, ("a", 0)}:
            found = self.dynamodb._journal.item_at(self.place(key), moment)
            assert (found.item if found else None) == items.get(key)

    # ---- reads --------------------------------------------------------------------------------------------------

    def pages(self, operation: Callable[..., Any], **parameters: Any) -> list[Item]:
        """All items of all pages; a page that says that there is more is followed by another."""
        found: list[Item] = []
        start: dict[str, Any] = {}
        while True:
            answer = self.run(operation, TableName=TABLE, **parameters, **start)
            assert answer["Count"] == len(answer["Items"]) <= parameters["Limit"]
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    @rule(key=KEYS, limit=st.integers(1, 4), forward=st.booleans(), consistent=st.booleans())
    def query(self, key: Key, limit: int, forward: bool, consistent: bool) -> None:
        partition, least = key
        found = self.pages(
            self.dynamodb.query,
            KeyConditionExpression="pk = :p AND sk >= :s",
            ExpressionAttributeValues={":p": {"S": partition}, ":s": {"N": str(least)}},
            Limit=limit,
            ScanIndexForward=forward,
            ConsistentRead=consistent,
        )
        wanted = sorted(key for key in self.items if key[0] == partition and key[1] >= least)
        assert found == [self.items[key] for key in (wanted if forward else reversed(wanted))]

    @rule(
        name=st.sampled_from(sorted(INDEXES)),
        value=st.sampled_from(["a", "b", "red", "blue"]),
        limit=st.integers(1, 4),
        forward=st.booleans(),
    )
    def query_index(self, name: str, value: str, limit: int, forward: bool) -> None:
        keys = INDEXES[name]
        found = self.pages(
            self.dynamodb.query,
            IndexName=name,
            KeyConditionExpression=f"{keys[0]} = :v",
            ExpressionAttributeValues={":v": {"S": value}},
            Limit=limit,
            ScanIndexForward=forward,
        )
        wanted = [
            item
            for item in (self.items[key] for key in sorted(self.items, key=self.place))
            if all(k in item for k in keys) and item[keys[0]] == {"S": value}
        ]
        wanted.sort(key=lambda item: sort_value(item, keys[1]))
        assert found == (wanted if forward else wanted[::-1])

    @rule(name=st.sampled_from([None, *sorted(INDEXES)]), segments=st.integers(1, 3), limit=st.integers(1, 4), at=RANKS)
    def scan(self, name: str | None, segments: int, limit: int, at: int | None) -> None:
        given: dict[str, Any] = {"IndexName": name} if name else {}
        if at is not None:
            given |= {
                "FilterExpression": "#r = :at",
                "ExpressionAttributeNames": {"#r": "rank"},
                "ExpressionAttributeValues": {":at": {"N": str(at)}},
            }
        found = []
        for segment in range(segments):
            found += self.pages(self.dynamodb.scan, Segment=segment, TotalSegments=segments, Limit=limit, **given)
        wanted = [
            item
            for item in self.items.values()
            if all(key in item for key in INDEXES.get(name or "", ()))
            and (at is None or item.get("rank") == {"N": str(at)})
        ]
        assert sorted(found, key=str) == sorted(wanted, key=str)

    @precondition(lambda self: self.changes)
    @rule(limit=st.integers(1, 5))
    def read_stream(self, limit: int) -> None:
        (shard,) = self.dynamodb.streams.describe(self.stream_arn)["Shards"]
        token = self.dynamodb.streams.iterator(self.context(), self.stream_arn, shard["ShardId"], "TRIM_HORIZON", None)
        told = []
        while True:
            answer = self.dynamodb.streams.records(self.context(), token, limit)
            if not answer["Records"]:
                break
            for record in answer["Records"]:
                change = record["dynamodb"]
                told.append((record["eventName"], change["Keys"], change.get("OldImage"), change.get("NewImage")))
            token = answer["NextShardIterator"]
        assert told == self.changes


class EncryptedTableMachine(TableMachine):
    """A table under a key of KMS."""

    encryption: ClassVar = {"SSESpecification": {"Enabled": True, "SSEType": "KMS"}}


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=25, stateful_step_count=25)
TestEncryptedTable = EncryptedTableMachine.TestCase
TestEncryptedTable.settings = settings(max_examples=10, stateful_step_count=25)
