"""The platform's API as a client sees it: HTTP, and tokens by client credentials."""

import base64
import json
import os
import threading
import time
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

TIMEOUT_S = 40
THROTTLED_S = 0.5
RENEW_BEFORE_S = 60


class Answer:
    def __init__(self, status: int, document: Any, correlation_id: str, took_s: float) -> None:
        self.status = status
        self.document = document
        self.correlation_id = correlation_id
        self.took_s = took_s

    @property
    def throttled(self) -> bool:
        """Whether the gateway itself refused it: whatever came to the platform has its correlation id."""
        return self.status == 429 and not self.correlation_id


class Gateway:
    """The API at its URL; where the whole cloud is reached at one endpoint, there, under its own name."""

    def __init__(self, url: str, connections: int) -> None:
        self._made_of = url, connections
        parts = urlsplit(url)
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
        self._base = f"{endpoint or f'{parts.scheme}://{parts.netloc}'}{parts.path}"
        self._headers = {"Host": parts.netloc} if endpoint else {}
        self._pool = urllib3.PoolManager(
            maxsize=connections, retries=False, timeout=urllib3.Timeout(TIMEOUT_S), block=False
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process has connections of its own."""
        return Gateway, self._made_of

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        form: str = "",
        basic: str = "",
        patient: bool = False,
    ) -> Answer:
        """What the API answers; who is `patient` asks again for as long as there were too many requests."""
        while (answer := self._asked(method, path, body, token, form, basic)).throttled and patient:
            time.sleep(THROTTLED_S)
        return answer

    def _asked(self, method: str, path: str, body: Any, token: str, form: str, basic: str) -> Answer:
        headers = {**self._headers, "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        if form:
            headers["Content-Type"], data = "application/x-www-form-urlencoded", form.encode()
        if token or basic:
            headers["Authorization"] = f"Bearer {token}" if token else f"Basic {basic}"
        started = time.perf_counter()
        answer = self._pool.request(method, f"{self._base}{path}", body=data, headers=headers)
        took_s = time.perf_counter() - started
        try:
            document = json.loads(answer.data)
        except ValueError:
            document = {"message": answer.data.decode(errors="replace")}
        return Answer(answer.status, document, answer.headers.get("X-Correlation-Id", ""), took_s)


class Client:
    """A client of the API with credentials of its own."""

    def __init__(self, gateway: Gateway, client_id: str, secret: str) -> None:
        self._made_of = gateway, client_id, secret
        self._gateway = gateway
        self._basic = base64.b64encode(f"{quote(client_id)}:{quote(secret)}".encode()).decode()
        self._lock = threading.Lock()
        self._token, self._until_s = "", 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        return Client, self._made_of

    @property
    def token(self) -> str:
        with self._lock:
            if time.monotonic() > self._until_s:
                granted = self._gateway.ask(
                    "POST", "/oauth/token", form="grant_type=client_credentials", basic=self._basic
                )
                if granted.status != 200:
                    raise RuntimeError(f"no token: {granted.status} {granted.document}")
                self._token = granted.document["access_token"]
                self._until_s = time.monotonic() + granted.document["expires_in"] - RENEW_BEFORE_S
            return self._token

    def ask(self, method: str, path: str, body: Any = None, *, patient: bool = False) -> Answer:
        return self._gateway.ask(method, path, body, token=self.token, patient=patient)
