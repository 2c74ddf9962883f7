"""Answers that are event streams: each event a message, framed as it comes."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from typing import Any

from fogbank.core.errors import AwsError
from fogbank.wire import timestamps
from fogbank.wire.event_stream import HeaderValue, frame
from fogbank.wire.model import ServiceModel
from fogbank.wire.serialize_json import converter, encode
from fogbank.wire.serialize_xml import Out, XmlWriter

Event = dict[str, Any]
"""One event as boto3 shows it: `{"Records": {"Payload": b"…"}}`."""


class EventStream:
    """Encodes the events of one event stream shape; XML or JSON is the service's."""

    def __init__(self, service: ServiceModel, shape_name: str, *, xml: bool) -> None:
        self._service = service
        self._members = service.shapes[shape_name].members
        self._xml = xml

    def encode_all(
        self, events: Iterable[Event] | AsyncIterable[Event] | None, *, initial: bytes | None = None
    ) -> bytes | AsyncIterator[bytes]:
        """All events as a body: at once if they are there, else as they come. An `AwsError` ends the stream.

        The RPC protocols begin with the answer's other members in an initial response.
        """
        first = b"" if initial is None else initial_response(initial)
        if isinstance(events, AsyncIterable):
            return self._as_they_come(events, first)
        return first + b"".join(self.encode(event) for event in events or ())

    async def _as_they_come(self, events: AsyncIterable[Event], first: bytes) -> AsyncIterator[bytes]:
        if first:
            yield first
        try:
            async for event in events:
                yield self.encode(event)
        except AwsError as error:
            yield error_message(error)
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    def encode(self, event: Event) -> bytes:
        ((name, members),) = event.items()
        ref = self._members[name]
        shape = self._service.shapes[ref.shape]
        kind = "exception" if shape.exception else "event"
        headers: list[tuple[str, HeaderValue]] = [(f":{kind}-type", name)]
        payload_member = None
        for member, inner in shape.members.items():
            if inner.eventheader and members.get(member) is not None:
                headers.append((member, members[member]))
            elif inner.eventpayload:
                payload_member = member
        content_type, payload = self._payload(ref.shape, members, payload_member)
        if content_type is not None:
            headers.append((":content-type", content_type))
        headers.append((":message-type", kind))
        return frame(headers, payload)

    def _payload(self, shape_name: str, members: Event, payload_member: str | None) -> tuple[str | None, bytes]:
        shape = self._service.shapes[shape_name]
        if payload_member is not None:
            ref = shape.members[payload_member]
            value = members.get(payload_member)
            kind = self._service.shapes[ref.shape].type
            if kind == "blob":
                return "application/octet-stream", value or b""
            if kind == "string":
                return "text/plain", (value or "").encode()
            return self._document(ref.shape, value or {}, ref.location_name or payload_member)
        body = {name: value for name, value in members.items() if not shape.members[name].eventheader}
        if not shape.members:
            return None, b""
        return self._document(shape_name, body, shape_name)

    def _document(self, shape_name: str, value: Any, name: str) -> tuple[str, bytes]:
        if self._xml:
            out: Out = [f"<{name}>"]
            writer = XmlWriter(self._service, timestamps.iso8601_milliseconds)
            writer.contents(self._service.shapes[shape_name])(out, value)
            out.append(f"</{name}>")
            return "text/xml", "".join(out).encode(errors="replace")
        convert = converter(self._service, shape_name)
        return "application/json", encode(value if convert is None else convert(value))


def error_message(error: AwsError) -> bytes:
    """The message that ends a stream whose work failed."""
    return frame(
        [(":error-code", error.code), (":error-message", error.message), (":message-type", "error")],
        b"",
    )


def initial_response(document: bytes) -> bytes:
    headers: list[tuple[str, HeaderValue]] = [
        (":event-type", "initial-response"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ]
    return frame(headers, document)
