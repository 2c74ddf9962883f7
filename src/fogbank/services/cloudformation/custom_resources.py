"""Custom resources: somebody's function, or whoever listens to a topic, makes the resource and answers to a URL.

The request and the answer are AWS's; the answer is a PUT to ResponseURL, which Fogbank serves (see callbacks.py).

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import asyncio
import json
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.numerals import whole_number
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.cloudformation import callbacks
from fogbank.services.cloudformation.errors import Cancelled, ValidationError

KIND = "response"
SERVICE_TIMEOUT_S = 3600  # ServiceTimeout: "The default value is 3600 seconds (1 hour)", which is the maximum too
SUBJECT = "AWS CloudFormation custom resource request"


class Response(msgspec.Struct):
    """The body of the PUT to ResponseURL."""

    Status: str
    PhysicalResourceId: str | int | float | None = None
    StackId: str = ""
    RequestId: str = ""
    LogicalResourceId: str = ""
    Reason: str | None = None
    NoEcho: bool | str | None = None
    Data: dict[str, Any] | None = None


class Responses:
    """The answers that are waited for. After a crash nobody waits: the stack rolls back and asks anew."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}
        self._bodies: dict[str, bytes] = {}

    def expect(self, token: str) -> asyncio.Event:
        return self._waiting.setdefault(token, asyncio.Event())

    def forget(self, token: str) -> bytes | None:
        self._waiting.pop(token, None)
        return self._bodies.pop(token, None)

    def put(self, token: str, body: bytes) -> None:
        """The first answer counts."""
        waiting = self._waiting.get(token)
        if waiting is not None and not waiting.is_set():
            self._bodies[token] = body
            waiting.set()


class CustomResource(ResourceType):
    """AWS::CloudFormation::CustomResource and every Custom::X. The physical id is what the answer says."""

    type_name = "AWS::CloudFormation::CustomResource"
    supported = frozenset("*")

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._ask(ctx, request, "Create")

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        if request.previous.get("ServiceToken") != request.properties.get("ServiceToken"):
            raise ValidationError("Modifying service token is not allowed.")
        return await self._ask(ctx, request, "Update")

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await self._ask(ctx, request, "Delete")

    async def _ask(self, ctx: Context, request: ResourceRequest, kind: str) -> ResourceState:
        service = ctx.cloud.cloudformation
        token = new_id()
        timeout_s = _timeout_s(request.properties.get("ServiceTimeout", SERVICE_TIMEOUT_S))
        until_ms = ctx.cloud.clock.now_ms() + timeout_s * 1000
        url = await ctx.run(callbacks.url, ctx, service.tables, KIND, token, valid_s=2 * SERVICE_TIMEOUT_S)
        message = _message(request, kind, token, url)
        arrived = service.responses.expect(token)
        try:
            await _send(ctx, str(request.properties["ServiceToken"]), message)
            halt = service.deployment(request.stack_id).halt
            given_up = await halt.gives_up(ctx.cloud.clock, arrived, until_ms=until_ms)
        finally:
            body = service.responses.forget(token)
        if given_up or body is None:
            if kind == "Create" and request.announce is not None:
                await request.announce(request.generated_name())  # whatever was made is asked to be deleted by it
            if halt.asked:
                raise Cancelled
            raise ValidationError(
                "CloudFormation did not receive a response from your Custom Resource. "
                f"Please check your logs for requestId [{token}]. If you are using the Python cfn-response module, "
                "you may need to update your Lambda function code so that CloudFormation can attach the updated "
                "version."
            )
        return await _state(request, message, _read(body), kind)


def _timeout_s(value: Any) -> int:
    timeout_s = whole_number(str(value))
    if timeout_s is None or not 1 <= timeout_s <= SERVICE_TIMEOUT_S:
        raise ValidationError("ServiceTimeout must be a number of seconds from 1 to 3600")
    return timeout_s


def _message(request: ResourceRequest, kind: str, token: str, url: str) -> dict[str, Any]:
    message: dict[str, Any] = {
        "RequestType": kind,
        "ServiceToken": request.properties["ServiceToken"],
        "ResponseURL": url,
        "StackId": request.stack_id,
        "RequestId": token,
        "LogicalResourceId": request.logical_id,
        "ResourceType": request.type,
        "ResourceProperties": _as_text(request.properties),
    }
    if kind != "Create":
        message["PhysicalResourceId"] = request.physical_id
    if kind == "Update":
        message["OldResourceProperties"] = _as_text(request.previous)
    return message


def _as_text(value: Any) -> Any:
    """CloudFormation hands over every scalar as text."""
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _send(ctx: Context, service_token: str, message: dict[str, Any]) -> None:
    parts = service_token.split(":")
    if len(parts) < 6 or parts[2] not in ("lambda", "sns"):
        raise ValidationError(f"Invalid service token: {service_token} must be the ARN of a function or of a topic")
    there = ctx.at(account=parts[4], region=parts[3])
    if parts[2] == "lambda":
        payload = json.dumps(message).encode()
        await there.call(
            there.cloud.lambda_.invoke, FunctionName=service_token, InvocationType="Event", Payload=payload
        )
    else:
        text = json.dumps({**message, "TopicArn": service_token})
        await there.call(there.cloud.sns.publish, TopicArn=service_token, Message=text, Subject=SUBJECT)


def _read(body: bytes) -> Response:
    if len(body) > callbacks.BODY_BYTES_MAX:
        raise ValidationError("Response object is too long.")
    try:
        return msgspec.json.decode(body, type=Response)
    except msgspec.DecodeError as error:
        raise ValidationError(f"Invalid response from custom resource: {error}") from None


async def _state(request: ResourceRequest, message: dict[str, Any], response: Response, kind: str) -> ResourceState:
    physical_id = str(response.PhysicalResourceId or request.physical_id or "")
    if kind == "Create" and physical_id and request.announce is not None:
        await request.announce(physical_id)
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        if getattr(response, name) != message[name]:
            raise ValidationError(f"Invalid response from custom resource: {name} is not that of the request")
    if response.Status == "FAILED":
        raise ValidationError(
            f"Received response status [FAILED] from custom resource. Message returned: {response.Reason or ''} "
            f"(RequestId: {message['RequestId']})"
        )
    if response.Status != "SUCCESS":
        raise ValidationError("Invalid response from custom resource: Status must be SUCCESS or FAILED")
    if not physical_id:
        raise ValidationError("Invalid PhysicalResourceId")
    return ResourceState(
        physical_id=physical_id, attributes=response.Data or {}, no_echo=str(response.NoEcho).lower() == "true"
    )
