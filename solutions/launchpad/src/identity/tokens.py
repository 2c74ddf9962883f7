"""The token endpoint: OAuth2's client credentials grant (RFC 6749, 4.4).

A client is the platform's administrator, a tenant, or one function of a tenant. Of its secret only a hash is kept.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any
from urllib.parse import parse_qs, unquote

import boto3
import jwt

LIFE_S = 3600
ADMIN_SCOPES = ["admin"]

clients = boto3.resource("dynamodb").Table(os.environ["CLIENTS"])
secrets = boto3.client("secretsmanager")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event["headers"] or {}).items()}
    body = event["body"] or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    form = {name: values[0] for name, values in parse_qs(body).items()}
    if form.get("grant_type") != "client_credentials":
        return answer(400, {"error": "unsupported_grant_type"})
    client_id, secret = basic(headers.get("authorization", "")) or (
        form.get("client_id", ""),
        form.get("client_secret", ""),
    )
    client = authenticated(client_id, secret)
    if client is None:
        return answer(401, {"error": "invalid_client"})
    now = int(time.time())
    claims = {
        "iss": "launchpad",
        "sub": client_id,
        "tenant": client["tenant"],
        "function": client.get("function", ""),
        "scope": " ".join(client["scopes"]),
        "iat": now,
        "exp": now + LIFE_S,
    }
    token = jwt.sign(claims, os.environ["SIGNING_KEY"])
    return answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": LIFE_S, "scope": claims["scope"]})


def basic(header: str) -> tuple[str, str] | None:
    """Id and secret of an `Authorization: Basic` header, which has them form-encoded (RFC 6749, 2.3.1)."""
    if not header.startswith("Basic "):
        return None
    try:
        client_id, _, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
    except ValueError:
        return None
    return unquote(client_id), unquote(secret)


def authenticated(client_id: str, secret: str) -> dict[str, Any] | None:
    if not client_id or not secret:
        return None
    if client_id == "admin":
        kept = secrets.get_secret_value(SecretId=os.environ["ADMIN_SECRET"])["SecretString"]
        return {"tenant": "", "scopes": ADMIN_SCOPES} if hmac.compare_digest(kept, secret) else None
    client: dict[str, Any] | None = clients.get_item(Key={"client_id": client_id}).get("Item")
    given = hashlib.sha256(secret.encode()).hexdigest()
    return client if client is not None and hmac.compare_digest(client["secret_sha256"], given) else None


def answer(status: int, document: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(document)}
