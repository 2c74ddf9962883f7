"""Log events: put, get, filter, retention."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

DAY_MS = 86_400_000


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName="/app")
    client.create_log_stream(logGroupName="/app", logStreamName="one")
    return client


def put(logs: Any, *messages: str, at_ms: int, stream: str = "one") -> Any:
    events = [{"timestamp": at_ms + index, "message": text} for index, text in enumerate(messages)]
    return logs.put_log_events(logGroupName="/app", logStreamName=stream, logEvents=events)


def messages(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_events_come_back_in_the_order_of_time(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    put(logs, "third", at_ms=now)
    put(logs, "first", "second", at_ms=now - 1000)
    place = {"logGroupName": "/app", "logStreamName": "one"}
    assert messages(logs.get_log_events(**place, startFromHead=True)) == ["first", "second", "third"]
    assert messages(logs.get_log_events(**place, startTime=now)) == ["third"]
    assert messages(logs.get_log_events(**place, endTime=now)) == ["first", "second"]


def test_a_stream_is_read_page_by_page_until_the_token_stays(logs: Any, clock: Any) -> None:
    put(logs, *"abcde", at_ms=clock.now_ms())
    place = {"logGroupName": "/app", "logStreamName": "one", "startFromHead": True, "limit": 2}
    page = logs.get_log_events(**place)
    found = messages(page)
    while True:
        token = page["nextForwardToken"]
        page = logs.get_log_events(**place, nextToken=token)
        found += messages(page)
        if page["nextForwardToken"] == token:
            break
    assert found == list("abcde")


def test_a_search_looks_at_so_many_events_at_a_time(logs: Any, clock: Any) -> None:
    for batch in range(3):
        put(logs, *["dull"] * 9_999, "rare", at_ms=clock.now_ms() + batch * 20_000)
    first = logs.filter_log_events(logGroupName="/app", filterPattern="rare")
    assert (messages(first), "nextToken" in first) == (["rare", "rare"], True)
    rest = logs.filter_log_events(logGroupName="/app", filterPattern="rare", nextToken=first["nextToken"])
    assert (messages(rest), "nextToken" in rest) == (["rare"], False)


def test_the_last_page_comes_first_unless_the_head_is_wanted(logs: Any, clock: Any) -> None:
    put(logs, *"abcde", at_ms=clock.now_ms())
    place = {"logGroupName": "/app", "logStreamName": "one", "limit": 2}
    page = logs.get_log_events(**place)
    assert messages(page) == ["d", "e"]
    page = logs.get_log_events(**place, nextToken=page["nextBackwardToken"])
    assert messages(page) == ["b", "c"]
    page = logs.get_log_events(**place, nextToken=page["nextBackwardToken"])
    assert messages(page) == ["a"]


def test_a_reader_turns_back_at_the_beginning(logs: Any, clock: Any) -> None:
    put(logs, *"abc", at_ms=clock.now_ms())
    place = {"logGroupName": "/app", "logStreamName": "one"}
    whole = logs.get_log_events(**place)
    before = logs.get_log_events(**place, nextToken=whole["nextBackwardToken"])
    assert (messages(before), before["nextBackwardToken"]) == ([], whole["nextBackwardToken"])
    assert messages(logs.get_log_events(**place, nextToken=before["nextForwardToken"])) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["ERROR disk full", "INFO started", "ERROR timed out"]),
        ("ERROR", ["ERROR disk full", "ERROR timed out"]),
        ("ERROR disk", ["ERROR disk full"]),
        ('"timed out"', ["ERROR timed out"]),
        ("?disk ?INFO", ["ERROR disk full", "INFO started"]),
        ("ERROR -disk", ["ERROR timed out"]),
    ],
)
def test_a_filter_pattern_chooses_events(logs: Any, clock: Any, pattern: str, expected: list[str]) -> None:
    put(logs, "ERROR disk full", "INFO started", "ERROR timed out", at_ms=clock.now_ms())
    assert messages(logs.filter_log_events(logGroupName="/app", filterPattern=pattern)) == expected


def test_a_json_pattern_chooses_events(logs: Any, clock: Any) -> None:
    put(logs, '{"level": "ERROR"}', '{"level": "INFO"}', "ERROR", at_ms=clock.now_ms())
    found = logs.filter_log_events(logGroupIdentifier="/app", filterPattern='{ $.level = "ERR*" }')
    assert messages(found) == ['{"level": "ERROR"}']


def test_events_of_many_streams_are_merged_and_paged(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    logs.create_log_stream(logGroupName="/app", logStreamName="two")
    put(logs, "a", at_ms=now)
    put(logs, "b", "c", at_ms=now + 1, stream="two")
    put(logs, "d", at_ms=now + 5)
    pages = list(
        logs.get_paginator("filter_log_events").paginate(logGroupName="/app", PaginationConfig={"PageSize": 3})
    )
    assert [messages(page) for page in pages] == [["a", "b", "c"], ["d"]]
    only = logs.filter_log_events(logGroupName="/app", logStreamNames=["two"])
    assert [event["logStreamName"] for event in only["events"]] == ["two", "two"]


def test_expired_events_are_no_longer_seen(logs: Any, clock: Any) -> None:
    put(logs, "old", at_ms=clock.now_ms())
    logs.put_retention_policy(logGroupName="/app", retentionInDays=1)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 1
    assert messages(logs.filter_log_events(logGroupName="/app")) == ["old"]
    clock.advance(s=86_401)
    put(logs, "new", at_ms=clock.now_ms())
    assert messages(logs.filter_log_events(logGroupName="/app")) == ["new"]


def test_expired_events_give_their_room_back(logs: Any, clock: Any) -> None:
    put(logs, "x" * 1000, at_ms=clock.now_ms())
    logs.put_retention_policy(logGroupName="/app", retentionInDays=1)
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 1026
    clock.advance(s=86_400 + 2 * 3600)
    for _ in range(100):  # The sweep runs beside the requests.
        if logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 0:
            break
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 0


def test_an_answer_has_at_most_a_megabyte(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    for number in range(3):
        put(logs, f"{number}" * 500_000, at_ms=now + number)
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName="/app"))
    assert [len(page["events"]) for page in pages] == [2, 1]
    page = logs.get_log_events(logGroupName="/app", logStreamName="one", startFromHead=True)
    assert len(page["events"]) == 2


def test_events_too_old_or_too_new_are_rejected(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    old = put(logs, "old", at_ms=now - 15 * DAY_MS)
    assert old["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    new = put(logs, "new", at_ms=now + DAY_MS)
    assert new["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 0}
    assert messages(logs.filter_log_events(logGroupName="/app")) == []


def test_a_batch_must_be_in_chronological_order(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    events = [{"timestamp": now, "message": "b"}, {"timestamp": now - 1, "message": "a"}]
    with pytest.raises(ClientError, match="chronological order"):
        logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)


def test_what_comes_in_is_counted_by_group(aws: Any, logs: Any, clock: Any) -> None:
    put(logs, "one", "zwölf", at_ms=clock.now_ms())
    put(logs, "too old", at_ms=clock.now_ms() - 15 * DAY_MS)
    now = clock.now_ms() / 1000
    for metric, total in (("IncomingLogEvents", 2), ("IncomingBytes", 3 + 6 + 2 * 26)):
        (point,) = aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/Logs",
            MetricName=metric,
            StartTime=now - 120,
            EndTime=now + 120,
            Period=600,
            Statistics=["Sum"],
            Dimensions=[{"Name": "LogGroupName", "Value": "/app"}],
        )["Datapoints"]
        assert point["Sum"] == total
