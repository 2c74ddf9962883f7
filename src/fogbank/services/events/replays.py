"""Replays: the events of an archive sent to their bus once more, marked with the replay's name.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html
A replay is a chain of steps in the outbox. Each step sends a page of events and puts the next step in one
transaction, so that a crash repeats nothing and skips nothing.
"""

from typing import Any

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.pages import page
from fogbank.core.service import Answer
from fogbank.services.events import buses
from fogbank.services.events.archives import Archives, archive_arn, archive_of
from fogbank.services.events.errors import (
    IllegalStatus,
    InvalidParameter,
    KeyRefused,
    LimitExceeded,
    ResourceAlreadyExists,
    ResourceNotFound,
)
from fogbank.services.events.records import Replay, ReplayStep

ACTIVE_MAX = 10  # Quota: concurrent replays of an account in a region.
_ACTIVE = ("STARTING", "RUNNING", "CANCELLING")
_PAGE = 100
# Between two pages, so that a replay leaves room for other work and can be cancelled.
_PAUSE_S = 2.0

_decode = msgspec.json.Decoder().decode


class Replays(Archives):
    """The operations on replays of `EventsService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        cloud.outbox.handler("events.replay", self._step, payload=ReplayStep)

    def cancel_replay(self, ctx: Context, *, ReplayName: str) -> Answer:
        replay = self._replay(ctx, ReplayName)
        if replay.state not in ("STARTING", "RUNNING"):
            raise IllegalStatus(f"Replay {ReplayName} is not in a valid state for this operation.")
        replay.state = "CANCELLING"
        self.replays.put((ctx.account, ctx.region, ReplayName), replay)
        return {"ReplayArn": _arn(ctx, ReplayName), "State": replay.state}

    def describe_replay(self, ctx: Context, *, ReplayName: str) -> Answer:
        replay = self._replay(ctx, ReplayName)
        destination: dict[str, Any] = {"Arn": buses.arn(ctx, replay.bus)}
        if replay.filter_arns:
            destination["FilterArns"] = replay.filter_arns
        answer = _listed(ctx, ReplayName, replay)
        answer |= {"ReplayArn": _arn(ctx, ReplayName), "Destination": destination}
        if replay.description:
            answer["Description"] = replay.description
        if replay.reason:
            answer["StateReason"] = replay.reason
        return answer

    def list_replays(
        self,
        ctx: Context,
        *,
        NamePrefix: str | None = None,
        State: str | None = None,
        EventSourceArn: str | None = None,
        NextToken: str | None = None,
        Limit: int | None = None,
    ) -> Answer:
        given = [value for value in (NamePrefix, EventSourceArn, State) if value is not None]
        if len(given) > 1:
            raise InvalidParameter(
                "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix."
            )
        found = {
            key[2]: replay
            for key, replay in self.replays.scan((ctx.account, ctx.region))
            if key[2].startswith(NamePrefix or "")
            and State in (None, replay.state)
            and EventSourceArn in (None, archive_arn(ctx, replay.archive))
        }
        names, token = page(list(found), NextToken, Limit)
        return {"Replays": [_listed(ctx, name, found[name]) for name in names], **token}

    def start_replay(
        self,
        ctx: Context,
        *,
        ReplayName: str,
        EventSourceArn: str,
        EventStartTime: float,
        EventEndTime: float,
        Destination: dict[str, Any],
        Description: str | None = None,
    ) -> Answer:
        if ":event-bus/" not in Destination["Arn"]:
            raise InvalidParameter("Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN.")
        bus, there = self.find_bus(ctx, Destination["Arn"])
        buses.get(self, there, bus)
        name = archive_of(EventSourceArn)
        archive = self.archives.get((ctx.account, ctx.region, name)) if name is not None else None
        if name is None or archive is None:
            reason = f"Archive {name} does not exist." if name else "Must contain an archive ARN."
            raise InvalidParameter(f"Parameter EventSourceArn is not valid. Reason: {reason}")
        # Events have whole seconds.
        start_ms, end_ms = int(EventStartTime) * 1000, int(EventEndTime) * 1000
        if start_ms >= end_ms:
            raise InvalidParameter(
                "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."
            )
        if (archive.bus, ctx.account, ctx.region) != (bus, there.account, there.region):
            raise InvalidParameter(
                "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."
            )
        key = (ctx.account, ctx.region, ReplayName)
        if self.replays.get(key) is not None:
            raise ResourceAlreadyExists(f"Replay {ReplayName} already exists.")
        active = sum(1 for _, other in self.replays.scan(key[:2]) if other.state in _ACTIVE)
        if active >= ACTIVE_MAX:
            raise LimitExceeded()
        replay = Replay(
            archive=name,
            bus=bus,
            filter_arns=Destination.get("FilterArns") or [],
            description=Description or "",
            start_ms=start_ms,
            end_ms=end_ms,
            state="STARTING",
            started_ms=ctx.now_ms,
        )
        self.replays.put(key, replay)
        self._plan(ctx, ReplayName, delay_s=0)
        return {"ReplayArn": _arn(ctx, ReplayName), "State": replay.state, "ReplayStartTime": ctx.now_ms / 1000}

    # ---- steps -----------------------------------------------------------------------------------------

    def _plan(self, ctx: Context, name: str, *, delay_s: float) -> None:
        self.cloud.outbox.put(ctx, "events.replay", lane=name, payload=ReplayStep(name), delay_s=delay_s)

    def _step(self, ctx: Context, step: ReplayStep) -> None:
        key = (ctx.account, ctx.region, step.name)
        replay = self.replays.get(key)
        if replay is None:
            return
        try:
            self._go_on(ctx, step, replay)
        except KeyRefused as error:
            replay.state, replay.ended_ms, replay.reason = "FAILED", ctx.now_ms, error.message
        self.replays.put(key, replay)

    def _go_on(self, ctx: Context, step: ReplayStep, replay: Replay) -> None:
        if replay.state == "CANCELLING":
            replay.state, replay.ended_ms = "CANCELLED", ctx.now_ms
        elif replay.state == "STARTING" and self._next_events(ctx, replay, limit=1):
            replay.state = "RUNNING"
            self._plan(ctx, step.name, delay_s=_PAUSE_S)
        elif self._send_page(ctx, step.name, replay) < _PAGE:
            replay.state, replay.ended_ms = "COMPLETED", ctx.now_ms
        else:
            self._plan(ctx, step.name, delay_s=_PAUSE_S)

    def _next_events(self, ctx: Context, replay: Replay, *, limit: int) -> list[tuple[tuple[int, int], str]]:
        place = (ctx.account, ctx.region, replay.archive)
        archive = self.archives.get(place)
        if archive is None:
            return []
        self._pruned(ctx, replay.archive, archive)
        rows = self.archived.scan(
            place,
            start=(*place, replay.start_ms) if replay.cursor is None else None,
            after=(*place, *replay.cursor) if replay.cursor is not None else None,
            limit=limit,
        )
        arn = archive_arn(ctx, replay.archive)
        return [
            ((key[3], key[4]), self._archive_encryption.text(ctx, arn, archive, kept))
            for key, kept in rows
            if key[3] <= replay.end_ms
        ]

    def _send_page(self, ctx: Context, name: str, replay: Replay) -> int:
        found = self._next_events(ctx, replay, limit=_PAGE)
        for cursor, text in found:
            event = _marked(_decode(text), name)
            self.router.route_to(ctx, replay.bus, event, replay.filter_arns)
            replay.cursor, replay.last_ms = cursor, cursor[0]
        return len(found)

    def _replay(self, ctx: Context, name: str) -> Replay:
        replay = self.replays.get((ctx.account, ctx.region, name))
        if replay is None:
            raise ResourceNotFound(f"Replay {name} does not exist.")
        return replay


def _marked(event: dict[str, Any], name: str) -> dict[str, Any]:
    """The event with the replay's name where AWS writes it, in front of the resources."""
    head = {key: event.pop(key) for key in tuple(event) if key not in ("resources", "detail")}
    return {**head, "replay-name": name, **event}


def _arn(ctx: Context, name: str) -> str:
    return ctx.arn("events", f"replay/{name}")


def _listed(ctx: Context, name: str, replay: Replay) -> dict[str, Any]:
    answer = {
        "ReplayName": name,
        "EventSourceArn": archive_arn(ctx, replay.archive),
        "State": replay.state,
        "EventStartTime": replay.start_ms / 1000,
        "EventEndTime": replay.end_ms / 1000,
        "ReplayStartTime": replay.started_ms / 1000,
    }
    if replay.last_ms:
        answer["EventLastReplayedTime"] = replay.last_ms / 1000
    if replay.ended_ms:
        answer["ReplayEndTime"] = replay.ended_ms / 1000
    return answer
