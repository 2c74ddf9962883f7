"""Requests to AWS's services from within the cloud, served as if they had come over HTTP."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Respond
from fogbank.wire.model import ServiceIndexEntry, index_entry
from fogbank.wire.protocols.request import RequestData, ResponseData


class Handle(Protocol):
    def __call__(self, request: RequestData, respond: Respond, *, sender: Context) -> None: ...


class LocalRequests:
    """Signs requests for the caller's account and region, as far as routing looks at it, and has them handled."""

    def __init__(self, services: Iterable[str], handle: Handle) -> None:
        """`services` are botocore's names."""
        self._services = tuple(services)
        self._handle = handle
        self._entries: dict[str, ServiceIndexEntry] = {}

    async def send(self, ctx: Context, service: str, action: str | None, request: RequestData) -> ResponseData:
        entry = self._entry(service)
        if action is not None:
            _name(entry, action, request)
        day = datetime.fromtimestamp(ctx.now_ms / 1000, UTC).strftime("%Y%m%d")
        scope = f"{ctx.account}/{day}/{ctx.region}/{entry.signing_name}/aws4_request"
        request.headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=local"
        request.headers["host"] = f"{entry.endpoint_prefix}.{ctx.region}.amazonaws.com"
        answered: asyncio.Future[ResponseData] = asyncio.get_running_loop().create_future()

        def respond(response: ResponseData) -> None:
            if not answered.done():
                answered.set_result(response)

        self._handle(request, respond, sender=ctx)
        return await answered

    def _entry(self, service: str) -> ServiceIndexEntry:
        """By the service's name in hosts, which is not always botocore's: `states`, `monitoring`."""
        if not self._entries:
            for name in self._services:
                entry = index_entry(name)
                for key in (entry.endpoint_prefix, entry.signing_name, name):
                    self._entries.setdefault(key, entry)
        found = self._entries.get(service)
        if found is None:
            raise NotImplementedInFogbank(f"The service {service} is not implemented in Fogbank.")
        return found


def _name(entry: ServiceIndexEntry, action: str, request: RequestData) -> None:
    """Name the operation as the service's protocol does."""
    if entry.target_prefix and "json" in entry.protocols:
        request.headers["x-amz-target"] = f"{entry.target_prefix}.{action}"
    else:
        named = f"Action={action}&Version={entry.api_version}"
        request.query = f"{named}&{request.query}" if request.query else named
