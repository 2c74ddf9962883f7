"""Template parameters are bound, checked and resolved."""

from typing import Any

import pytest

from fogbank.services.cloudformation import parameters
from fogbank.services.cloudformation.errors import ValidationError


def bind(spec: dict[str, Any], **given: str) -> dict[str, str]:
    return parameters.bind({"P": spec}, given, previous={})


def test_a_default_is_used_when_nothing_is_given() -> None:
    assert bind({"Type": "Number", "Default": 5}) == {"P": "5"}
    assert bind({"Type": "String", "Default": True}) == {"P": "true"}


def test_the_previous_value_is_used_when_asked_for() -> None:
    spec = {"P": {"Type": "String", "Default": "d"}}
    assert parameters.bind(spec, {}, previous={"P": "old"}, use_previous=frozenset("P")) == {"P": "old"}


@pytest.mark.parametrize(
    ("spec", "given", "message"),
    [
        ({"Type": "String"}, {}, r"Parameters: \[P\] must have values"),
        ({"Type": "String"}, {"P": "x", "Q": "y"}, r"Parameters: \[Q\] do not exist in the template"),
        (
            {"Type": "String", "AllowedValues": ["a", "b"]},
            {"P": "c"},
            "Parameter 'P' must be one of AllowedValues",
        ),
        (
            {"Type": "String", "AllowedPattern": "[a-z]+"},
            {"P": "1"},
            r"Parameter 'P' must match pattern \[a-z\]\+",
        ),
        ({"Type": "String", "MinLength": 2}, {"P": "c"}, "Parameter 'P' must contain at least 2 characters"),
        (
            {"Type": "String", "MaxLength": "2"},
            {"P": "ccc"},
            "Parameter 'P' must contain at most 2 characters",
        ),
        ({"Type": "Number"}, {"P": "many"}, "Parameter 'P' must be a number"),
        ({"Type": "Number", "MinValue": 3}, {"P": "2"}, "Parameter 'P' must be a number not less than 3"),
        ({"Type": "Number", "MaxValue": 3}, {"P": "4"}, "Parameter 'P' must be a number not greater than 3"),
        (
            {"Type": "String", "AllowedPattern": "x", "ConstraintDescription": "be x"},
            {"P": "y"},
            "Parameter 'P' failed to satisfy constraint: be x",
        ),
    ],
)
def test_a_wrong_value_is_refused(spec: dict[str, Any], given: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        bind(spec, **given)


def test_lists_are_split_and_ssm_parameters_looked_up() -> None:
    declared = {
        "L": {"Type": "CommaDelimitedList"},
        "N": {"Type": "List<Number>"},
        "S": {"Type": "AWS::SSM::Parameter::Value<String>"},
        "T": {"Type": "AWS::SSM::Parameter::Value<List<String>>"},
    }
    raw = {"L": "a, b", "N": "1,2", "S": "/x", "T": "/y"}
    stored = {"/x": "one", "/y": "p,q"}
    assert parameters.resolve(declared, raw, lookup=stored.get) == {
        "L": ["a", "b"], "N": ["1", "2"], "S": "one", "T": ["p", "q"],
    }  # fmt: skip


def test_an_ssm_parameter_that_is_missing_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"Unable to fetch parameters \[/x\] from parameter store"):
        parameters.resolve({"S": {"Type": "AWS::SSM::Parameter::Value<String>"}}, {"S": "/x"}, lookup=lambda name: None)


def test_a_secret_parameter_is_described_by_stars() -> None:
    described = parameters.describe("P", {"Type": "String", "NoEcho": True}, "hush", "hush")
    assert described == {"ParameterKey": "P", "ParameterValue": "****"}
