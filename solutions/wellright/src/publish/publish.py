"""Users table stream -> EventBridge: every recorded activity becomes one event on the programme bus.

At least once, in order per shard: an event that the bus refuses is reported as the batch item from
which the stream has to be read again. Consumers are idempotent, so sending an event twice is harmless.
"""

import json
import os
from typing import Any

import boto3

EVENTS_PER_CALL = 10  # EventBridge quota: entries in one PutEvents request

events = boto3.client("events")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    records = [r for r in event["Records"] if r["eventName"] in ("INSERT", "MODIFY")]
    for first in range(0, len(records), EVENTS_PER_CALL):
        chunk = records[first : first + EVENTS_PER_CALL]
        refused = put(chunk)
        if refused is not None:
            return {"batchItemFailures": [{"itemIdentifier": refused}]}
    return {"batchItemFailures": []}


def put(records: list[dict[str, Any]]) -> str | None:
    """Send the records; answers the sequence number of the first one that was refused."""
    answer = events.put_events(Entries=[to_event(r["dynamodb"]["NewImage"]) for r in records])
    for record, outcome in zip(records, answer["Entries"], strict=True):
        if "ErrorCode" in outcome:
            return str(record["dynamodb"]["SequenceNumber"])
    return None


def to_event(image: dict[str, Any]) -> dict[str, str]:
    return {
        "EventBusName": os.environ["BUS"],
        "Source": "wellright.users",
        "DetailType": "ActivityRecorded",
        "Detail": json.dumps({name: plain(value) for name, value in image.items() if name != "sk"}),
    }


def plain(value: dict[str, Any]) -> Any:
    """A DynamoDB attribute as JSON; activities hold strings and whole numbers only."""
    return int(value["N"]) if "N" in value else value["S"]
