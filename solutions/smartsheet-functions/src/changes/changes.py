"""Applies changes of sheets: what happens behind, from a queue.

A change is applied once, however often it is delivered: its own item says that it was.
"""

import json
import os
import time
from typing import Any

import aws
from connections import environment

APPLY_MS = int(os.environ["APPLY_MS"])
TABLE = os.environ["SHEETS"]


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    failed = []
    for record in event["Records"]:
        change = json.loads(record["body"])
        start = environment.start()
        time.sleep(APPLY_MS / 1000)  # formulas of other sheets, computed elsewhere
        try:
            apply(change, start)
        except aws.Refused as error:
            reasons = error.document.get("CancellationReasons", [{"Code": error.kind}])
            if reasons[0]["Code"] != "ConditionalCheckFailed":  # else it was applied before
                failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def apply(change: dict[str, Any], start: str) -> None:
    applied = {
        "sheet": {"S": change["sheet"]},
        "part": {"S": f"change#{change['id']}"},
        "sent_ms": {"N": str(change["sent_ms"])},
        "applied_ms": {"N": str(int(time.time() * 1000))},
        "start": {"S": start},
        "kind": {"S": environment.kind},
        "run": {"S": change["run"]},
    }
    put = {"TableName": TABLE, "Item": applied, "ConditionExpression": "attribute_not_exists(sheet)"}
    count = {
        "TableName": TABLE,
        "Key": {"sheet": applied["sheet"], "part": {"S": "summary"}},
        "UpdateExpression": "ADD changes :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    aws.dynamodb("TransactWriteItems", {"TransactItems": [{"Put": put}, {"Update": count}]})
