"""Transformers give events another form, for filters and to try out."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

JSON: dict[str, Any] = {"parseJSON": {}}
LIST = {"list": [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "b", "v": 3}]}

CASES: list[tuple[list[dict[str, Any]], str, Any]] = [
    ([JSON], '{"a": {"b": 1}}', {"a": {"b": 1}}),
    ([JSON | {"parseJSON": {"destination": "all"}}], '{"a": 1}', {"all": {"a": 1}}),
    ([JSON, {"parseJSON": {"source": "in"}}], '{"in": "{\\"x\\": 1}"}', {"in": '{"x": 1}', "x": 1}),
    ([JSON], "no json", None),
    ([JSON], "[1]", None),
    ([{"csv": {}}], 'a,"b, c",d', {"column_1": "a", "column_2": "b, c", "column_3": "d"}),
    ([{"csv": {"delimiter": ":", "quoteCharacter": "'", "columns": ["x"]}}], "'1:2':3", {"x": "1:2", "column_2": "3"}),
    ([{"csv": {"destination": "row", "columns": ["x", "y"]}}], "1,2", {"row": {"x": "1", "y": "2"}}),
    ([{"parseKeyValue": {}}], "a=1&b=x=y&c", {"a": "1", "b": "x=y"}),
    (
        [
            {
                "parseKeyValue": {
                    "destination": "p",
                    "fieldDelimiter": "|",
                    "keyValueDelimiter": ":",
                    "keyPrefix": "k_",
                    "nonMatchValue": "?",
                }
            }
        ],
        "a:1|b",
        {"p": {"k_a": "1", "k_b": "?"}},
    ),
    (
        [JSON, {"addKeys": {"entries": [{"key": "a.c", "value": "x"}, {"key": "a.b", "value": "y"}]}}],
        '{"a": {"b": 1}}',
        {"a": {"b": 1, "c": "x"}},
    ),
    (
        [JSON, {"addKeys": {"entries": [{"key": "a", "value": "y", "overwriteIfExists": True}]}}],
        '{"a": 1}',
        {"a": "y"},
    ),
    (
        [JSON, {"deleteKeys": {"withKeys": ["a.b", "c", "none.at.all"]}}],
        '{"a": {"b": 1, "d": 2}, "c": 3}',
        {"a": {"d": 2}},
    ),
    (
        [JSON, {"moveKeys": {"entries": [{"source": "a.b", "target": "c"}]}}],
        '{"a": {"b": 1}, "c": {"d": 2}}',
        {"a": {}, "c": {"d": 2, "b": 1}},
    ),
    ([JSON, {"renameKeys": {"entries": [{"key": "a", "renameTo": "b"}]}}], '{"a": 1, "b": 2}', {"a": 1, "b": 2}),
    (
        [JSON, {"renameKeys": {"entries": [{"key": "a", "renameTo": "b", "overwriteIfExists": True}]}}],
        '{"a": 1, "b": 2}',
        {"b": 1},
    ),
    (
        [JSON, {"copyValue": {"entries": [{"source": "a.b", "target": "c"}]}}],
        '{"a": {"b": 1}}',
        {"a": {"b": 1}, "c": 1},
    ),
    (
        [JSON, {"listToMap": {"source": "list", "key": "k", "valueKey": "v", "target": "m"}}],
        json.dumps(LIST),
        LIST | {"m": {"a": [1], "b": [2, 3]}},
    ),
    (
        [
            JSON,
            {"listToMap": {"source": "list", "key": "k", "valueKey": "v", "flatten": True, "flattenedElement": "last"}},
        ],
        json.dumps(LIST),
        LIST | {"a": 1, "b": 3},
    ),
    ([JSON, {"lowerCaseString": {"withKeys": ["a", "n"]}}], '{"a": "ÄB", "n": 1}', {"a": "äb", "n": 1}),
    ([JSON, {"upperCaseString": {"withKeys": ["a.b"]}}], '{"a": {"b": "x"}}', {"a": {"b": "X"}}),
    ([JSON, {"trimString": {"withKeys": ["a"]}}], '{"a": "  x "}', {"a": "x"}),
    ([JSON, {"splitString": {"entries": [{"source": "a", "delimiter": "||"}]}}], '{"a": "x||y"}', {"a": ["x", "y"]}),
    (
        [JSON, {"substituteString": {"entries": [{"source": "a", "from": "[0-9]\\.", "to": "#"}]}}],
        '{"a": "1.2.3"}',
        {"a": "##3"},
    ),
    (
        [
            JSON,
            {
                "typeConverter": {
                    "entries": [
                        {"key": "i", "type": "integer"},
                        {"key": "d", "type": "double"},
                        {"key": "b", "type": "boolean"},
                        {"key": "s", "type": "string"},
                        {"key": "x", "type": "integer"},
                    ]
                }
            },
        ],
        '{"i": "7", "d": "1.5", "b": "True", "s": 2, "x": "none"}',
        {"i": 7, "d": 1.5, "b": True, "s": "2", "x": "none"},
    ),
]


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName="/app")
    client.create_log_stream(logGroupName="/app", logStreamName="one")
    return client


@pytest.mark.parametrize(("processors", "message", "expected"), CASES)
def test_a_chain_of_processors_makes_another_document(
    logs: Any, processors: list[dict[str, Any]], message: str, expected: Any
) -> None:
    (found,) = logs.test_transformer(transformerConfig=processors, logEventMessages=[message])["transformedLogs"]
    assert (found["eventNumber"], found["eventMessage"]) == (1, message)
    transformed = found.get("transformedEventMessage")
    assert (None if transformed is None else json.loads(transformed)) == expected


def test_a_group_has_a_transformer(logs: Any, account: str) -> None:
    assert "transformerConfig" not in logs.get_transformer(logGroupIdentifier="/app")
    logs.put_transformer(logGroupIdentifier="/app", transformerConfig=[JSON])
    made = logs.get_transformer(logGroupIdentifier=f"arn:aws:logs:us-east-1:{account}:log-group:/app")
    logs.put_transformer(logGroupIdentifier="/app", transformerConfig=[{"csv": {"delimiter": ";"}}])
    changed = logs.get_transformer(logGroupIdentifier="/app")
    assert changed["transformerConfig"] == [{"csv": {"delimiter": ";"}}]
    assert changed["creationTime"] == made["creationTime"] <= changed["lastModifiedTime"]
    logs.delete_transformer(logGroupIdentifier="/app")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.delete_transformer(logGroupIdentifier="/app")


def test_filters_see_transformed_events_if_they_ask_for_them(aws: Any, logs: Any, clock: Any) -> None:
    copied = {"entries": [{"source": "@logGroupName", "target": "group"}]}
    logs.put_transformer(logGroupIdentifier="/app", transformerConfig=[{"parseKeyValue": {}}, {"copyValue": copied}])
    for name, transformed in (("plain", False), ("made", True)):
        logs.put_metric_filter(
            logGroupName="/app",
            filterName=name,
            filterPattern='{ $.level = "ERROR" && $.group = "/app" }',
            metricTransformations=[{"metricName": name, "metricNamespace": "N", "metricValue": "1"}],
            applyOnTransformedLogs=transformed,
        )
    now = clock.now_ms()
    events = [{"timestamp": now, "message": text} for text in ("level=ERROR&n=1", "level=INFO&n=2")]
    logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)
    assert [metric["MetricName"] for metric in aws("cloudwatch").list_metrics(Namespace="N")["Metrics"]] == ["made"]
    assert {
        found["filterName"]: found["applyOnTransformedLogs"]
        for found in logs.describe_metric_filters(logGroupName="/app")["metricFilters"]
    } == {"plain": False, "made": True}
    kept = logs.get_log_events(logGroupName="/app", logStreamName="one")["events"]
    assert [event["message"] for event in kept] == ["level=ERROR&n=1", "level=INFO&n=2"]


@pytest.mark.parametrize(
    ("processors", "sentence"),
    [
        ([{"trimString": {"withKeys": ["a"]}}], "InvalidParameterException.*must be a parser"),
        ([JSON] * 6, "InvalidParameterException.*up to 5 parsers"),
        ([JSON, {}], "InvalidParameterException.*must have one processor"),
        ([{"grok": {"match": "%{WORD:a}"}}], "NotImplemented.*processor grok"),
        ([JSON, {"substituteString": {"entries": [{"source": "a", "from": "(a+)+", "to": "b"}]}}], "NotImplemented"),
        ([{"csv": {"delimiter": "ab"}}], "InvalidParameterException.*single characters"),
    ],
)
def test_what_makes_no_transformer_is_refused(logs: Any, processors: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        logs.put_transformer(logGroupIdentifier="/app", transformerConfig=processors)
