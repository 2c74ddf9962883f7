"""What the tests of Logs Insights share: events put into a group, and queries run on them."""

from typing import Any

PERIOD_S = 3600


def put_events(logs: Any, now_ms: int, *messages: str, group: str = "/app", stream: str = "one") -> None:
    """Put the messages, a second between them, the last one now."""
    events = [
        {"timestamp": now_ms - 1000 * (len(messages) - 1 - index), "message": message}
        for index, message in enumerate(messages)
    ]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def finished(logs: Any, query_id: str) -> Any:
    """The answer of GetQueryResults once the query has ended."""
    while True:
        answer = logs.get_query_results(queryId=query_id)
        if answer["status"] not in ("Scheduled", "Running"):
            return answer


def ask(logs: Any, now_ms: int, query: str, **parameters: Any) -> Any:
    given: dict[str, Any] = {"logGroupName": "/app"} if not parameters.keys() & {"logGroupNames", "source"} else {}
    parameters.pop("source", None)
    started = logs.start_query(
        startTime=now_ms // 1000 - PERIOD_S, endTime=now_ms // 1000, queryString=query, **given, **parameters
    )
    return finished(logs, started["queryId"])


def rows(answer: Any) -> list[dict[str, str]]:
    """The results, without pointers."""
    return [{one["field"]: one["value"] for one in row if one["field"] != "@ptr"} for row in answer["results"]]
