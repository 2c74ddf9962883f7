"""One request to an API: what came, what was found out about it, and what goes back."""

import base64
import secrets
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from fogbank.core.context import Context
from fogbank.core.moments import clf_time
from fogbank.services.apigateway.execution.plan import Plan
from fogbank.services.apigateway.records import Document, Resource, RestApi

Pairs = list[tuple[str, str]]

# Between two neighbours only, or of no use behind the gateway: integrations do not see them.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_DROPPED = frozenset(
    (
        "connection",
        "content-length",
        "content-md5",
        "expect",
        "keep-alive",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    )
)
_SPELLED = {"authorization": "Authorization", "user-agent": "User-Agent"}


class LogLine(NamedTuple):
    text: str
    error: bool
    data: bool


class Caller:
    """Who signed the request; nobody, if `principal` is empty."""

    __slots__ = ("access_key", "account", "principal")

    def __init__(self, *, access_key: str = "", account: str = "", principal: str = "") -> None:
        self.access_key = access_key
        self.account = account
        self.principal = principal


class Incoming:
    """A request as it came. `path` begins behind the stage, with a slash, as it was sent."""

    __slots__ = ("body", "caller", "headers", "host", "method", "path", "peer", "query")

    def __init__(
        self, *, method: str, path: str, query: str, headers: Pairs, body: bytes, peer: str, caller: Caller
    ) -> None:
        self.method = method
        self.path = path
        self.query = query_pairs(query)
        self.host = next((value for name, value in headers if name.lower() == "host"), "")
        self.headers = [
            (_SPELLED.get(name.lower(), name), value) for name, value in headers if name.lower() not in _DROPPED
        ]
        self.body = body
        self.peer = peer
        self.caller = caller


class Outgoing:
    """An answer: the integration's, or the method's."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Pairs, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def header(self, name: str) -> str | None:
        return first(self.headers, name)


class Call:
    """What the steps know of the request. `ctx` is of the API's account and region."""

    def __init__(
        self,
        ctx: Context,
        api: RestApi,
        plan: Plan,
        incoming: Incoming,
        *,
        stage: str,
        stage_variables: dict[str, str],
        deployment_id: str,
    ) -> None:
        self.ctx = ctx
        self.api = api
        self.plan = plan
        self.incoming = incoming
        self.stage = stage
        self.stage_variables = stage_variables
        self.log: list[LogLine] = []
        self.resource: Resource | None = None
        self.path_parameters: dict[str, str] = {}
        self.method: Document = {}
        self.trace = _trace(ctx)
        self.integration_latency_ms = 0
        self.usage_key = ""
        """The API key that an authorizer named."""
        self.context = self._first_context(deployment_id)
        """`$context`"""

    def _first_context(self, deployment_id: str) -> dict[str, Any]:
        incoming, caller = self.incoming, self.incoming.caller
        host = incoming.host or f"{self.api.id}.execute-api.{self.api.region}.amazonaws.com"
        return {
            "accountId": self.api.account,
            "apiId": self.api.id,
            "deploymentId": deployment_id,
            "domainName": host,
            "domainPrefix": self.api.id,
            "extendedRequestId": base64.b64encode(secrets.token_bytes(11)).decode(),
            "httpMethod": incoming.method,
            "identity": {
                "accessKey": caller.access_key or None,
                "accountId": caller.account or None,
                "caller": caller.access_key or None,
                "cognitoAuthenticationProvider": None,
                "cognitoAuthenticationType": None,
                "cognitoIdentityId": None,
                "cognitoIdentityPoolId": None,
                "principalOrgId": None,
                "sourceIp": incoming.peer,
                "user": caller.access_key or None,
                "userAgent": first(incoming.headers, "user-agent"),
                "userArn": caller.principal or None,
            },
            "path": f"/{self.stage}{incoming.path}",
            "protocol": "HTTP/1.1",
            "requestId": self.ctx.request_id,
            "requestTime": clf_time(self.ctx.now_ms),
            "requestTimeEpoch": self.ctx.now_ms,
            "stage": self.stage,
            "requestOverride": {"header": {}, "path": {}, "querystring": {}},
            "responseOverride": {"header": {}},
        }

    def found(self, resource: Resource, path_parameters: dict[str, str], method: Document) -> None:
        self.resource, self.path_parameters, self.method = resource, path_parameters, method
        self.context |= {"resourceId": resource.id, "resourcePath": resource.path}

    def forget_caller(self) -> None:
        """Who signs a request to a method that does not ask for it is told to nobody, as recorded."""
        self.context["identity"] |= dict.fromkeys(("accessKey", "accountId", "caller", "user", "userArn"))

    @property
    def integration(self) -> Document:
        integration: Document = self.method["methodIntegration"]
        return integration

    @property
    def params(self) -> dict[str, dict[str, str]]:
        """The request's parameters by their places, as `$input.params()` gives them."""
        return {
            "path": self.path_parameters,
            "querystring": last_values(self.incoming.query),
            "header": last_values(self.forwarded_headers()),
        }

    @property
    def sampled(self) -> str:
        """The trace header of answers: it has a parent and says whether the request is traced."""
        parts = [part.strip() for part in self.trace.split(";")]
        if not any(part.startswith("Parent=") for part in parts):
            parts.append(f"Parent={secrets.token_hex(8)}")
        if not any(part.startswith("Sampled=") for part in parts):
            parts.append("Sampled=0")
        return ";".join(parts)

    def forwarded_headers(self) -> Pairs:
        """The request's headers with those that the gateway adds."""
        headers = list(self.incoming.headers)
        names = {name.lower() for name, _ in headers}
        host = self.incoming.host
        port = host.rpartition(":")[2] if ":" in host else "80"
        for name, value in (
            ("X-Amzn-Trace-Id", self.trace),
            ("X-Forwarded-For", self.incoming.peer),
            ("X-Forwarded-Port", port),
            ("X-Forwarded-Proto", "http"),
        ):
            if name.lower() not in names and value:
                headers.append((name, value))
        return headers

    def say(self, text: str, *, error: bool = False, data: bool = False) -> None:
        """A line of the execution log; `data` if it shows what the caller or the integration sent."""
        self.log.append(LogLine(text, error, data))

    def log_text(self) -> str:
        """The execution log as TestInvokeMethod answers it."""
        stamp = datetime.fromtimestamp(self.ctx.now_ms / 1000, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
        lines = "".join(f"{stamp} : {line.text}\n" for line in self.log)
        return f"Execution log for request {self.ctx.request_id}\n{lines}"


def first(pairs: Pairs, name: str) -> str | None:
    return next((value for key, value in pairs if key.lower() == name.lower()), None)


def last_values(pairs: Pairs) -> dict[str, str]:
    return dict(pairs)


def all_values(pairs: Pairs) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def query_pairs(query: str) -> Pairs:
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


def _trace(ctx: Context) -> str:
    """The X-Ray trace header: the caller's, or a new one."""
    return ctx.trace or f"Root=1-{ctx.now_ms // 1000:08x}-{secrets.token_hex(12)}"
