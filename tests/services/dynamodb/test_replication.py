"""Whatever regions write while they hear of each other late or not at all: all end with the last write of each item."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.services.dynamodb import DynamoDBService
from fogbank.services.dynamodb.replication import CUT_TAG, LAG_TAG
from tests.services.dynamodb.conftest import key_schema

LAG_S = {"us-east-1": 0, "eu-west-1": 7, "ap-south-1": 31}
TABLE = "everywhere"

# Region, item, what is put there (None: it is deleted), and the seconds that pass before.
_regions = st.sampled_from(sorted(LAG_S))
_writes = st.tuples(_regions, st.sampled_from("ab"), st.none() | st.integers(0, 9), st.integers(0, 20))
# Or a region that is cut off, or healed if it is, and the seconds that pass before.
_turns = st.tuples(_regions, st.integers(0, 20))
steps = st.lists(_writes | _turns, max_size=14)


class Regions:
    """One table in all regions, in process."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.dynamodb = DynamoDBService(cloud)

    async def call(self, region: str, operation: str, **parameters: Any) -> Any:
        ctx = self.cloud.context(account="000000000000", region=region)
        return await ctx.call(getattr(self.dynamodb, operation), **parameters)

    async def create(self) -> None:
        home, *others = LAG_S
        await self.call(
            home,
            "create_table",
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=key_schema("id"),
        )
        for region in others:
            updates = [{"Create": {"RegionName": region}}]
            await self.call(home, "update_table", TableName=TABLE, ReplicaUpdates=updates)
        for region, lag_s in LAG_S.items():
            arn = f"arn:aws:dynamodb:{region}:000000000000:table/{TABLE}"
            await self.call(region, "tag_resource", ResourceArn=arn, Tags=[{"Key": LAG_TAG, "Value": str(lag_s)}])

    async def get(self, region: str, name: str) -> Any:
        answer = await self.call(region, "get_item", TableName=TABLE, Key={"id": {"S": name}})
        return answer.get("Item")

    async def turn(self, region: str, *, cut: bool) -> None:
        arn = f"arn:aws:dynamodb:{region}:000000000000:table/{TABLE}"
        if cut:
            await self.call(region, "tag_resource", ResourceArn=arn, Tags=[{"Key": CUT_TAG, "Value": "yes"}])
        else:
            await self.call(region, "untag_resource", ResourceArn=arn, TagKeys=[CUT_TAG])

    async def settle(self) -> None:
        while self.cloud.outbox.pending():
            self.cloud.clock.advance(1_000)
            for _ in range(20):
                await asyncio.sleep(0)


async def check(cloud: Cloud, made: list[Any]) -> None:
    regions = Regions(cloud)
    await regions.create()
    await regions.settle()
    last: dict[str, Any] = {"a": None, "b": None}
    cut: set[str] = set()
    for region, *what, seconds in made:
        cloud.clock.advance(seconds * 1_000)
        for _ in range(20):
            await asyncio.sleep(0)
        if not what:
            cut ^= {region}
            await regions.turn(region, cut=region in cut)
            continue
        name, value = what
        if value is None:
            # Deleting what is not there, or not yet, is no write.
            if await regions.get(region, name) is not None:
                last[name] = None
            await regions.call(region, "delete_item", TableName=TABLE, Key={"id": {"S": name}})
        else:
            last[name] = {"id": {"S": name}, "v": {"N": str(value)}}
            await regions.call(region, "put_item", TableName=TABLE, Item=last[name])
    for region in cut:
        await regions.turn(region, cut=False)
    await regions.settle()
    for name, item in last.items():
        assert [await regions.get(region, name) for region in LAG_S] == [item] * len(LAG_S)


@settings(max_examples=40)
@given(made=steps)
def test_all_regions_end_with_the_last_write(made: list[Any]) -> None:
    async def run(folder: str) -> None:
        cloud = Cloud(Path(folder), services={}, sync="process", clock=Clock(virtual=True))
        cloud.metrics.sink = lambda pending: None
        try:
            await check(cloud, made)
        finally:
            await cloud.stop()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(folder))
