"""The platform's API for tenants' functions: records, each tenant's own."""

import json
import os
from typing import Any

import boto3

BYTES_MAX = 64 * 1024

records = boto3.resource("dynamodb").Table(os.environ["RECORDS"])


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    who = event["requestContext"]["authorizer"]
    if "platform" not in who["scope"].split():
        return answer(403, {"message": "This client may not use the platform's records."})
    # The tenant is the token's: no request can name another.
    key = {"tenant": who["tenant"], "record": event["pathParameters"]["record"]}
    headers = {name.lower(): value for name, value in (event["headers"] or {}).items()}
    print(
        json.dumps(
            {
                "correlation_id": headers.get("x-correlation-id", ""),
                "tenant": who["tenant"],
                "function": who["function"],
                "message": f"{event['httpMethod']} record {key['record']}",
            }
        )
    )
    if event["httpMethod"] == "GET":
        found = records.get_item(Key=key, ConsistentRead=True).get("Item")
        return answer(200, {"value": json.loads(found["value"]) if found else None})
    if len(event["body"] or "") > BYTES_MAX:
        return answer(413, {"message": f"A record has at most {BYTES_MAX} bytes."})
    try:
        value = json.loads(event["body"] or "")
    except ValueError:
        return answer(400, {"message": "A record is JSON."})
    records.put_item(Item={**key, "value": json.dumps(value)})
    return answer(200, {"value": value})


def answer(status: int, document: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(document)}
