"""Shards that scale by themselves: Application Auto Scaling asks here how many a stream has, and orders others.

Kinesis is none of the resources that Application Auto Scaling knows; for others it calls an API with GET and PATCH
(https://github.com/aws/aws-auto-scaling-custom-resource). `handler` is behind that API. `measure` runs each minute and
publishes how many shards are open, so that the load of one shard can be tracked. Nothing is kept: the stream knows.
"""

import json
import os
from typing import Any

import boto3
from botocore.exceptions import ClientError

kinesis = boto3.client("kinesis")
cloudwatch = boto3.client("cloudwatch")
streams = os.environ["STREAMS"].split(",")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    stream = event["pathParameters"]["scalableTargetDimensionId"]
    if stream not in streams:
        return answer(404, {"message": f"there is no stream {stream} here"})
    if event["httpMethod"] == "PATCH":
        return answer(200, change(stream, round(json.loads(event["body"])["desiredCapacity"])))
    shards, status = state(stream)
    return answer(200, described(stream, shards, shards, status))


def measure(_event: object, _context: object) -> None:
    data = [
        {
            "MetricName": "OpenShards",
            "Dimensions": [{"Name": "StreamName", "Value": stream}],
            "Value": state(stream)[0],
            "Unit": "Count",
        }
        for stream in streams
    ]
    cloudwatch.put_metric_data(Namespace=os.environ["NAMESPACE"], MetricData=data)


def change(stream: str, desired: int) -> dict[str, Any]:
    shards, status = state(stream)
    target = reachable(shards, desired)
    if status != "Successful" or target == shards:
        return described(stream, shards, desired, status)
    try:
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    except ClientError as error:
        # Such as more than ten changes in a day: the next alarm tries again.
        return described(stream, shards, desired, "Failed", error.response["Error"]["Message"])
    shards, status = state(stream)
    return described(stream, shards, desired, status)


def reachable(shards: int, desired: int) -> int:
    """What one change may come to: Kinesis at most doubles a stream, and at most halves it."""
    return min(max(desired, -(-shards // 2)), 2 * shards)


def state(stream: str) -> tuple[int, str]:
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    return summary["OpenShardCount"], "Successful" if summary["StreamStatus"] == "ACTIVE" else "InProgress"


def described(stream: str, shards: int, desired: int, status: str, reason: str = "") -> dict[str, Any]:
    told = {
        "scalableTargetDimensionId": stream,
        "resourceName": stream,
        "dimensionName": "OpenShards",
        "version": "1.0",
        "actualCapacity": float(shards),
        "desiredCapacity": float(desired),
        "scalingStatus": status,
    }
    return told | ({"failureReason": reason} if reason else {})


def answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
