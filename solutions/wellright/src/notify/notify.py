"""Programs table stream -> SNS: tells users and teams of a level reached and of their place."""

import json
import os
import time
from typing import Any

import boto3

NOTICES_PER_CALL = 10  # SNS quota: entries in one PublishBatch request
BOARD_SHARDS = 8  # as the programme functions write them
PODIUM = 10  # places worth telling
PODIUM_FRESH_S = 5  # ranks need to be right to the minute; many rewards are given a second

dynamodb = boto3.client("dynamodb")
sns = boto3.client("sns")
podiums: dict[str, tuple[float, dict[str, int]]] = {}  # board -> when it was read, and subject -> rank


def handler(event: dict[str, Any], _context: object) -> None:
    notices = []
    for record in event["Records"]:
        image = record["dynamodb"]["NewImage"]
        programme, season, subject = image["pk"]["S"].split("#", 2)
        notice = {
            "notice": "level",
            "programme": programme,
            "season": season,
            "subject": subject,
            "level": int(image["level"]["N"]),
            "points": int(image["points"]["N"]),
            "rank": podium(f"{programme}#{season}").get(subject),
        }
        notices.append((programme, notice))
    for first in range(0, len(notices), NOTICES_PER_CALL):
        publish(notices[first : first + NOTICES_PER_CALL])


def publish(notices: list[tuple[str, dict[str, Any]]]) -> None:
    answer = sns.publish_batch(
        TopicArn=os.environ["TOPIC"],
        PublishBatchRequestEntries=[
            {
                "Id": str(number),
                "Message": json.dumps(notice),
                "MessageAttributes": {"programme": {"DataType": "String", "StringValue": programme}},
            }
            for number, (programme, notice) in enumerate(notices)
        ],
    )
    if answer.get("Failed"):
        raise RuntimeError(f"SNS refused {len(answer['Failed'])} notices: {answer['Failed'][0]['Code']}")


def podium(board: str) -> dict[str, int]:
    """Subject -> rank of the first places, at most PODIUM_FRESH_S old."""
    now = time.monotonic()
    if board not in podiums or now - podiums[board][0] > PODIUM_FRESH_S:
        podiums[board] = (now, read_podium(board))
    return podiums[board][1]


def read_podium(board: str) -> dict[str, int]:
    """Merged from the leaderboard's shards."""
    best: list[tuple[int, str]] = []
    for shard in range(BOARD_SHARDS):
        answer = dynamodb.query(
            TableName=os.environ["TABLE"],
            IndexName="leaderboard",
            KeyConditionExpression="board = :board",
            ExpressionAttributeValues={":board": {"S": f"{board}#{shard}"}},
            ScanIndexForward=False,
            Limit=PODIUM,
        )
        best += [(-int(item["points"]["N"]), item["subject"]["S"]) for item in answer["Items"]]
    return {subject: rank for rank, (_, subject) in enumerate(sorted(best)[:PODIUM], start=1)}
