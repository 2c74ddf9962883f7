"""A table in three regions, each key of which is written now here, now there."""

import asyncio
import random

from tests.crash.drain import PATIENCE_S
from tests.crash.kind import Bodies, Client, Kind, make_table
from tests.crash.ledger import Ledger, check_allowed
from tests.crash.loads.tables import read_items
from tests.crash.wire import REGION, Wire

TABLE = "everywhere"
REGIONS = (REGION, "eu-west-1", "ap-south-1")
KEYS = 5


async def write_everywhere(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    last_put: dict[str, str] = {}
    for number in range(1, 1_000_000):
        key, region = f"{name}-{rng.randrange(KEYS)}", rng.choice(REGIONS)
        after = None if rng.random() < 0.3 else number
        if after is None:
            # A region that has not heard of the item has nothing to delete, and so nothing to tell the others.
            region = last_put.get(key, region)
        else:
            last_put[key] = region
        ledger.everywhere[key] = {next(iter(ledger.everywhere.get(key, {None}))), after}
        at = {"region": region, "TableName": TABLE}
        if after is None:
            await wire.json("dynamodb", "DeleteItem", **at, Key={"k": {"S": key}})
        else:
            await wire.json("dynamodb", "PutItem", **at, Item={"k": {"S": key}, "v": {"N": str(after)}})
        ledger.everywhere[key] = {after}
        ledger.acknowledged += 1


def prepare(client: Client) -> None:
    make_table(client, TABLE, view="NEW_AND_OLD_IMAGES")
    for region in REGIONS[1:]:
        client("dynamodb").update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": region}}])
        client("dynamodb", region=region).get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    """What one region was told arrives in the others, after a while."""
    now = asyncio.get_running_loop().time
    deadline = now() + PATIENCE_S
    while True:
        here, *there = (read_items(client("dynamodb", region=region), TABLE) for region in REGIONS)
        if all(items == here for items in there) or now() > deadline:
            break
        await asyncio.sleep(0.1)
    apart = [
        f"{region}: {items} instead of {here}"
        for region, items in zip(REGIONS[1:], there, strict=True)
        if items != here
    ]
    return check_allowed("global table", ledger.everywhere, here) + apart


KIND = Kind(workers=(write_everywhere,), prepare=prepare, check=check)
