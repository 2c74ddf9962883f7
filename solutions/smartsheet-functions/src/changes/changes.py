"""Applies changes of sheets: what happens behind, from a queue.

A change is applied once, however often it is delivered: its own item says that it was.
"""

import json
import os
import time
from typing import Any

import boto3
from connections import environment

APPLY_MS = int(os.environ["APPLY_MS"])

dynamodb = boto3.client("dynamodb")
TABLE = os.environ["SHEETS"]


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    failed = []
    for record in event["Records"]:
        change = json.loads(record["body"])
        cold = environment.cold()
        time.sleep(APPLY_MS / 1000)  # formulas of other sheets, computed elsewhere
        try:
            apply(change, cold=cold)
        except dynamodb.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            if reasons[0]["Code"] != "ConditionalCheckFailed":  # else it was applied before
                failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def apply(change: dict[str, Any], *, cold: bool) -> None:
    applied = {
        "sheet": {"S": change["sheet"]},
        "part": {"S": f"change#{change['id']}"},
        "sent_ms": {"N": str(change["sent_ms"])},
        "applied_ms": {"N": str(int(time.time() * 1000))},
        "cold": {"BOOL": cold},
        "kind": {"S": environment.kind},
        "run": {"S": change["run"]},
    }
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": TABLE, "Item": applied, "ConditionExpression": "attribute_not_exists(sheet)"}},
            {
                "Update": {
                    "TableName": TABLE,
                    "Key": {"sheet": applied["sheet"], "part": {"S": "summary"}},
                    "UpdateExpression": "ADD changes :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}},
                }
            },
        ]
    )
