"""Asks Lambda authorizers, and remembers for a while what they said.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

import json
from typing import Any, NamedTuple

import msgspec

from fogbank.core.json_text import parse
from fogbank.core.linear_regex import whole_match
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.services.apigateway.execution import functions, mappings
from fogbank.services.apigateway.execution.call import Call, first
from fogbank.services.apigateway.execution.mappings import Mapped
from fogbank.services.apigateway.gateway_errors import (
    AccessDenied,
    AuthorizerConfigurationError,
    AuthorizerFailure,
    InternalError,
    Unauthorized,
)
from fogbank.services.apigateway.records import Authorizer, Document

TTL_S = 300  # where the authorizer names none
KEPT_MAX = 10_000
_TIMEOUT_S = 29.0


class Verdict(NamedTuple):
    policy: str
    principal: str
    context: dict[str, Any]
    api_key: str


class LambdaAuthorizers:
    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], tuple[int, Verdict]] = {}
        """Verdicts with the time until which they hold."""

    async def authorize(self, call: Call, authorizer: Authorizer) -> None:
        """Whether the authorizer lets the caller in; what it says of the caller goes into the context."""
        document = authorizer.document
        identity = _identity(call, document)
        ttl_ms = document.get("authorizerResultTtlInSeconds", TTL_S) * 1000
        now_ms = call.ctx.cloud.clock.now_ms()
        key = (call.api.id, call.stage, authorizer.id, *identity)
        until_ms, verdict = self._kept.get(key, (0, None))
        if verdict is None or until_ms <= now_ms or not ttl_ms:
            verdict = await _ask(call, authorizer, identity)
            if ttl_ms and identity:
                if len(self._kept) >= KEPT_MAX:
                    self._kept.clear()
                self._kept[key] = (now_ms + ttl_ms, verdict)
        call.context["authorizer"] = {**verdict.context, "principalId": verdict.principal}
        call.usage_key = verdict.api_key
        effect = read_policy(verdict.policy).decide(
            Request(verdict.principal, "execute-api:Invoke", method_arn(call), {})
        )
        if effect is Effect.DENY:
            raise AccessDenied("User is not authorized to access this resource with an explicit deny")
        if effect is not Effect.ALLOW:
            raise AccessDenied("User is not authorized to access this resource")

    def flush(self, api_id: str, stage: str) -> None:
        self._kept = {key: kept for key, kept in self._kept.items() if key[:2] != (api_id, stage)}


def method_arn(call: Call) -> str:
    path = call.incoming.path.strip("/")
    place = f"{call.api.id}/{call.stage}/{call.incoming.method}/{path}"
    return f"arn:aws:execute-api:{call.api.region}:{call.api.account}:{place}"


def _identity(call: Call, document: Document) -> tuple[str, ...]:
    """The values of the identity sources; Unauthorized if one is missing."""
    sources = [source.strip() for source in (document.get("identitySource") or "").split(",") if source.strip()]
    values = [mappings.request_value(call, source) for source in sources]
    wanted = document["type"] == "TOKEN" or document.get("authorizerResultTtlInSeconds", TTL_S) > 0
    if wanted and not all(values):
        raise Unauthorized()
    expression = document.get("identityValidationExpression")
    if document["type"] == "TOKEN" and expression and not whole_match(expression)(values[0] or ""):
        raise Unauthorized()
    return tuple(value or "" for value in values)


async def _ask(call: Call, authorizer: Authorizer, identity: tuple[str, ...]) -> Verdict:
    document = authorizer.document
    if document["type"] == "TOKEN":
        event: dict[str, Any] = {
            "type": "TOKEN",
            "methodArn": method_arn(call),
            "authorizationToken": identity[0],
        }
    else:
        event = {"type": "REQUEST", "methodArn": method_arn(call), **functions.event(call, Mapped())}
        del event["body"], event["isBase64Encoded"]
    try:
        found = await functions.invoke(
            call,
            uri=document["authorizerUri"],
            role=document.get("authorizerCredentials"),
            source=f"authorizers/{authorizer.id}",
            payload=msgspec.json.encode(event),
            timeout_s=_TIMEOUT_S,
        )
    except InternalError as error:
        raise AuthorizerConfigurationError(reason=error.reason) from error
    answer = parse(found["Payload"])
    if found.get("FunctionError"):
        if isinstance(answer, dict) and answer.get("errorMessage") == "Unauthorized":
            raise Unauthorized()
        raise AuthorizerFailure(reason="Execution failed due to an error in the authorizer")
    return _verdict(answer)


def _verdict(answer: Any) -> Verdict:
    malformed = AuthorizerConfigurationError(
        reason="Execution failed due to configuration error: Invalid JSON in the authorizer's response"
    )
    if not isinstance(answer, dict) or not isinstance(answer.get("policyDocument"), dict):
        raise malformed
    context = answer.get("context") or {}
    if not isinstance(context, dict) or any(isinstance(value, dict | list) for value in context.values()):
        raise malformed
    return Verdict(
        policy=json.dumps(answer["policyDocument"]),
        principal=str(answer.get("principalId") or ""),
        context={name: functions.header_text(value) for name, value in context.items() if value is not None},
        api_key=str(answer.get("usageIdentifierKey") or ""),
    )


def api_key_of(call: Call) -> str:
    """The key that the caller sent, or its authorizer named."""
    if call.plan.settings.get("apiKeySource") == "AUTHORIZER":
        return call.usage_key
    return first(call.incoming.headers, "x-api-key") or ""
