"""Template text becomes data."""

from typing import Any

import pytest

from fogbank.services.cloudformation import template
from fogbank.services.cloudformation.errors import ValidationError

QUEUE = "Resources: {Q: {Type: AWS::SQS::Queue}}\n"


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("!Ref A", {"Ref": "A"}),
        ("!Condition A", {"Condition": "A"}),
        ("!GetAtt A.B.C", {"Fn::GetAtt": ["A", "B.C"]}),
        ("!GetAtt [A, B]", {"Fn::GetAtt": ["A", "B"]}),
        ('!Sub "${A}-x"', {"Fn::Sub": "${A}-x"}),
        ("!Sub ['${A}', {A: !Ref B}]", {"Fn::Sub": ["${A}", {"A": {"Ref": "B"}}]}),
        ("!Join [',', [!Ref A, b]]", {"Fn::Join": [",", [{"Ref": "A"}, "b"]]}),
        ("!If [C, 1, !Ref AWS::NoValue]", {"Fn::If": ["C", 1, {"Ref": "AWS::NoValue"}]}),
        ("!GetAZs ''", {"Fn::GetAZs": ""}),
        ("!Base64 {Ref: A}", {"Fn::Base64": {"Ref": "A"}}),
        ("Fn::Base64: !Sub x", {"Fn::Base64": {"Fn::Sub": "x"}}),
    ],
)
def test_a_short_tag_is_its_long_form(short: str, long: Any) -> None:
    nested = "\n    ".join(short.splitlines())
    assert template.load(f"{QUEUE}Metadata:\n  It:\n    {nested}")["Metadata"]["It"] == long


def test_a_date_stays_the_text_it_was_written_as() -> None:
    assert template.load("AWSTemplateFormatVersion: 2010-09-09\n" + QUEUE)["AWSTemplateFormatVersion"] == "2010-09-09"


def test_json_and_yaml_give_the_same_template() -> None:
    assert template.load('{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}') == template.load(QUEUE)


def test_a_yaml_flow_mapping_is_no_broken_json() -> None:
    assert template.load("{Resources: {Q: {Type: AWS::SQS::Queue}}}") == template.load(QUEUE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unsupported structure"),
        ("- a", "unsupported structure"),
        ("A: [", "YAML not well-formed"),
        ('{"A": {},\n "B": {}, ]}', r"JSON not well-formed. \(line 2, column 11\)"),
        ("A: &x 1\nB: *x", "aliases are not allowed"),
        ("[" * 20_000, "nested too deeply"),
        ('{"A": ' * 20_000, "nested too deeply"),
    ],
)
def test_what_is_no_template_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        template.load(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Resources: {}", "At least one Resources member must be defined"),
        ("Ressources: {}\n" + QUEUE, r"Invalid template property or properties \[Ressources\]"),
        ("AWSTemplateFormatVersion: '2011-01-01'\n" + QUEUE, "2011-01-01"),
        ("Resources: {a-b: {Type: AWS::SQS::Queue}}", "Resource name a-b is non alphanumeric"),
        (
            "Resources: {A: {Properties: {}}}",
            r"\[/Resources/A\] Every Resources object must contain a Type member",
        ),
        (
            "Resources: {A: {Type: AWS::SQS::Queue, Propertys: {}}}",
            "Invalid template resource property 'Propertys'",
        ),
    ],
)
def test_a_wrong_outline_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        template.parse(text)
