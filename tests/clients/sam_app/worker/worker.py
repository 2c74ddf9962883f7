"""Writes what the queue brings to the table. jmespath is what `sam build` has to bring along."""

import os
from typing import Any

import boto3
import jmespath

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event: dict[str, Any], context: object) -> None:
    for body in jmespath.search("Records[].body", event):
        table.put_item(Item={"id": body, "stage": os.environ["STAGE"]})
