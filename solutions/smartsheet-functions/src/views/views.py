"""Shows a sheet: what people wait for."""

import json
import os
import time
from typing import Any

import aws
from connections import connections, environment

RENDER_MS = int(os.environ["RENDER_MS"])


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    sheet = event["pathParameters"]["sheet"]
    how = {"start": environment.start(), "kind": environment.kind}
    if not connections.permissions.get(sheet, True):
        return answer(403, {"message": f"{sheet} is not shared with you", **how})
    key = {"sheet": {"S": sheet}, "part": {"S": "summary"}}
    found = aws.dynamodb("GetItem", {"TableName": os.environ["SHEETS"], "Key": key}).get("Item", {})
    time.sleep(RENDER_MS / 1000)  # the service that renders, which answers over the network
    changes = int(found["changes"]["N"]) if "changes" in found else 0
    return answer(200, {"sheet": sheet, "changes": changes, **how})


def answer(status: int, document: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(document)}
