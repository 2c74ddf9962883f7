"""Compares what the Programs table says with what the input adds up to."""

import json
import time
from array import array
from dataclasses import dataclass, field
from typing import Any

from activity import Expected

BOARD_SHARDS = 8
READ_MAX = 100_000  # SQS lets 120,000 messages of a queue be in flight


@dataclass
class Audit:
    lost: int = 0  # messages that neither counted nor wait in a dead-letter queue
    duplicated: int = 0  # counted more than once
    missing: int = 0  # not counted (yet), dead-lettered ones included
    counted: int = 0
    leaderboard_matches: bool = True
    rewards: int = 0
    latencies_ms: "array[int]" = field(default_factory=lambda: array("l"))  # from the upload to the count
    in_queue_ms: "array[int]" = field(default_factory=lambda: array("l"))  # from the programme's queue to the count


def audit(dynamodb: Any, table: str, season: str, expected: dict[str, Expected], dead: dict[str, bytearray]) -> Audit:
    """`dead[programme][number]` is 1 for an entry whose message is in the programme's dead-letter queue."""
    result = Audit()
    seen = {name: bytearray(len(each.numbers)) for name, each in expected.items()}
    for page in dynamodb.get_paginator("scan").paginate(
        TableName=table,
        ProjectionExpression="pk, sk, latency_ms, queue_ms, entries",
        FilterExpression="contains(pk, :season)",
        ExpressionAttributeValues={":season": {"S": f"#{season}#"}},
    ):
        for item in page["Items"]:
            programme, _, subject = item["pk"]["S"].split("#", 2)
            if programme not in seen:
                continue
            kind, _, entry_id = item["sk"]["S"].partition("#")
            if kind == "entry":
                seen[programme][int(entry_id.rpartition("-")[2])] = 1
                result.latencies_ms.append(max(0, int(item["latency_ms"]["N"])))
                result.in_queue_ms.append(max(0, int(item["queue_ms"]["N"])))
            elif kind == "progress":
                entries = int(item["entries"]["N"])
                result.counted += entries
                result.duplicated += max(0, entries - expected[programme].entries.get(subject, 0))
            else:
                result.rewards += 1
    for name, marks in seen.items():
        for number, due in enumerate(expected[name].numbers):
            if due and not marks[number]:
                result.missing += 1
                result.lost += not dead[name][number]
    result.leaderboard_matches = all(
        leaderboard(dynamodb, table, f"{name}#{season}") == rank(each.points) for name, each in expected.items()
    )
    return result


def rank(points: dict[str, int]) -> list[tuple[int, str]]:
    return sorted((-earned, subject) for subject, earned in points.items())


def leaderboard(dynamodb: Any, table: str, board: str) -> list[tuple[int, str]]:
    """The whole board, best first, merged from its shards."""
    places: list[tuple[int, str]] = []
    for shard in range(BOARD_SHARDS):
        for page in dynamodb.get_paginator("query").paginate(
            TableName=table,
            IndexName="leaderboard",
            KeyConditionExpression="board = :board",
            ExpressionAttributeValues={":board": {"S": f"{board}#{shard}"}},
            ScanIndexForward=False,
        ):
            places += [(-int(item["points"]["N"]), item["subject"]["S"]) for item in page["Items"]]
    return sorted(places)


def dead_entries(sqs: Any, queue_url: str, season: str, count: int) -> tuple[int, bytearray]:
    """Reads a dead-letter queue without emptying it: the season's messages in it, and which entries they carry.

    Of more than READ_MAX only the number is known: they are taken to carry what is missing, until the redrive tells.
    """
    depth = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    if int(depth["ApproximateNumberOfMessages"]) > READ_MAX:
        return int(depth["ApproximateNumberOfMessages"]), bytearray(b"\x01") * count
    numbers = bytearray(count)
    messages_of_season = 0
    handles: dict[str, str] = {}
    empty = 0
    while empty < 2:
        answer = sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=0
        )
        messages = answer.get("Messages", [])
        empty = 0 if messages else empty + 1
        if not messages:
            time.sleep(0.1)
        for message in messages:
            handles[message["MessageId"]] = message["ReceiptHandle"]
            name, _, number = json.loads(message["Body"])["entry_id"].rpartition("-")
            if name == season:
                numbers[int(number)] = 1
                messages_of_season += 1
    waiting = list(handles.values())
    for first in range(0, len(waiting), 10):
        sqs.change_message_visibility_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for n, handle in enumerate(waiting[first : first + 10])
            ],
        )
    return messages_of_season, numbers
