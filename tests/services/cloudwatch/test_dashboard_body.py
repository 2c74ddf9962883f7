"""Dashboards that cannot be drawn are refused, with every mistake and where it is."""

import json
from typing import Any

import pytest

from fogbank.services.cloudwatch.dashboard_body import mistakes
from tests.conftest import Aws


def widget(kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"type": kind, "properties": {"markdown": "x", "region": "r", "query": "q", "alarms": []}} | more


def metric(**properties: Any) -> dict[str, Any]:
    return widget("metric", properties={"region": "us-east-1", **properties})


@pytest.mark.parametrize(
    "widgets",
    [
        [],
        [widget(), widget("log"), widget("alarm"), widget("explorer"), widget("custom")],
        [widget(x=0, y=0, width=24, height=6)],
        [metric(metrics=[["App", "m"], ["App", "m", "Host", "a", {"stat": "p99"}], [{"expression": "m1"}]])],
        [metric(annotations={"alarms": ["arn"]})],
    ],
)
def test_what_can_be_drawn_has_no_mistakes(widgets: list[Any]) -> None:
    assert mistakes({"widgets": widgets, "start": "-PT3H", "periodOverride": "auto"}) == []


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({}, "", "Should have required property 'widgets'"),
        ({"widgets": {}}, "/widgets", "Should be array"),
        ({"widgets": [], "periodOverride": "no"}, "/periodOverride", "Should be equal to one of the allowed values"),
        ({"widgets": [], "start": 3}, "/start", "Should be string"),
        ({"widgets": [widget()] * 501}, "/widgets", "Should NOT have more than 500 items"),
        ({"widgets": ["x"]}, "/widgets/0", "Should be object"),
        ({"widgets": [{"properties": {}}]}, "/widgets/0", "Should have required property 'type'"),
        ({"widgets": [widget("chart")]}, "/widgets/0/type", "Should be equal to one of the allowed values"),
        ({"widgets": [widget(width=25)]}, "/widgets/0/width", "Should be <= 24"),
        ({"widgets": [widget(height="6")]}, "/widgets/0/height", "Should be integer"),
        ({"widgets": [widget(x=-1, y=0)]}, "/widgets/0/x", "Should be >= 0"),
        ({"widgets": [widget(x=1)]}, "/widgets/0", "Should have required property 'y'"),
        (
            {"widgets": [widget(properties={})]},
            "/widgets/0/properties",
            "Should have required property 'markdown'",
        ),
        ({"widgets": [metric()]}, "/widgets/0/properties", "Should have required property 'metrics'"),
        ({"widgets": [metric(metrics=[[]])]}, "/widgets/0/properties/metrics/0", "Should NOT have fewer than 1 items"),
        ({"widgets": [metric(metrics=[["App", 3]])]}, "/widgets/0/properties/metrics/0/1", "Should be string"),
    ],
)
def test_a_mistake_has_a_path_and_a_sentence(body: dict[str, Any], path: str, message: str) -> None:
    assert mistakes(body) == [(path, message)]


def test_all_mistakes_are_told_and_nothing_is_kept(aws: Aws) -> None:
    cloudwatch = aws("cloudwatch")
    body = json.dumps({"widgets": [widget(width=0), widget("log", properties={"region": "r"})]})
    with pytest.raises(cloudwatch.exceptions.DashboardInvalidInputError) as refused:
        cloudwatch.put_dashboard(DashboardName="main", DashboardBody=body)
    answer = refused.value.response
    assert answer["Error"]["Message"].startswith("The dashboard body is invalid, there are 2 validation errors:")
    assert answer["dashboardValidationMessages"] == [
        {"DataPath": "/widgets/0/width", "Message": "Should be >= 1"},
        {"DataPath": "/widgets/1/properties", "Message": "Should have required property 'query'"},
    ]
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []
