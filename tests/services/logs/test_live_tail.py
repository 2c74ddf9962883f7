"""Live Tail: events as they arrive."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.services.logs.insights import put_events

Tail = Callable[..., Iterator[dict[str, Any]]]


@pytest.fixture
def logs(server: Any, account: str) -> Iterator[Any]:
    """SDKs put a prefix before the host's name, which an address does not take."""
    client = boto3.client(
        "logs",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="secret",
        config=Config(inject_host_prefix=False, retries={"max_attempts": 0}),
    )
    client.create_log_group(logGroupName="/app")
    for stream in ("one", "two"):
        client.create_log_stream(logGroupName="/app", logStreamName=stream)
    yield client
    client.close()


@pytest.fixture
def arn(account: str) -> str:
    return f"arn:aws:logs:us-east-1:{account}:log-group:/app"


@pytest.fixture
def tail(logs: Any, arn: str) -> Iterator[Tail]:
    """Begins a session; gives what comes."""
    with ExitStack() as stack:

        def begin(**parameters: Any) -> Iterator[dict[str, Any]]:
            answer = logs.start_live_tail(**{"logGroupIdentifiers": [arn], **parameters})
            return iter(stack.enter_context(closing(answer["responseStream"])))

        yield begin


def next_events(events: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the next update that has some."""
    while True:
        update = next(events)["sessionUpdate"]
        if update["sessionResults"]:
            results: list[dict[str, Any]] = update["sessionResults"]
            return results


def test_events_come_as_they_arrive(logs: Any, tail: Tail, arn: str, clock: Any) -> None:
    events = tail(logEventFilterPattern="ERROR")
    start = next(events)["sessionStart"]
    assert (start["logGroupIdentifiers"], start["logEventFilterPattern"]) == ([arn], "ERROR")
    now = clock.now_ms()
    put_events(logs, now, "INFO fine", "ERROR bad")
    (event,) = next_events(events)
    assert event.pop("ingestionTime") >= now
    assert event == {"logStreamName": "one", "logGroupIdentifier": arn, "message": "ERROR bad", "timestamp": now}


@pytest.mark.parametrize("streams", [{"logStreamNames": ["two"]}, {"logStreamNamePrefixes": ["t", "x"]}])
def test_a_session_looks_at_its_streams(logs: Any, tail: Tail, clock: Any, streams: dict[str, Any]) -> None:
    events = tail(**streams)
    next(events)
    put_events(logs, clock.now_ms(), "here", stream="one")
    put_events(logs, clock.now_ms(), "there", stream="two")
    assert [event["message"] for event in next_events(events)] == ["there"]


def test_many_events_are_sampled(logs: Any, tail: Tail, clock: Any) -> None:
    events = tail()
    next(events)
    put_events(logs, clock.now_ms(), *(f"{number}" for number in range(1_500)))
    update = next(events)["sessionUpdate"]
    while not update["sessionResults"]:
        update = next(events)["sessionUpdate"]
    assert (update["sessionMetadata"]["sampled"], len(update["sessionResults"])) == (True, 500)


def test_a_session_ends_after_three_hours(tail: Tail, clock: Any) -> None:
    events = tail()
    next(events)
    clock.advance(s=3 * 3600)
    with pytest.raises(EventStreamError, match="SessionTimeoutException"):
        for _ in events:
            continue


REFUSED = [
    ({"logGroupIdentifiers": ["/app"]}, "InvalidParameterException"),
    ({"logStreamNames": ["one"], "logStreamNamePrefixes": ["o"]}, "InvalidParameterException"),
    ({"logStreamNames": ["three"]}, "ResourceNotFoundException"),
    ({"logEventFilterPattern": "{"}, "InvalidParameterException"),
]


@pytest.mark.parametrize(("given", "code"), REFUSED)
def test_sessions_that_cannot_be_are_refused(tail: Tail, given: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as raised:
        tail(**given)
    assert raised.value.response["Error"]["Code"] == code
