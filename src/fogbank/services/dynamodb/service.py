"""Amazon DynamoDB. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.backfills import Backfills
from fogbank.services.dynamodb.batch_operations import BatchOperations
from fogbank.services.dynamodb.contributor_insights import ContributorInsights
from fogbank.services.dynamodb.copies import Copies
from fogbank.services.dynamodb.counts import ItemCounts
from fogbank.services.dynamodb.encryption import TableEncryption
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.export_runs import ExportRuns
from fogbank.services.dynamodb.exports import Exports
from fogbank.services.dynamodb.import_runs import ImportRuns
from fogbank.services.dynamodb.imports import Imports
from fogbank.services.dynamodb.item_collections import collection_metrics
from fogbank.services.dynamodb.item_operations import ItemOperations
from fogbank.services.dynamodb.items import Items
from fogbank.services.dynamodb.journal import Journal
from fogbank.services.dynamodb.kinesis_destinations import KinesisChanges, KinesisDestinations
from fogbank.services.dynamodb.partiql_operations import PartiQLOperations
from fogbank.services.dynamodb.query_operations import QueryOperations
from fogbank.services.dynamodb.records import DynamoDBTables
from fogbank.services.dynamodb.replica_scaling import ReplicaScaling
from fogbank.services.dynamodb.replication import Replication
from fogbank.services.dynamodb.sealings import Sealings
from fogbank.services.dynamodb.streams import Streams
from fogbank.services.dynamodb.time_to_live import TimeToLive
from fogbank.services.dynamodb.transactions import Transactions
from fogbank.services.dynamodb.writes import Writes

SWEEP_S = 30  # How often expired items and old stream records are looked for.


class DynamoDBService(
    Imports,
    TimeToLive,
    ItemOperations,
    BatchOperations,
    QueryOperations,
    PartiQLOperations,
    ContributorInsights,
    Exports,
    ReplicaScaling,
    KinesisDestinations,
):
    """Tables, items, queries, transactions, PartiQL, streams, TTL, global tables, backups, exports and imports,
    resource policies, Kinesis destinations.

    The global tables of 2017 answer NotImplemented.
    """

    name = "dynamodb"
    data_operations = frozenset(
        ("BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "DeleteItem", "ExecuteStatement",
         "ExecuteTransaction", "GetItem", "PutItem", "Query", "Scan", "TransactGetItems", "TransactWriteItems",
         "UpdateItem")
    )  # fmt: skip
    raw_shapes = frozenset(("AttributeValue",))

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._encryption = TableEncryption(cloud)
        self._tables = DynamoDBTables(cloud.store, self._encryption.unseal)
        self.policy_table = self._tables.policies
        with cloud.store.transaction():
            self._tables.size_items(cloud.store)
        self._items = Items(cloud, self._tables, self._encryption)
        self._replication = Replication(cloud, self._tables, self._items, self._encryption)
        self._items.on_global_write = self._replication.note
        self._items.on_streamed_write = KinesisChanges(cloud, self._encryption).note
        self._journal = Journal(cloud, self._tables, self._encryption)
        self._items.on_change = self._journal.note
        self._copies = Copies(cloud, self._tables, self._items, self._journal, self._encryption)
        self._export_runs = ExportRuns(cloud, self._tables, self._journal)
        self._import_runs = ImportRuns(cloud, self._tables, self._items, remove=self._remove)
        self._backfills = Backfills(cloud, self._tables, self._items)
        self._sealings = Sealings(cloud, self._tables, self._encryption)
        self._writes = Writes(self._items)
        self._transactions = Transactions(self._tables, self._items, self._writes)
        self.streams = Streams(self._tables, self._encryption)
        self._counts = ItemCounts(self._tables, cloud.tasks)

    async def start(self) -> None:
        await self.cloud.tasks.attempt("seal tables", self._seal_older())
        while True:
            await self.cloud.clock.sleep(SWEEP_S)
            self.publish_provisioned(self.cloud.clock.now_ms())
            await self.cloud.tasks.attempt("expire items", self._expire_items())
            for name, trim in (("trim streams", self.streams.trim_all), ("trim the journal", self._journal.trim_some)):
                await self.cloud.tasks.attempt(name, self._trim(trim))

    async def _seal_older(self) -> None:
        """Give tables a data key that came under a key of KMS when that encrypted nothing."""
        for (account, region, name), found in list(self._tables.tables.scan()):
            if found.data_key or not (found.sse or {}).get("Enabled"):
                continue
            ctx = self.cloud.context(account=account, region=region)
            with suppress(Validation):  # The key cannot be used: the table stays shut.
                await ctx.run(self._seal_table, ctx, name)

    def _seal_table(self, ctx: Context, name: str) -> None:
        table = self._tables.tables.get((ctx.account, ctx.region, name))
        if table is not None and not table.data_key and table.sse is not None:
            self._encrypt(ctx, table, table.sse)
            self._save(table)

    async def _trim(self, some: Callable[[int], bool]) -> None:
        while await self.cloud.store.run(some, self.cloud.clock.now_ms()):
            continue

    # ---- transactions -------------------------------------------------------------------------------------------

    def transact_get_items(
        self, ctx: Context, *, TransactItems: list[dict[str, Any]], ReturnConsumedCapacity: str | None = None
    ) -> Answer:
        return self._transactions.get(ctx, TransactItems, self._shared_table, ReturnConsumedCapacity)

    def transact_write_items(
        self,
        ctx: Context,
        *,
        TransactItems: list[dict[str, Any]],
        ClientRequestToken: str | None = None,
        ReturnConsumedCapacity: str | None = None,
        ReturnItemCollectionMetrics: str | None = None,
    ) -> Answer:
        writes = self._transactions.parse(ctx, TransactItems, self._shared_table)
        answer = self._transactions.write(
            ctx, writes, token=ClientRequestToken, request=TransactItems, capacity=ReturnConsumedCapacity,
            operation="TransactWriteItems",
        )  # fmt: skip
        if ReturnItemCollectionMetrics:
            answer |= collection_metrics(
                self._tables, self._items, (write for write, _ in writes), ReturnItemCollectionMetrics
            )
        return answer
