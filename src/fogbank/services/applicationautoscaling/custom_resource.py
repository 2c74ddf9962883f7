"""Custom resources: what an application scales by itself, asked for over HTTP.

The resource's id is the URL of an API; GET tells its capacity and PATCH with `desiredCapacity` changes it.
https://github.com/aws/aws-auto-scaling-custom-resource
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from fogbank.core import http_client
from fogbank.core.context import Context
from fogbank.core.scaling import Progress, SlowDimension
from fogbank.services.applicationautoscaling.errors import EndpointFailed, EndpointRefused, Invalid

_EXECUTE_API = re.compile(r"[a-z0-9]+\.execute-api\..+")
_UNDER_WAY = ("Pending", "InProgress")
_STATUSES = (*_UNDER_WAY, "Successful", "Failed")
_PASSING = (429, 502, 503, 504)


class CustomResource(SlowDimension):
    """The capacity behind an API of API Gateway, or behind any URL of this machine."""

    name = "custom-resource:ResourceType:Property"
    noun = "desired capacity"
    role = "custom-resource.application-autoscaling.amazonaws.com"

    def check(self, ctx: Context, resource_id: str) -> None:
        """AWS takes the URLs of API Gateway only."""
        url = urlsplit(resource_id)
        host = url.hostname or ""
        if url.scheme not in ("http", "https") or not (_EXECUTE_API.fullmatch(host) or http_client.is_loopback(host)):
            raise Invalid(f"The resource ID is not the URL of an API of API Gateway: {resource_id}")  # not published

    async def progress(self, ctx: Context, resource_id: str) -> Progress:
        return await self._call(ctx, "GET", resource_id, None)

    async def change(self, ctx: Context, resource_id: str, units: int) -> Progress:
        return await self._call(ctx, "PATCH", resource_id, json.dumps({"desiredCapacity": float(units)}).encode())

    def predefined(self, resource_id: str, name: str) -> None:
        return None

    async def _call(self, ctx: Context, method: str, url: str, body: bytes | None) -> Progress:
        request = http_client.HttpRequest(
            method=method,
            url=url,
            headers={"content-type": "application/json", "accept": "application/json"},
            body=body,
        )
        try:
            answer = await _send(ctx, request)
        except http_client.NoAnswer as error:
            raise EndpointFailed(f"The endpoint did not answer: {error}") from None
        if answer.status in _PASSING or answer.status >= 500:
            raise EndpointFailed(f"The endpoint answered with status {answer.status}.")
        if answer.status != 200:
            raise EndpointRefused(f"The endpoint answered with status {answer.status}: {_message(answer.body)}")
        return _read(answer.body)


async def _send(ctx: Context, request: http_client.HttpRequest) -> http_client.HttpAnswer:
    if _EXECUTE_API.fullmatch(urlsplit(request.url).hostname or ""):
        answer: http_client.HttpAnswer = await ctx.cloud.apigateway.send_to_api(ctx, request)
        return answer
    return await http_client.send(request)


def _read(body: bytes) -> Progress:
    try:
        found = json.loads(body)
        units, status = round(float(found["actualCapacity"])), found["scalingStatus"]
        known = status in _STATUSES
    except (ValueError, TypeError, KeyError, OverflowError):
        known = False
    if not known:
        raise EndpointRefused(f"The endpoint's answer has no actualCapacity and scalingStatus: {_text(body)}")
    failed = str(found.get("failureReason") or "The endpoint gave no reason.") if status == "Failed" else ""
    return Progress(units=units, under_way=status in _UNDER_WAY, failed=failed)


def _message(body: bytes) -> str:
    """What the API's errors say, or all that there is."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return _text(body)
    return str(found["message"]) if isinstance(found, dict) and "message" in found else _text(body)


def _text(body: bytes) -> str:
    return body[:200].decode(errors="replace")
