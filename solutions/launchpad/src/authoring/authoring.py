"""The authoring service: tenants and their functions, from their first version to their end.

An administrator makes tenants; a tenant makes, changes, tries, lists and deletes functions of its own.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ClientError
from spec import NAME, Refused, code, definition, tenant_spec
from workshop import Workshop, function_name

dynamodb = boto3.resource("dynamodb")
tenants = dynamodb.Table(os.environ["TENANTS"])
functions = dynamodb.Table(os.environ["FUNCTIONS"])
clients = dynamodb.Table(os.environ["CLIENTS"])
vault = boto3.client("secretsmanager")
trials = boto3.client("lambda")
gateway = boto3.client("apigateway")
workshop = Workshop()


class Answer(Exception):
    """Ends a request with a status and what there is to say."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Request(NamedTuple):
    tenant: str
    name: str
    document: Any
    called: dict[str, str]
    """The API and stage by which it came, and its name there."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    path = event["pathParameters"] or {}
    try:
        who = event["requestContext"]["authorizer"]
        document = json.loads(event["body"] or "{}")
        operation, scope = OPERATIONS[event["httpMethod"], event["resource"]]
        allowed(who, scope, path)
        called = {name: event["requestContext"][name] for name in ("apiId", "stage", "requestId")}
        status, answer = operation(Request(path.get("tenant", ""), path.get("name", ""), document, called))
    except Answer as refusal:
        status, answer = refusal.status, {"message": str(refusal)}
    except (Refused, ValueError) as error:
        status, answer = 400, {"message": str(error)}
    body = json.dumps(answer, default=str)
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": body}


def allowed(who: dict[str, Any], scope: str, path: dict[str, str]) -> None:
    """Nobody but an administrator for tenants, nobody but the tenant itself for its functions."""
    if scope not in who["scope"].split() or (scope == "author" and who["tenant"] != path["tenant"]):
        raise Answer(403, "This client may not do that.")


# ---- tenants ---------------------------------------------------------------------------------------------------------


def create_tenant(request: Request) -> tuple[int, dict[str, Any]]:
    document = request.document
    tenant = document.get("tenant") if isinstance(document, dict) else None
    if not isinstance(tenant, str) or not NAME.fullmatch(tenant):
        raise Refused("tenant: 2 to 31 small letters, digits and hyphens")
    fields = tenant_spec(document)
    try:
        tenants.put_item(Item={"tenant": tenant, "fields": fields}, ConditionExpression="attribute_not_exists(tenant)")
    except dynamodb.meta.client.exceptions.ConditionalCheckFailedException:
        raise Answer(409, f"There is a tenant {tenant} already.") from None
    allow_requests(tenant)
    client_id, secret = new_client(tenant, ["author", "invoke"])
    return 201, {"tenant": tenant, "client_id": client_id, "client_secret": secret}


def allow_requests(tenant: str) -> None:
    """So many as the plan has for each tenant; the authorizer names this key for its tokens."""
    value = os.environ["REQUESTS_OF"] + tenant
    key = gateway.create_api_key(name=value, value=value, enabled=True)
    gateway.create_usage_plan_key(usagePlanId=usage_plan(), keyId=key["id"], keyType="API_KEY")


@cache
def usage_plan() -> str:
    """The id of the gateway's plan: it is of the gateway, which is of this function, and so has to be looked up."""
    pages = gateway.get_paginator("get_usage_plans").paginate()
    found: str = next(plan["id"] for page in pages for plan in page["items"] if plan["name"] == os.environ["REQUESTS"])
    return found


def new_client(tenant: str, scopes: list[str], function: str = "") -> tuple[str, str]:
    """Id and secret; of the secret only a hash is kept here."""
    client_id = ".".join(filter(None, (tenant, function, secrets.token_hex(4))))
    secret = secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    clients.put_item(
        Item={
            "client_id": client_id,
            "tenant": tenant,
            "function": function,
            "scopes": scopes,
            "secret_sha256": digest,
        }
    )
    return client_id, secret


# ---- functions -------------------------------------------------------------------------------------------------------


def create_function(request: Request) -> tuple[int, dict[str, Any]]:
    tenant, document = request.tenant, request.document
    name = document.get("name") if isinstance(document, dict) else None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Refused("name: 2 to 31 small letters, digits and hyphens")
    defined = definition(document, fields_of(tenant))
    package = code(document)
    item = {"tenant": tenant, "name": name, **defined, "state": "making"}
    try:
        functions.put_item(Item=item, ConditionExpression="attribute_not_exists(tenant)")
    except dynamodb.meta.client.exceptions.ConditionalCheckFailedException:
        raise Answer(409, f"There is a function {name} already.") from None
    try:
        arn = workshop.create(tenant, name, defined, package)
    except ClientError as error:
        functions.delete_item(Key={"tenant": tenant, "name": name})
        raise Answer(400, error.response["Error"]["Message"]) from None
    if defined["calls_platform"]:
        give_credentials(tenant, name)
    functions.put_item(Item={**item, "state": "live", "arn": arn})
    return 201, {"tenant": tenant, "name": name, **defined}


def give_credentials(tenant: str, name: str) -> None:
    """A client of the function's own: what it can reach is its tenant's, and it can be taken away alone."""
    client_id, secret = new_client(tenant, ["platform"], name)
    vault.create_secret(
        Name=secret_name(tenant, name),
        SecretString=json.dumps({"client_id": client_id, "client_secret": secret}),
        Tags=[{"Key": "tenant", "Value": tenant}],
    )


def update_function(request: Request) -> tuple[int, dict[str, Any]]:
    known = function_of(request)
    tenant, name, document = request.tenant, request.name, request.document
    defined = definition(document, fields_of(tenant))
    if defined["calls_platform"] != known["calls_platform"]:
        raise Refused("calls_platform: make another function for that")
    package = code(document)
    try:
        workshop.update(tenant, name, defined, package)
    except ClientError as error:
        raise Answer(400, error.response["Error"]["Message"]) from None
    functions.put_item(Item={**known, **defined})
    return 200, {"tenant": tenant, "name": name, **defined}


def list_functions(request: Request) -> tuple[int, dict[str, Any]]:
    found, more = [], {}
    while True:
        page = functions.query(
            KeyConditionExpression="tenant = :tenant", ExpressionAttributeValues={":tenant": request.tenant}, **more
        )
        found += [described(item) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return 200, {"functions": found}
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def get_function(request: Request) -> tuple[int, dict[str, Any]]:
    return 200, described(function_of(request))


def try_function(request: Request) -> tuple[int, dict[str, Any]]:
    """Runs the function on a document as a request would, through the runtime service; changes nothing."""
    function_of(request)
    answer = trials.invoke(
        FunctionName=os.environ["RUNTIME"], Payload=json.dumps({"trial": request._asdict()}).encode()
    )
    found = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise Answer(502, "The runtime service failed.")
    return 200, found


def delete_function(request: Request) -> tuple[int, dict[str, Any]]:
    known = function_of(request)
    tenant, name = request.tenant, request.name
    workshop.delete(tenant, name)
    if known["calls_platform"]:
        taken = json.loads(vault.get_secret_value(SecretId=secret_name(tenant, name))["SecretString"])
        clients.delete_item(Key={"client_id": taken["client_id"]})
        vault.delete_secret(SecretId=secret_name(tenant, name), ForceDeleteWithoutRecovery=True)
    functions.delete_item(Key={"tenant": tenant, "name": name})
    return 200, {"deleted": function_name(tenant, name)}


def fields_of(tenant: str) -> dict[str, str]:
    found = tenants.get_item(Key={"tenant": tenant}).get("Item")
    if found is None:
        raise Answer(404, f"There is no tenant {tenant}.")
    fields: dict[str, str] = found["fields"]
    return fields


def function_of(request: Request) -> dict[str, Any]:
    key = {"tenant": request.tenant, "name": request.name}
    found: dict[str, Any] | None = functions.get_item(Key=key).get("Item")
    if found is None or found["state"] != "live":
        raise Answer(404, f"There is no function {request.name}.")
    return found


def described(item: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in item.items() if name != "arn"}
    return {**shown, "memory_mb": int(item["memory_mb"]), "timeout_s": int(item["timeout_s"])}


def secret_name(tenant: str, name: str) -> str:
    return f"{os.environ['PREFIX']}/{tenant}/{name}"


Operation = Callable[[Request], tuple[int, dict[str, Any]]]
OPERATIONS: dict[tuple[str, str], tuple[Operation, str]] = {
    ("POST", "/tenants"): (create_tenant, "admin"),
    ("POST", "/tenants/{tenant}/functions"): (create_function, "author"),
    ("GET", "/tenants/{tenant}/functions"): (list_functions, "author"),
    ("GET", "/tenants/{tenant}/functions/{name}"): (get_function, "author"),
    ("PUT", "/tenants/{tenant}/functions/{name}"): (update_function, "author"),
    ("DELETE", "/tenants/{tenant}/functions/{name}"): (delete_function, "author"),
    ("POST", "/tenants/{tenant}/functions/{name}/trials"): (try_function, "author"),
}
