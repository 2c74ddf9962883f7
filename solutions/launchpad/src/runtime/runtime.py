"""The runtime service: runs a tenant's function on a tenant's document.

The gateway has said whose the token is. Here the tenant is checked, fields are mapped, the function is invoked in its
own account, and what came of it is measured under the tenant's name.
"""

import json
import os
import time
from functools import lru_cache
from typing import Any

import boto3
from botocore.exceptions import ClientError
from mapping import Mismatch, inputs_of, with_outputs
from tenancy import functions_of

SPEC_KEPT_S = 10

dynamodb = boto3.resource("dynamodb")
tenants = dynamodb.Table(os.environ["TENANTS"])
functions = dynamodb.Table(os.environ["FUNCTIONS"])
vault = boto3.client("secretsmanager")


class Answer(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    if "trial" in event:  # From the authoring service, which has checked whose it is.
        trial = event["trial"]
        return answered(trial["tenant"], trial["name"], trial["document"], trial["called"])[1]
    # The gateway's own name for the request: it is in its log, in ours, in the function's and in the answer.
    correlation_id = event["requestContext"]["requestId"]
    who, path = event["requestContext"]["authorizer"], event["pathParameters"]
    if "invoke" not in who["scope"].split() or who["tenant"] != path["tenant"]:
        told(correlation_id, who["tenant"], path["name"], f"refused: a function of {path['tenant']}")
        status, answer = 403, {"message": "This client may not do that."}
    else:
        try:
            document = json.loads(event["body"] or "{}")
            status, answer = answered(path["tenant"], path["name"], document, event["requestContext"])
        except ValueError:
            status, answer = 400, {"message": "The document is no JSON."}
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "X-Correlation-Id": correlation_id},
        "body": json.dumps({**answer, "correlation_id": correlation_id}),
    }


def answered(tenant: str, name: str, document: Any, called: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    correlation_id = called["requestId"]
    started = time.perf_counter()
    try:
        status, answer = 200, {"document": run(tenant, name, document, called)}
    except Mismatch as error:
        status, answer = 422, {"message": str(error)}
    except Answer as failure:
        status, answer = failure.status, {"message": str(failure)}
    duration_ms = (time.perf_counter() - started) * 1000
    if status != 404:
        measured(tenant, name, duration_ms, failed=status >= 500)
    told(correlation_id, tenant, name, f"answered {status}", duration_ms=round(duration_ms, 1))
    return status, answer


def run(tenant: str, name: str, document: Any, called: dict[str, Any]) -> Any:
    correlation_id = called["requestId"]
    fields, spec = specs(tenant, name, int(time.time() / SPEC_KEPT_S))
    event: dict[str, Any] = {
        "correlation_id": correlation_id,
        "inputs": inputs_of(document, spec["inputs"], fields),
    }
    if spec["calls_platform"]:
        event["platform"] = {"url": api_url(called), **credentials(tenant, name)}
    try:
        answer = functions_of(tenant).invoke(FunctionName=spec["arn"], Payload=json.dumps(event).encode())
    except ClientError as error:
        code = error.response["Error"]["Code"]
        told(correlation_id, tenant, name, f"not invoked: {code}: {error.response['Error']['Message']}")
        if code == "TooManyRequestsException":
            raise Answer(429, "The function is busy.") from None
        raise Answer(502, "The function cannot be invoked.") from None
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise Answer(502, f"The function failed: {payload.get('errorMessage', 'no reason given')}")
    return with_outputs(document, payload, spec["outputs"], fields)


def api_url(called: dict[str, Any]) -> str:
    """The platform's API, by which the request came."""
    host = f"{called['apiId']}.execute-api.{os.environ['AWS_REGION']}.{os.environ['URL_SUFFIX']}"
    return f"https://{host}/{called['stage']}"


@lru_cache(maxsize=4096)
def specs(tenant: str, name: str, _moment: int) -> tuple[dict[str, str], dict[str, Any]]:
    """The tenant's fields and the function's spec, as they were at most ten seconds ago."""
    spec = functions.get_item(Key={"tenant": tenant, "name": name}).get("Item")
    if spec is None or spec["state"] != "live":
        raise Answer(404, f"There is no function {name}.")
    return tenants.get_item(Key={"tenant": tenant})["Item"]["fields"], spec


@lru_cache(maxsize=4096)
def credentials(tenant: str, name: str) -> dict[str, str]:
    """The function's own client of the platform's API."""
    found = vault.get_secret_value(SecretId=f"{os.environ['PREFIX']}/{tenant}/{name}")
    kept: dict[str, str] = json.loads(found["SecretString"])
    return kept


def told(correlation_id: str, tenant: str, name: str, message: str, **more: Any) -> None:
    print(
        json.dumps({"correlation_id": correlation_id, "tenant": tenant, "function": name, "message": message, **more})
    )


def measured(tenant: str, name: str, duration_ms: float, *, failed: bool) -> None:
    """Metrics in the embedded format: for the platform, for each tenant and for each of its functions."""
    names = (("Invocations", "Count"), ("Errors", "Count"), ("Duration", "Milliseconds"))
    print(
        json.dumps(
            {
                "_aws": {
                    "Timestamp": int(time.time() * 1000),
                    "CloudWatchMetrics": [
                        {
                            "Namespace": os.environ["PREFIX"],
                            "Dimensions": [[], ["Tenant"], ["Tenant", "Function"]],
                            "Metrics": [{"Name": metric, "Unit": unit} for metric, unit in names],
                        }
                    ],
                },
                "Tenant": tenant,
                "Function": name,
                "Invocations": 1,
                "Errors": int(failed),
                "Duration": round(duration_ms, 2),
            }
        )
    )
