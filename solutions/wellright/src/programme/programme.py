"""A programme's queue -> progress, registration, rewards in the Programs table.

Each entry counts exactly once however often its message comes: its marker and the progress it adds to
are written in one transaction, conditional on the marker not being there yet. A reward is a conditional
put too, and is given after the counting, also for entries that were counted before: a delivery that
died between the two is healed by the next one. What could not be written goes back to the queue alone
(ReportBatchItemFailures).
"""

import json
import os
import random
import time
from collections.abc import Iterable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from progress import Contribution, Group, Message, Rules, group, pack

ATTEMPTS = 3  # of one transaction, before its messages go back to the queue
BUSY = {
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "ThrottlingError",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TransactionConflict",
    "TransactionInProgressException",
}
READ = {
    "ConsistentRead": True,
    "ProjectionExpression": "pk, sk, season, subject, #level, points",
    "ExpressionAttributeNames": {"#level": "level"},
}
MARKER_DAYS = 90  # longer than a season: until then a repeated entry is recognised

rules = Rules.from_environment(os.environ)
table = os.environ["TABLE"]
partner_latency_s = int(os.environ["PARTNER_LATENCY_MS"]) / 1000
# No retries of the SDK's own, which would hide what is throttled; no checks of parameters, which are always the same.
config = Config(retries={"mode": "standard", "total_max_attempts": 1}, parameter_validation=False)
dynamodb = boto3.client("dynamodb", config=config)


class Busy(Exception):
    """The table stayed throttled or contended for as long as we were willing to ask."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    messages: list[Message] = []
    failed: set[str] = set()
    for record in event["Records"]:
        try:
            sent_at_ms = int(record["attributes"]["SentTimestamp"])
            messages.append((record["messageId"], sent_at_ms, json.loads(record["body"])))
        except ValueError:
            failed.add(record["messageId"])
    groups = group(rules, messages)
    for chunk in pack(groups):
        try:
            before = [Group(g.season, g.subject, dict(g.entries)) for g in chunk]
            count(chunk)
            reward(before)
        except Busy:
            failed |= {m for g in before for c in g.entries.values() for m in c.message_ids}
    time.sleep(partner_latency_s)  # the employer's benefits partner confirms the batch
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in sorted(failed)]}


def count(groups: list[Group]) -> None:
    """Add every entry that was not counted before; entries counted before are dropped from `groups`."""
    attempt = 0
    groups = drop_counted(groups)
    while groups:
        actions: list[dict[str, Any]] = []
        owners: list[tuple[Group, str | None]] = []
        for g in groups:
            for entry_id, contribution in g.entries.items():
                actions.append(marker(g, entry_id, contribution))
                owners.append((g, entry_id))
            actions.append(progress(g))
            owners.append((g, None))
        reasons = transact(actions)
        if reasons is None:
            return
        for (g, marked), reason in zip(owners, reasons, strict=True):
            if reason == "ConditionalCheckFailed" and marked is not None:
                del g.entries[marked]
        groups = [g for g in groups if g.entries]
        if any(reason in BUSY for reason in reasons):
            attempt = wait(attempt)


def drop_counted(groups: list[Group]) -> list[Group]:
    """Looks for markers first: bulk files repeat entries, and one repeated entry would cancel the whole transaction.

    What is counted between this look and the transaction is still noticed, by the transaction's conditions.
    """
    counted = {(item["pk"]["S"], item["sk"]["S"]) for item in read(marker_key(g, e) for g in groups for e in g.entries)}
    for g in groups:
        for entry_id in [e for e in g.entries if marker_key(g, e) in counted]:
            del g.entries[entry_id]
    return [g for g in groups if g.entries]


def reward(groups: list[Group]) -> None:
    """Give every level that the subjects' points have reached and that was not given yet."""
    attempt = 0
    keys = {(g.season, g.subject) for g in groups}
    while keys:
        due = [
            item
            for item in read((pk(*key), "progress") for key in keys)
            if rules.level(points(item)) > int(item["level"]["N"])
        ]
        keys = set()
        for first in range(0, len(due), 20):  # at most 4 actions a subject, well below ACTIONS_MAX
            part = due[first : first + 20]
            reasons = transact([action for item in part for action in grant(item)])
            if reasons is None:
                continue
            keys |= {(item["season"]["S"], item["subject"]["S"]) for item in part}
            if any(reason in BUSY for reason in reasons):
                attempt = wait(attempt)


def wait(attempt: int) -> int:
    if attempt + 1 >= ATTEMPTS:
        raise Busy
    time.sleep(random.uniform(0.02, 0.1) * 2**attempt)
    return attempt + 1


def transact(actions: list[dict[str, Any]]) -> list[str] | None:
    """None when all was written; otherwise why each action was refused (nothing was written)."""
    try:
        dynamodb.transact_write_items(TransactItems=actions)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "TransactionCanceledException":
            return [reason["Code"] for reason in error.response["CancellationReasons"]]
        if code in BUSY:
            return [code] * len(actions)
        raise
    return None


def read(keys: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """The items that are there, of at most 100 keys."""
    wanted = [{"pk": {"S": partition}, "sk": {"S": sort}} for partition, sort in keys]
    found: list[dict[str, Any]] = []
    attempt = 0
    while wanted:
        try:
            answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": wanted, **READ}})
        except ClientError as error:
            if error.response["Error"]["Code"] not in BUSY:
                raise
            attempt = wait(attempt)
            continue
        found += answer["Responses"][table]
        wanted = answer["UnprocessedKeys"].get(table, {}).get("Keys", [])
        if wanted:
            attempt = wait(attempt)
    return found


def pk(season: str, subject: str) -> str:
    return f"{rules.programme}#{season}#{subject}"


def marker_key(g: Group, entry_id: str) -> tuple[str, str]:
    return pk(g.season, g.subject), f"entry#{entry_id}"


def points(item: dict[str, Any]) -> int:
    return int(item["points"]["N"])


def marker(g: Group, entry_id: str, contribution: Contribution) -> dict[str, Any]:
    now_ms = int(time.time() * 1000)
    partition, sort = marker_key(g, entry_id)
    return {
        "Put": {
            "TableName": table,
            "Item": {
                "pk": {"S": partition},
                "sk": {"S": sort},
                "latency_ms": {"N": str(now_ms - contribution.uploaded_at_ms)},
                "queue_ms": {"N": str(now_ms - contribution.sent_at_ms)},
                "expires": {"N": str(now_ms // 1000 + MARKER_DAYS * 86_400)},
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def progress(g: Group) -> dict[str, Any]:
    """Progress, and registration: a subject's first entry enrols it in the programme."""
    return {
        "Update": {
            "TableName": table,
            "Key": {"pk": {"S": pk(g.season, g.subject)}, "sk": {"S": "progress"}},
            "UpdateExpression": "SET board = :board, season = :season, subject = :subject,"
            " #level = if_not_exists(#level, :zero), registered_at = if_not_exists(registered_at, :now)"
            " ADD points :points, entries :entries",
            "ExpressionAttributeNames": {"#level": "level"},
            "ExpressionAttributeValues": {
                ":board": {"S": rules.board(g.season, g.subject)},
                ":season": {"S": g.season},
                ":subject": {"S": g.subject},
                ":zero": {"N": "0"},
                ":now": {"N": str(int(time.time() * 1000))},
                ":points": {"N": str(sum(c.points for c in g.entries.values()))},
                ":entries": {"N": str(len(g.entries))},
            },
        }
    }


def grant(item: dict[str, Any]) -> list[dict[str, Any]]:
    given, reached = int(item["level"]["N"]), rules.level(points(item))
    puts = [
        {
            "Put": {
                "TableName": table,
                "Item": {
                    "pk": item["pk"],
                    "sk": {"S": f"reward#{level}"},
                    "season": item["season"],
                    "subject": item["subject"],
                    "level": {"N": str(level)},
                    "points": item["points"],
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }
        for level in range(given + 1, reached + 1)
    ]
    raise_level = {
        "Update": {
            "TableName": table,
            "Key": {"pk": item["pk"], "sk": item["sk"]},
            "UpdateExpression": "SET #level = :reached",
            "ConditionExpression": "#level = :given",
            "ExpressionAttributeNames": {"#level": "level"},
            "ExpressionAttributeValues": {":reached": {"N": str(reached)}, ":given": {"N": str(given)}},
        }
    }
    return [*puts, raise_level]
