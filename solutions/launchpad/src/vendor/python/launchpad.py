"""The platform's part of every tenant function: a layer, so that it changes without the tenants' code.

The tenant's handler takes the inputs that its spec names, and the platform if the function may call it:

    def handler(inputs, platform):
        return {"discount": ...}
"""

import base64
import importlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlsplit

TIMEOUT_S = 5
RENEW_BEFORE_S = 60


class Log:
    """What the snippet prints becomes JSON lines that carry the request's correlation id."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._rest = ""
        self.fields: dict[str, str] = {}

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._out.write(json.dumps({**self.fields, "message": line}) + "\n")
        return len(text)

    def flush(self) -> None:
        if self._rest:
            self.write("\n")
        self._out.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


class Platform:
    """The platform's API, for a function that has credentials of its own there."""

    _tokens: dict[str, tuple[str, float]] = {}

    def __init__(self, url: str, client_id: str, client_secret: str, correlation_id: str) -> None:
        self._url = url
        self._client = (client_id, client_secret)
        self._correlation_id = correlation_id

    def get(self, record: str) -> Any:
        return self._call("GET", f"/records/{quote(record, safe='')}")

    def put(self, record: str, value: Any) -> Any:
        return self._call("PUT", f"/records/{quote(record, safe='')}", json.dumps(value).encode())

    def _call(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        headers["X-Correlation-Id"] = self._correlation_id
        return _ask(self._url, method, path, headers, body)

    def _token(self) -> str:
        client_id, secret = self._client
        token, until_s = self._tokens.get(client_id, ("", 0.0))
        if time.time() > until_s:
            basic = base64.b64encode(f"{quote(client_id)}:{quote(secret)}".encode()).decode()
            headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
            granted = _ask(self._url, "POST", "/oauth/token", headers, b"grant_type=client_credentials")
            token, until_s = granted["access_token"], time.time() + granted["expires_in"] - RENEW_BEFORE_S
            self._tokens[client_id] = (token, until_s)
        return token


def _ask(url: str, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Any:
    parts = urlsplit(url)
    # Where the whole cloud is reached at one endpoint, the API is there too, under its own name.
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        headers["Host"] = parts.netloc
    request = urllib.request.Request(
        f"{endpoint or f'{parts.scheme}://{parts.netloc}'}{parts.path}{path}", data=body, headers=headers, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"the platform answered {error.code}: {error.read().decode(errors='replace')}") from None


log = sys.stdout = Log(sys.stdout)
_module, _, _function = os.environ["SNIPPET_HANDLER"].rpartition(".")
snippet = getattr(importlib.import_module(_module), _function)


def handler(event: dict[str, Any], context: Any) -> Any:
    log.fields = {
        "correlation_id": event["correlation_id"],
        "tenant": os.environ["TENANT"],
        "function": os.environ["SNIPPET"],
        "request_id": context.aws_request_id,
    }
    called = event.get("platform")
    platform = Platform(**called, correlation_id=event["correlation_id"]) if called else None
    started = time.perf_counter()
    outcome = "failed"
    try:
        outputs = snippet(event["inputs"], platform)
        outcome = "answered"
        return outputs
    finally:
        log.flush()
        took_ms = round((time.perf_counter() - started) * 1000, 1)
        print(f"{outcome} after {took_ms} ms")
