"""The intrinsic functions, without a server."""

from typing import Any

import pytest

from fogbank.core.resource import ResourceState
from fogbank.services.cloudformation import graph
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.intrinsics import Resolver


def resolver(**changes: Any) -> Resolver:
    given: dict[str, Any] = {
        "pseudo": {"AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012"},
        "parameters": {"Stage": "dev", "Names": ["a", "b"]},
        "mappings": {"Sizes": {"dev": {"Cpu": "1"}}},
        "conditions": {
            "Dev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
            "Prod": {"Fn::Not": [{"Condition": "Dev"}]},
            "Both": {"Fn::And": [{"Condition": "Dev"}, {"Condition": "Prod"}]},
            "Either": {"Fn::Or": [{"Condition": "Dev"}, {"Condition": "Prod"}]},
        },
        "resources": {
            "Q": ResourceState(physical_id="http://q", attributes={"Arn": "arn:q", "Endpoint.Port": "1", "N": {"M": 2}})
        },
        "import_value": lambda name: f"imported {name}",
    }
    return Resolver(**given | changes)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "Q"}, "http://q"),
        ({"Fn::GetAtt": ["Q", "Arn"]}, "arn:q"),
        ({"Fn::GetAtt": "Q.Endpoint.Port"}, "1"),
        ({"Fn::GetAtt": ["Q", "N.M"]}, 2),
        (
            {"Fn::Sub": "${Stage}/${Q}/${Q.Arn}/${!kept}/${AWS::Region}"},
            "dev/http://q/arn:q/${kept}/eu-west-1",
        ),
        ({"Fn::Sub": ["${X}-${Stage}", {"X": {"Ref": "Q"}}]}, "http://q-dev"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, 3]]}, "a-dev-3"),
        ({"Fn::Join": [",", {"Ref": "Names"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Ref": "Names"}]}, "b"),
        ({"Fn::Split": [":", {"Fn::GetAtt": ["Q", "Arn"]}]}, ["arn", "q"]),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Cpu"]}, "1"),
        ({"Fn::FindInMap": ["Sizes", "prod", "Cpu", {"DefaultValue": "9"}]}, "9"),
        ({"Fn::If": ["Dev", 1, 2]}, 1),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
        ({"Fn::ImportValue": {"Fn::Sub": "${Stage}-url"}}, "imported dev-url"),
        ({"Fn::Length": {"Ref": "Names"}}, 2),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a":"dev"}'),
        (
            {"a": {"Ref": "AWS::NoValue"}, "b": [{"Fn::If": ["Prod", 1, {"Ref": "AWS::NoValue"}]}, 2]},
            {"b": [2]},
        ),
        ({"Condition": {"StringEquals": {"a": "b"}}}, {"Condition": {"StringEquals": {"a": "b"}}}),
    ],
)
def test_a_function_gives_its_value(call: Any, value: Any) -> None:
    assert resolver().value(call) == value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"Ref": "Nobody"}, r"Unresolved resource dependencies \[Nobody\]"),
        ({"Fn::GetAtt": ["Nobody", "Arn"]}, "undefined resource Nobody"),
        ({"Fn::GetAtt": ["Q", "Nothing"]}, "Nothing does not exist in schema"),
        ({"Fn::GetAtt": "Q"}, "requires two non-empty parameters"),
        ({"Fn::Select": [5, ["a"]]}, "an integer index and a list"),
        ({"Fn::Select": ["x", ["a"]]}, "Fn::Select"),
        ({"Fn::FindInMap": ["Sizes", "prod", "Cpu"]}, "Unable to get mapping for Sizes::prod::Cpu"),
        ({"Fn::If": ["Missing", 1, 2]}, "Unresolved condition dependency Missing"),
        ({"Fn::Join": ["-", "abc"]}, "Fn::Join"),
        ({"Fn::Sub": ["${A}"]}, "Fn::Sub"),
        ({"Fn::Cidr": ["nonsense", 1, 8]}, "Fn::Cidr"),
        ({"Fn::Cidr": "nonsense"}, "Fn::Cidr"),
        ({"Fn::Cidr": ["10.0.0.0/24", 1, 20]}, "Fn::Cidr"),
        ({"Fn::Length": 5}, "Fn::Length"),
        ({"Fn::Magic": 1}, "Fn::Magic"),
        ({"Ref": ["a"]}, "Ref"),
        ({"Fn::GetAtt": [["a"], "b"]}, "Fn::GetAtt"),
    ],
)
def test_a_wrong_call_is_an_answer_and_never_a_crash(call: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        resolver().value(call)


def test_conditions_that_need_each_other_are_refused() -> None:
    conditions = {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::Not": [{"Condition": "A"}]}}
    with pytest.raises(ValidationError, match="circular condition dependency"):
        resolver(conditions=conditions).condition("A")


def build(resources: dict[str, Any]) -> graph.Graph:
    return graph.build(resources, known=frozenset(resources), resolver=resolver(resources={}))


def test_every_kind_of_reference_is_a_dependency() -> None:
    found = build(
        {
            "A": {}, "B": {}, "C": {}, "D": {},
            "All": {
                "DependsOn": "A",
                "Properties": {
                    "x": {"Ref": "B"},
                    "y": [{"Fn::Sub": "${C.Arn} ${Stage} ${!D}"}],
                    "z": {"Fn::Join": ["", [{"Fn::GetAtt": ["D", "Arn"]}]]},
                },
            },
        }
    )  # fmt: skip
    assert found["All"] == {"A", "B", "C", "D"}


def test_only_the_taken_branch_of_an_if_is_a_dependency() -> None:
    found = build({"A": {}, "B": {}, "C": {"Properties": {"x": {"Fn::If": ["Dev", {"Ref": "A"}, {"Ref": "B"}]}}}})
    assert found["C"] == {"A"}


def test_resources_that_need_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"Circular dependency between resources: \[A, B\]"):
        build({"A": {"Properties": {"x": {"Ref": "B"}}}, "B": {"DependsOn": ["A"]}})


def test_a_reference_to_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"Unresolved resource dependencies \[Ghost\]"):
        build({"A": {"Properties": {"x": {"Ref": "Ghost"}}}})
