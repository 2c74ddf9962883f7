"""Items put, counted up and deleted, and transactions over pairs of them."""

import random
from typing import Any

from tests.crash.kind import Bodies, Client, Kind, make_table
from tests.crash.ledger import Ledger, check_allowed, check_pairs
from tests.crash.wire import Wire

TABLE = "ledger"
KEYS = 20


async def write_items(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """Every worker has keys of its own."""
    for number in range(1, 1_000_000):
        key = f"{name}-{rng.randrange(KEYS)}"
        before = next(iter(ledger.items.get(key, {None})))
        kind = rng.choice(("put", "add", "delete"))
        after = {"put": number, "add": (before or 0) + 1, "delete": None}[kind]
        ledger.items[key] = {before, after}
        if kind == "put":
            await wire.json("dynamodb", "PutItem", TableName=TABLE, Item={"k": {"S": key}, "v": {"N": str(after)}})
        elif kind == "add":
            await wire.json(
                "dynamodb",
                "UpdateItem",
                TableName=TABLE,
                Key={"k": {"S": key}},
                UpdateExpression="ADD v :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
        else:
            await wire.json("dynamodb", "DeleteItem", TableName=TABLE, Key={"k": {"S": key}})
        ledger.items[key] = {after}
        ledger.acknowledged += 1


async def write_pairs(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """Transactions over two items that are always equal."""
    for number in range(1, 1_000_000):
        pair = f"{name}-{rng.randrange(KEYS)}"
        keys = (f"{pair}-left", f"{pair}-right")
        for key in keys:
            ledger.items[key] = {next(iter(ledger.items.get(key, {None}))), number}
        puts = [{"Put": {"TableName": TABLE, "Item": {"k": {"S": key}, "v": {"N": str(number)}}}} for key in keys]
        await wire.json("dynamodb", "TransactWriteItems", TransactItems=puts)
        for key in keys:
            ledger.items[key] = {number}
        ledger.acknowledged += 1


def prepare(client: Client) -> None:
    make_table(client, TABLE)


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    items = read_items(client("dynamodb"), TABLE)
    return check_allowed("table", ledger.items, items) + check_pairs(items)


def read_items(dynamodb: Any, table: str) -> dict[str, int]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {item["k"]["S"]: int(item["v"]["N"]) for page in pages for item in page["Items"]}


KIND = Kind(workers=(write_items, write_pairs), prepare=prepare, check=check)
