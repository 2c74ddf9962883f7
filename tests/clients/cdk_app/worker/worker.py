"""Writes what the queue brings to the table."""

import os
from typing import Any

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event: dict[str, Any], context: object) -> None:
    for record in event["Records"]:
        table.put_item(Item={"id": record["body"], "receipts": 1})
