"""Bulk files -> sums of each group and hour, written back to S3, then named in the index as samples are.

S3 tells a queue of every bulk file. An hour has an object with its samples, which is read, added to and written; a file
of sums follows from it. There is one writer (the function's reserved concurrency is 1), and a batch that failed on the
way comes again and adds nothing that is there already.
"""

import json
import os
from typing import Any
from urllib.parse import unquote_plus

import boto3
from botocore.exceptions import ClientError
from hours import Samples, from_text, samples_in, sums, to_text

s3 = boto3.client("s3")
dynamodb = boto3.client("dynamodb")
bucket, table = os.environ["BUCKET"], os.environ["INDEX"]


def handler(event: dict[str, Any], _context: object) -> None:
    found: dict[int, Samples] = {}
    for key in keys_of(event):
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        for hour_ms, name, readings in samples_in(body):
            found.setdefault(hour_ms, {})[name] = readings
    for hour_ms, samples in found.items():
        add(hour_ms, samples)


def keys_of(event: dict[str, Any]) -> list[str]:
    """The files that S3 tells of; when notifications are set up it sends a test, which tells of none."""
    told = [json.loads(message["body"]) for message in event["Records"]]
    return [unquote_plus(record["s3"]["object"]["key"]) for each in told for record in each.get("Records", ())]


def add(hour_ms: int, samples: Samples) -> None:
    key = f"hours/{hour_ms}.txt"
    there = read(key)
    together = there | samples
    if len(together) > len(there):
        s3.put_object(Bucket=bucket, Key=key, Body=to_text(together))
    write_sums(hour_ms, together)


def read(key: str) -> Samples:
    try:
        return from_text(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return {}


def write_sums(hour_ms: int, samples: Samples) -> None:
    """First a file of its own, so that an entry always leads to what it was written for; then the entries."""
    key = f"aggregates/{hour_ms}-{len(samples)}.jsonl"
    lines = [(each["group"], json.dumps(each, separators=(",", ":")).encode()) for each in sums(hour_ms, samples)]
    s3.put_object(
        Bucket=bucket, Key=key, Body=b"".join(line + b"\n" for _, line in lines), ContentType="application/x-ndjson"
    )
    offset = 0
    for group, line in lines:
        dynamodb.put_item(
            TableName=table,
            Item={
                "device": {"S": f"group#{group}"},
                "at_seq": {"S": f"{hour_ms:013d}#hour"},
                "bucket": {"S": bucket},
                "key": {"S": key},
                "offset": {"N": str(offset)},
                "length": {"N": str(len(line))},
            },
        )
        offset += len(line) + 1
