"""API destinations: HTTP endpoints as targets.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
A call is a row of the outbox, so that an event that was acknowledged is called for also after a crash. The rate limit
spaces the rows of one destination in time.
"""

import uuid
from typing import Any
from urllib.parse import quote, urlencode

from fogbank.core import json_text
from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.http_client import HttpRequest, NoAnswer, send
from fogbank.core.pages import page
from fogbank.core.service import Answer
from fogbank.core.targets import as_text
from fogbank.services.events.api_targets import call_api
from fogbank.services.events.connections import AuthorizationFailed, Connections, connection_arn, http_parameters
from fogbank.services.events.errors import ResourceAlreadyExists, ResourceNotFound
from fogbank.services.events.records import ApiDestination, HttpParameters, Retry
from fogbank.services.events.routing import DeliveryError, check_status, is_api, permit_calling

_RATE = 300  # Calls per second, unless told otherwise.
TIMEOUT_S = 5  # "EventBridge requests to an API destination endpoint must have a maximum client execution time of 5 s".


class ApiDestinations(Connections):
    """The operations on API destinations of `EventsService`, and the calls."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._free_ms: dict[str, float] = {}
        """By a destination's id: when its rate allows the next call."""
        self.router.call_destination = self._call_later
        cloud.outbox.handler("events.http", self._call, payload=Retry)

    def create_api_destination(
        self,
        ctx: Context,
        *,
        Name: str,
        ConnectionArn: str,
        InvocationEndpoint: str,
        HttpMethod: str,
        Description: str | None = None,
        InvocationRateLimitPerSecond: int | None = None,
    ) -> Answer:
        key = (ctx.account, ctx.region, Name)
        if self.destinations.get(key) is not None:
            raise ResourceAlreadyExists(f"An api-destination '{Name}' already exists.")
        self._connection_of(ctx, ConnectionArn)
        destination = ApiDestination(
            id=str(uuid.uuid4()),
            connection_arn=ConnectionArn,
            endpoint=InvocationEndpoint,
            method=HttpMethod,
            rate=InvocationRateLimitPerSecond or _RATE,
            description=Description or "",
            created_ms=ctx.now_ms,
            modified_ms=ctx.now_ms,
        )
        self.destinations.put(key, destination)
        return self._state(ctx, Name, destination)

    def delete_api_destination(self, ctx: Context, *, Name: str) -> Answer:
        gone = self._destination(ctx, Name, "delete")
        self.destinations.delete((ctx.account, ctx.region, Name))
        self.cloud.store.after_commit(lambda: self._free_ms.pop(gone.id, None))
        return {}

    def describe_api_destination(self, ctx: Context, *, Name: str) -> Answer:
        destination = self._destination(ctx, Name, "describe")
        answer = self._listed(ctx, Name, destination)
        return answer | ({"Description": destination.description} if destination.description else {})

    def list_api_destinations(
        self,
        ctx: Context,
        *,
        NamePrefix: str | None = None,
        ConnectionArn: str | None = None,
        NextToken: str | None = None,
        Limit: int | None = None,
    ) -> Answer:
        found = {
            key[2]: destination
            for key, destination in self.destinations.scan((ctx.account, ctx.region))
            if key[2].startswith(NamePrefix or "") and ConnectionArn in (None, destination.connection_arn)
        }
        names, token = page(list(found), NextToken, Limit)
        return {"ApiDestinations": [self._listed(ctx, name, found[name]) for name in names], **token}

    def update_api_destination(
        self,
        ctx: Context,
        *,
        Name: str,
        Description: str | None = None,
        ConnectionArn: str | None = None,
        InvocationEndpoint: str | None = None,
        HttpMethod: str | None = None,
        InvocationRateLimitPerSecond: int | None = None,
    ) -> Answer:
        destination = self._destination(ctx, Name, "update")
        if ConnectionArn is not None:
            self._connection_of(ctx, ConnectionArn)
        destination.connection_arn = ConnectionArn or destination.connection_arn
        destination.endpoint = InvocationEndpoint or destination.endpoint
        destination.method = HttpMethod or destination.method
        destination.rate = InvocationRateLimitPerSecond or destination.rate
        destination.description = destination.description if Description is None else Description
        destination.modified_ms = ctx.now_ms
        self.destinations.put((ctx.account, ctx.region, Name), destination)
        return self._state(ctx, Name, destination)

    # ---- calls -----------------------------------------------------------------------------------------

    def _call_later(self, ctx: Context, delivery: Retry) -> None:
        """Put the call into the outbox, not before the destination's rate allows it."""
        at_ms = float(ctx.now_ms)
        destination = None if is_api(delivery.target.arn) else self._destination_at(ctx, delivery.target.arn)
        if destination is not None:
            at_ms = max(self._free_ms.get(destination.id, 0.0), at_ms)
            self._free_ms[destination.id] = at_ms + 1000 / destination.rate
        delay_s = (at_ms - ctx.now_ms) / 1000
        self.cloud.outbox.put(ctx, "events.http", lane=str(uuid.uuid4()), payload=delivery, delay_s=delay_s)

    async def _call(self, ctx: Context, delivery: Retry) -> None:
        call = call_api if is_api(delivery.target.arn) else self._call_once
        try:
            await call(ctx.traced(delivery.trace), delivery)
        except DeliveryError as error:
            await ctx.run(self.router.failed, ctx.refreshed(), delivery, error)
            return
        self.router.count(ctx, delivery, failed=False)

    async def _call_once(self, ctx: Context, delivery: Retry) -> None:
        destination = self._destination_at(ctx, delivery.target.arn)
        if destination is None:
            raise DeliveryError("NO_RESOURCE", f"{delivery.target.arn} does not exist.", passing=False)
        permit_calling(ctx, delivery.target)
        arn = parse_arn(destination.connection_arn)
        assert arn is not None, "the model has checked the ARN"
        try:
            auth, headers = await self.authorization(ctx, arn.resource.split("/")[1])
        except AuthorizationFailed as error:
            raise DeliveryError("INVALID_CREDENTIALS", str(error), passing=True) from error
        request = _request(destination, delivery, auth, headers)
        try:
            answer = await send(request, read_bytes_max=1)
        except NoAnswer as error:
            raise DeliveryError("TIMEOUT", str(error), passing=True) from error
        check_status(answer, destination.endpoint)

    # ---- shared ----------------------------------------------------------------------------------------

    def _destination(self, ctx: Context, name: str, verb: str) -> ApiDestination:
        found = self.destinations.get((ctx.account, ctx.region, name))
        if found is None:
            raise ResourceNotFound(
                f"Failed to {verb} the api-destination(s). An api-destination '{name}' does not exist."
            )
        return found

    def _destination_at(self, ctx: Context, text: str) -> ApiDestination | None:
        arn = parse_arn(text)
        assert arn is not None, "PutTargets has checked the ARN"
        return self.destinations.get((arn.account, arn.region, arn.resource.split("/")[1]))

    def _connection_of(self, ctx: Context, text: str) -> str:
        """The state of the connection that an ARN names."""
        arn = parse_arn(text)
        assert arn is not None, "the model has checked the ARN"
        name = arn.resource.split("/")[1]
        connection = self.connections.get((arn.account, arn.region, name))
        if connection is None or connection_arn(ctx, name, connection) != text:
            raise ResourceNotFound(f"Connection '{name}' does not exist.")
        return connection.state

    def _state(self, ctx: Context, name: str, destination: ApiDestination) -> dict[str, Any]:
        try:
            state = self._connection_of(ctx, destination.connection_arn)
        except ResourceNotFound:
            state = "DEAUTHORIZED"
        return {
            "ApiDestinationArn": ctx.arn("events", f"api-destination/{name}/{destination.id}"),
            "ApiDestinationState": "ACTIVE" if state == "AUTHORIZED" else "INACTIVE",
            "CreationTime": destination.created_ms / 1000,
            "LastModifiedTime": destination.modified_ms / 1000,
        }

    def _listed(self, ctx: Context, name: str, destination: ApiDestination) -> dict[str, Any]:
        return self._state(ctx, name, destination) | {
            "Name": name,
            "ConnectionArn": destination.connection_arn,
            "InvocationEndpoint": destination.endpoint,
            "HttpMethod": destination.method,
            "InvocationRateLimitPerSecond": destination.rate,
        }


def _request(
    destination: ApiDestination, delivery: Retry, auth: dict[str, Any], authorization: dict[str, str]
) -> HttpRequest:
    """The target's own parameters, then the connection's, which win; the destination's `*` are filled in order."""
    own = delivery.target.http or HttpParameters()
    url = destination.endpoint
    for value in own.path:
        url = url.replace("*", quote(value, safe=""), 1)
    query = own.query | http_parameters(auth, "QueryStringParameters")
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Amazon/EventBridge/ApiDestinations",
        "Range": "bytes=0-1048575",
        **own.headers,
        **http_parameters(auth, "HeaderParameters"),
        **authorization,
    }
    body = _with_members(delivery.body, http_parameters(auth, "BodyParameters"))
    return HttpRequest(
        method=destination.method,
        url=url,
        headers=headers,
        body=None if destination.method in ("GET", "HEAD") else body.encode(),
        timeout_s=TIMEOUT_S,
    )


def _with_members(body: str, members: dict[str, str]) -> str:
    """A body that is a JSON object, with the connection's body parameters in it; any other stays as it is."""
    if not members:
        return body
    document = json_text.parse(body)
    return as_text({**document, **members}) if isinstance(document, dict) else body
