"""Queries of Logs Insights: started, looked at, stopped, forgotten."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LiveServer, MovableClock
from tests.services.logs.insights import ask, finished, put_events, rows


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName="/app")
    client.create_log_stream(logGroupName="/app", logStreamName="one")
    return client


def test_a_query_gives_the_latest_events_first(logs: Any, clock: Any) -> None:
    put_events(logs, clock.now_ms(), "first", "second", "third")
    answer = ask(logs, clock.now_ms(), "fields @message | limit 2")
    assert answer["status"] == "Complete"
    assert rows(answer) == [{"@message": "third"}, {"@message": "second"}]
    assert answer["statistics"] == {
        "recordsMatched": 3.0,
        "recordsScanned": 3.0,
        "bytesScanned": 16.0,
        "estimatedRecordsSkipped": 0.0,
        "estimatedBytesSkipped": 0.0,
        "logGroupsScanned": 1.0,
        "resultCount": 2.0,
    }


def test_a_query_is_described_as_it_runs(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    put_events(logs, now, "a")
    ask(logs, now, "fields @message")
    (found,) = logs.describe_queries(logGroupName="/app", status="Complete")["queries"]
    start, end = now // 1000 - 3600, now // 1000
    assert found["queryString"] == f'SOURCE "/app" START={start}000 END={end}999 | fields @message'
    assert (found["status"], found["logGroupName"], found["queryLanguage"]) == ("Complete", "/app", "CWLI")
    assert logs.describe_queries(logGroupName="/other")["queries"] == []
    assert logs.describe_queries(status="Failed")["queries"] == []
    assert logs.describe_queries(queryLanguage="SQL")["queries"] == []


def test_queries_are_listed_page_by_page(logs: Any, clock: Any) -> None:
    for _ in range(3):
        ask(logs, clock.now_ms(), "fields @message")
        clock.advance(s=1)
    first = logs.describe_queries(maxResults=2)
    rest = logs.describe_queries(maxResults=2, nextToken=first["nextToken"])
    times = [query["createTime"] for query in (*first["queries"], *rest["queries"])]
    assert (len(times), times, "nextToken" in rest) == (3, sorted(times, reverse=True), False)


def test_results_come_page_by_page(logs: Any, clock: Any) -> None:
    put_events(logs, clock.now_ms(), *(f"{number:04d}" for number in range(1_200)))
    query_id = logs.start_query(
        logGroupName="/app",
        startTime=clock.now_ms() // 1000 - 3600,
        endTime=clock.now_ms() // 1000,
        queryString="fields @message | sort @timestamp asc",
    )["queryId"]
    finished(logs, query_id)
    found, token = [], {}
    while True:
        page = logs.get_query_results(queryId=query_id, maxItems=500, **token)
        found += [row["@message"] for row in rows(page)]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert found == [f"{number:04d}" for number in range(1_200)]


def test_a_thousandfold_of_batches_is_summed_up_rightly(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    for batch in range(3):
        put_events(logs, now - batch, *(f'{{"n": {number}, "k": {number % 7}}}' for number in range(3_000)))
    answer = ask(logs, now, "stats count(*) as c, sum(n) as s, pct(n, 50) as p, count_distinct(n) as d, avg(n) as a")
    assert rows(answer) == [{"c": "9000", "s": "13495500", "p": "1499.5", "d": "3000", "a": "1499.5"}]
    assert answer["statistics"]["recordsMatched"] == 9000
    sums = ask(logs, now, "stats max(n) as most by k | sort k")
    assert [row["most"] for row in rows(sums)] == ["2996", "2997", "2998", "2999", "2993", "2994", "2995"]


def test_a_query_looks_at_its_groups_and_its_time(logs: Any, clock: Any) -> None:
    logs.create_log_group(logGroupName="/other")
    logs.create_log_stream(logGroupName="/other", logStreamName="two")
    now = clock.now_ms() // 1000 * 1000
    put_events(logs, now, "a", "b")
    put_events(logs, now, "c", group="/other", stream="two")
    both = ask(logs, now, "fields @message, @log, @logStream", logGroupNames=["/app", "/other"])
    assert sorted((row["@message"], row["@log"].partition(":")[2], row["@logStream"]) for row in rows(both)) == [
        ("a", "/app", "one"),
        ("b", "/app", "one"),
        ("c", "/other", "two"),
    ]
    place = {"logGroupName": "/app", "queryString": "fields @message"}
    last = logs.start_query(startTime=now // 1000, endTime=now // 1000, **place)
    assert rows(finished(logs, last["queryId"])) == [{"@message": "b"}]
    clock.advance(s=5)
    put_events(logs, now + 5000, "later")
    first = logs.start_query(startTime=now // 1000 - 1, endTime=now // 1000 + 4, **place)
    assert rows(finished(logs, first["queryId"])) == [{"@message": "b"}, {"@message": "a"}]


def test_source_chooses_groups_by_their_names(logs: Any, clock: Any) -> None:
    for name in ("/apple", "/other"):
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName="s")
        put_events(logs, clock.now_ms(), name, group=name, stream="s")
    put_events(logs, clock.now_ms(), "/app")
    query = "SOURCE logGroups(namePrefix: ['/app', '/none']) | fields @message"
    assert {row["@message"] for row in rows(ask(logs, clock.now_ms(), query, source=True))} == {"/app", "/apple"}
    everything = ask(logs, clock.now_ms(), "SOURCE logGroups() | stats count(*) as n", source=True)
    assert rows(everything) == [{"n": "3"}]
    others = "SOURCE logGroups(accountIdentifiers: ['111122223333']) | fields @message"
    assert rows(ask(logs, clock.now_ms(), others, source=True)) == []


def test_a_retention_hides_events(logs: Any, clock: Any) -> None:
    put_events(logs, clock.now_ms(), "old")
    logs.put_retention_policy(logGroupName="/app", retentionInDays=1)
    clock.advance(s=86_401)
    put_events(logs, clock.now_ms(), "new")
    found = logs.start_query(
        logGroupName="/app", startTime=0, endTime=clock.now_ms() // 1000, queryString="fields @message"
    )
    assert rows(finished(logs, found["queryId"])) == [{"@message": "new"}]
    with pytest.raises(ClientError, match="exceeds the log groups log retention settings"):
        logs.start_query(logGroupName="/app", startTime=0, endTime=1, queryString="fields @message")


def test_results_are_kept_for_seven_days(logs: Any, clock: Any) -> None:
    put_events(logs, clock.now_ms(), "a")
    query_id = logs.start_query(
        logGroupName="/app", startTime=0, endTime=clock.now_ms() // 1000, queryString="fields @message"
    )["queryId"]
    finished(logs, query_id)
    clock.advance(s=7 * 86_400 - 60)
    assert rows(logs.get_query_results(queryId=query_id)) == [{"@message": "a"}]
    clock.advance(s=61)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.get_query_results(queryId=query_id)
    assert logs.describe_queries()["queries"] == []


def test_a_pointer_leads_to_the_whole_record(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    put_events(logs, now, '{"level": "INFO", "user": {"tags": ["a", true]}, "@odd": 1.5}')
    ((message, at),) = ask(logs, now, "fields @message")["results"]
    assert (message["field"], at["field"]) == ("@message", "@ptr")
    record = logs.get_log_record(logRecordPointer=at["value"])["logRecord"]
    assert {name: value for name, value in record.items() if name not in ("@ingestionTime", "@log", "@ptr")} == {
        "@message": message["value"],
        "@timestamp": str(now),
        "@logStream": "one",
        "level": "INFO",
        "user.tags.0": "a",
        "user.tags.1": "1",
        "@@odd": "1.5",
    }
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.get_log_record(logRecordPointer="no pointer")
    logs.delete_log_group(logGroupName="/app")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.get_log_record(logRecordPointer=at["value"])


def test_the_fields_of_a_group_are_told_with_their_share(logs: Any, clock: Any) -> None:
    put_events(logs, clock.now_ms(), '{"a": 1}', '{"a": 2, "b": {"c": 3}}', "text", "text")
    found = {one["name"]: one["percent"] for one in logs.get_log_group_fields(logGroupName="/app")["logGroupFields"]}
    system = dict.fromkeys(("@ingestionTime", "@log", "@logStream", "@message", "@timestamp"), 100)
    assert found == {**system, "a": 50, "b.c": 25}
    earlier = logs.get_log_group_fields(logGroupName="/app", time=clock.now_ms() // 1000 - 3600)
    assert earlier["logGroupFields"] == []


REFUSED = [
    ({"logGroupName": "/none"}, "ResourceNotFoundException", "Log group '/none' does not exist for account ID"),
    ({}, "InvalidParameterException", "must name its log groups"),
    ({"logGroupName": "/app", "logGroupNames": ["/app"]}, "InvalidParameterException", "Exactly one of"),
    ({"logGroupNames": ["/app"] * 51}, "InvalidParameterException", "up to 50 log groups"),
    ({"logGroupName": "/app", "endTime": 1, "startTime": 2}, "InvalidParameterException", "End time"),
    ({"logGroupName": "/app", "limit": 100_001}, "InvalidParameterException", "limit"),
    ({"logGroupName": "/app", "queryLanguage": "SQL"}, "NotImplemented", "SQL"),
    ({"logGroupName": "/app", "queryLanguage": "PPL"}, "NotImplemented", "PPL"),
]


@pytest.mark.parametrize(("given", "code", "message"), REFUSED)
def test_queries_that_cannot_be_are_refused(
    logs: Any, clock: Any, given: dict[str, Any], code: str, message: str
) -> None:
    now_s = clock.now_ms() // 1000
    with pytest.raises(ClientError, match=message) as raised:
        logs.start_query(**{"startTime": now_s - 60, "endTime": now_s, "queryString": "fields @message", **given})
    assert raised.value.response["Error"]["Code"] == code


def test_a_query_that_has_ended_cannot_be_stopped(logs: Any, clock: Any) -> None:
    put_events(logs, clock.now_ms(), "a")
    ask(logs, clock.now_ms(), "fields @message")
    (query,) = logs.describe_queries()["queries"]
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.stop_query(queryId=query["queryId"])
    for operation in (logs.stop_query, logs.get_query_results):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            operation(queryId="00000000-0000-0000-0000-000000000000")


def fill(logs: Any, now_ms: int, batches: int) -> None:
    for batch in range(batches):
        put_events(logs, now_ms - batch, *(f'{{"n": {number}}}' for number in range(3_000)))


def begin(logs: Any, now_ms: int, query: str = "stats pct(n, 50), count_distinct(@message) by n") -> str:
    started: str = logs.start_query(logGroupName="/app", startTime=0, endTime=now_ms // 1000, queryString=query)[
        "queryId"
    ]
    return started


def test_a_running_query_is_stopped(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    fill(logs, now, 10)
    query_id = begin(logs, now)
    assert logs.get_query_results(queryId=query_id)["status"] in ("Scheduled", "Running")
    assert logs.stop_query(queryId=query_id)["success"] is True
    assert logs.get_query_results(queryId=query_id)["status"] == "Cancelled"


def test_a_query_times_out_after_an_hour(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    fill(logs, now, 10)
    query_id = begin(logs, now)
    clock.advance(s=3600)
    assert finished(logs, query_id)["status"] == "Timeout"


def test_so_many_queries_run_at_a_time(logs: Any, clock: Any) -> None:
    now = clock.now_ms()
    fill(logs, now, 10)
    started = []
    with pytest.raises(ClientError, match="concurrency limit of \\[100\\] reached") as raised:
        for _ in range(200):
            started.append(begin(logs, now))
    assert raised.value.response["Error"]["Code"] == "LimitExceededException"
    assert len(started) >= 100
    for query_id in started:
        with contextlib.suppress(ClientError):  # It has ended by itself.
            logs.stop_query(queryId=query_id)


def test_a_query_that_ran_when_the_server_was_killed_has_failed(tmp_path: Path, account: str) -> None:
    server = LiveServer("--data", str(tmp_path), "--sync", "process", "--virtual-clock")
    logs = server.client("logs", account=account)
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="one")
    now = MovableClock(server).now_ms()
    fill(logs, now, 10)
    place = {"startTime": now // 1000 - 3600, "endTime": now // 1000}
    done = logs.start_query(logGroupName="/app", queryString="fields @message | limit 1", **place)["queryId"]
    assert finished(logs, done)["status"] == "Complete"
    ids = [begin(logs, now) for _ in range(3)]
    server.kill()

    server = LiveServer("--data", str(tmp_path), "--sync", "process", "--virtual-clock")
    logs = server.client("logs", account=account)
    assert [finished(logs, query_id)["status"] for query_id in ids] == ["Failed"] * 3
    kept = logs.get_query_results(queryId=done)
    server.stop()
    assert (kept["status"], len(kept["results"])) == ("Complete", 1)
