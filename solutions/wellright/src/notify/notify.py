"""Programs table stream -> SNS: tells users and teams of a level reached and of their place."""

import json
import os
from typing import Any

import boto3

NOTICES_PER_CALL = 10  # SNS quota: entries in one PublishBatch request
BOARD_SHARDS = 8  # as the programme functions write them
PODIUM = 10  # places worth telling

dynamodb = boto3.client("dynamodb")
sns = boto3.client("sns")


def handler(event: dict[str, Any], _context: object) -> None:
    podiums: dict[str, dict[str, int]] = {}
    notices = []
    for record in event["Records"]:
        image = record["dynamodb"]["NewImage"]
        programme, season, subject = image["pk"]["S"].split("#", 2)
        board = f"{programme}#{season}"
        if board not in podiums:
            podiums[board] = podium(board)
        notice = {
            "notice": "level",
            "programme": programme,
            "season": season,
            "subject": subject,
            "level": int(image["level"]["N"]),
            "points": int(image["points"]["N"]),
            "rank": podiums[board].get(subject),
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
    """Subject -> rank of the first places, merged from the leaderboard's shards."""
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
