"""Queries of Logs Insights: started, looked at, stopped, forgotten."""

from typing import Any

import pytest

from tests.services.logs.insights import ask, put_events, rows


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
