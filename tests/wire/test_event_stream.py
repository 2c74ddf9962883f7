"""Event streams: botocore reads the messages, and a damaged message is noticed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.loaders import Loader
from botocore.model import ServiceModel as BotocoreModel
from botocore.parsers import create_parser

from fogbank.core.errors import InternalFailure
from fogbank.wire.event_stream import FrameError, HeaderValue, frame, unframe
from fogbank.wire.model import ServiceModel
from fogbank.wire.protocols import compile_operation

EVENTS: list[dict[str, Any]] = [
    {"Records": {"Payload": b"1,2\n"}},
    {"Stats": {"Details": {"BytesScanned": 4, "BytesProcessed": 4, "BytesReturned": 4}}},
    {"End": {}},
]


def messages(body: bytes) -> list[Any]:
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [message.to_response_dict() for message in buffer]


def select() -> Any:
    return compile_operation(ServiceModel.load("s3"), "SelectObjectContent", "rest-xml")


def test_botocore_reads_the_events_of_an_answer() -> None:
    response = select().serialize({"Payload": EVENTS}, "id")
    shape = BotocoreModel(Loader().load_service_model("s3", "service-2")).shape_for("SelectObjectContentEventStream")
    parser = create_parser("rest-xml")._event_stream_parser
    assert [parser.parse(message, shape) for message in messages(response.body)] == EVENTS


def test_events_are_sent_as_they_come_and_an_error_ends_the_stream() -> None:
    async def events() -> AsyncIterator[dict[str, Any]]:
        yield EVENTS[0]
        raise InternalFailure("The engine stopped.")

    async def collect() -> list[bytes]:
        return [chunk async for chunk in select().serialize({"Payload": events()}, "id").body]

    first, last = messages(b"".join(asyncio.run(collect())))
    assert first["body"] == b"1,2\n"
    assert last["headers"][":error-code"] == "InternalFailure"


def test_an_rpc_service_begins_its_stream_with_an_initial_response() -> None:
    compiled = compile_operation(ServiceModel.load("kinesis"), "SubscribeToShard", "json")
    event = {"SubscribeToShardEvent": {"Records": [], "ContinuationSequenceNumber": "1", "MillisBehindLatest": 0}}
    body = compiled.serialize({"EventStream": [event]}, "id").body
    assert isinstance(body, bytes)
    kinds = [message["headers"][":event-type"] for message in messages(body)]
    assert kinds == ["initial-response", "SubscribeToShardEvent"]


def test_a_message_comes_back_as_it_was_framed() -> None:
    headers: dict[str, HeaderValue] = {
        "text": "é",
        "bytes": b"\x00",
        "yes": True,
        "no": False,
        "number": -(2**40),
    }
    message = frame(headers.items(), b"payload")
    assert unframe(message + b"more") == (headers, b"payload", len(message))


@pytest.mark.parametrize("position", range(0, 40, 3))
def test_a_damaged_message_is_refused(position: int) -> None:
    message = bytearray(frame([("a", "b")], b"some payload of a few bytes"))
    message[position] ^= 0x40
    with pytest.raises(FrameError):
        unframe(bytes(message))
