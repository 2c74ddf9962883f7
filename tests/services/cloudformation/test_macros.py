"""Macros, AWS::Include and the language extensions."""

import json
from typing import Any

import pytest

from tests.conftest import Aws
from tests.packages import zipped
from tests.services.cloudformation.stacks import body, create, queues, reasons, update, wait

MACRO = """
def handler(event, context):
    fragment, parameters = event["fragment"], event["params"]
    answer = {"requestId": event["requestId"], "status": "success", "fragment": fragment}
    if parameters.get("Fail") == "silently":
        answer["status"] = "failure"
    elif parameters.get("Fail") == "oddly":
        return "what?"
    elif parameters.get("Fail"):
        answer |= {"status": "failure", "errorMessage": parameters["Fail"]}
    elif "Resources" in fragment:
        fragment["Resources"]["Added"] = {"Type": "AWS::SQS::Queue", "Properties": {
            "QueueName": "added-" + event["templateParameterValues"].get("Stage", "none")}}
    else:
        answer["fragment"] = {**fragment, "QueueName": parameters["Name"]}
    return answer
"""
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "plain"}}
EXPAND = ["CAPABILITY_AUTO_EXPAND"]


@pytest.fixture
def macro(aws: Aws) -> None:
    aws("lambda").create_function(
        FunctionName="rewrite", Runtime="python3.12", Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/rewrite", Code={"ZipFile": zipped({"index.py": MACRO})},
    )  # fmt: skip
    resource = {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": "Rewrite", "FunctionName": "rewrite"}}
    create(aws("cloudformation"), {"Resources": {"M": resource}}, "macros")


@pytest.mark.usefixtures("macro")
def test_a_macro_rewrites_the_whole_template(aws: Aws) -> None:
    template = {
        "Transform": ["Rewrite"],
        "Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
        "Resources": {"Q": QUEUE},
    }
    cloudformation = aws("cloudformation")
    assert create(cloudformation, template, Capabilities=EXPAND)["StackStatus"] == "CREATE_COMPLETE"
    assert queues(aws) == {"plain", "added-dev"}
    processed = cloudformation.get_template(StackName="shop", TemplateStage="Processed")["TemplateBody"]
    assert set(processed["Resources"]) == {"Q", "Added"}
    assert cloudformation.get_template(StackName="shop")["TemplateBody"]["Transform"] == ["Rewrite"]


@pytest.mark.usefixtures("macro")
def test_a_macro_rewrites_a_part_of_the_template(aws: Aws) -> None:
    call = {"Name": "Rewrite", "Parameters": {"Name": {"Fn::Sub": "${AWS::StackName}-named"}}}
    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"Fn::Transform": call}}}}
    create(aws("cloudformation"), template, Capabilities=EXPAND)
    assert queues(aws) == {"shop-named"}


@pytest.mark.usefixtures("macro")
@pytest.mark.parametrize(
    ("transform", "told"),
    [
        ({"Name": "Rewrite", "Parameters": {"Fail": "no way"}}, "::Rewrite failed with: no way"),
        ({"Name": "Rewrite", "Parameters": {"Fail": "silently"}}, "::Rewrite failed without an error message."),
        ({"Name": "Rewrite", "Parameters": {"Fail": "oddly"}}, "Received malformed response from transform"),
        ("Nobody", "::Nobody found."),
    ],
)
def test_a_macro_that_fails_fails_the_stack_or_the_change_set(aws: Aws, transform: Any, told: str) -> None:
    template = {"Transform": [transform], "Resources": {"Q": QUEUE}}
    cloudformation = aws("cloudformation")
    assert create(cloudformation, template, Capabilities=EXPAND)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(told in reason for reason in reasons(cloudformation))
    cloudformation.create_change_set(
        StackName="other", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=body(template)
    )
    described = cloudformation.describe_change_set(StackName="other", ChangeSetName="one")
    assert described["Status"] == "FAILED"
    assert told in described["StatusReason"]


def test_a_part_of_a_template_is_included_from_s3(aws: Aws, account: str) -> None:
    aws("s3").create_bucket(Bucket=f"parts-{account}")
    aws("s3").put_object(Bucket=f"parts-{account}", Key="part.yaml", Body=b"QueueName: !Sub '${AWS::StackName}-q'\n")
    call = {"Name": "AWS::Include", "Parameters": {"Location": f"s3://parts-{account}/part.yaml"}}
    properties = {"DelaySeconds": 3, "Fn::Transform": call}
    create(
        aws("cloudformation"), {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": properties}}},
        Capabilities=EXPAND,
    )  # fmt: skip
    assert queues(aws) == {"shop-q"}


def extended(**sections: Any) -> dict[str, Any]:
    return {"Transform": "AWS::LanguageExtensions", **sections}


def test_a_loop_makes_resources_and_outputs(aws: Aws) -> None:
    loop = ["Name", {"Ref": "Names"}, {"Queue&{Name}": {
        "Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "q-${Name}"}},
    }}]  # fmt: skip
    shown = ["Name", {"Ref": "Names"}, {"Arn&{Name}": {"Value": {"Fn::GetAtt": [{"Fn::Sub": "Queue${Name}"}, "Arn"]}}}]
    template = extended(
        Parameters={"Names": {"Type": "CommaDelimitedList", "Default": "a,b-1"}},
        Resources={"Fn::ForEach::Queues": loop},
        Outputs={"Fn::ForEach::Arns": [shown[0], ["a"], shown[2]]},
    )
    stack = create(aws("cloudformation"), template, Capabilities=EXPAND)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert queues(aws) == {"q-a", "q-b-1"}
    assert stack["Outputs"][0]["OutputKey"] == "Arna"


def test_loops_nest(aws: Aws) -> None:
    inner = ["Size", ["s", "l"], {"${Color}${Size}": {
        "Type": "AWS::SQS::Queue", "Properties": {"QueueName": "${Color}-${Size}"},
    }}]  # fmt: skip
    loop = ["Color", ["red", "blue"], {"Fn::ForEach::Sizes": inner}]
    create(aws("cloudformation"), extended(Resources={"Fn::ForEach::Colors": loop}), Capabilities=EXPAND)
    assert queues(aws) == {"red-s", "red-l", "blue-s", "blue-l"}


def test_lengths_texts_and_defaults_are_known_before_the_deployment(aws: Aws) -> None:
    template = extended(
        Mappings={"Delays": {"prod": {"Seconds": 5}}},
        Parameters={"Stage": {"Type": "String", "Default": "dev"}, "Keep": {"Type": "String", "Default": "Retain"}},
        Resources={
            "Q": {
                "Type": "AWS::SQS::Queue",
                "DeletionPolicy": {"Ref": "Keep"},
                "Properties": {
                    "QueueName": "kept",
                    "VisibilityTimeout": {"Fn::Length": ["a", "b", "c"]},
                    "DelaySeconds": {"Fn::FindInMap": ["Delays", {"Ref": "Stage"}, "Seconds", {"DefaultValue": 7}]},
                    "Tags": [{"Key": "k", "Value": {"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}}],
                },
            }
        },
    )
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, template, Capabilities=EXPAND)
    processed = cloudformation.get_template(StackName="shop", TemplateStage="Processed")["TemplateBody"]
    assert processed["Resources"]["Q"] == {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "Properties": {
            "QueueName": "kept", "VisibilityTimeout": 3, "DelaySeconds": 7,
            "Tags": [{"Key": "k", "Value": '{"a":"dev"}'}],
        },
    }  # fmt: skip
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert queues(aws) == {"kept"}


def test_the_extensions_need_their_transform(aws: Aws) -> None:
    properties = {"VisibilityTimeout": {"Fn::Length": ["a"]}}
    with pytest.raises(Exception, match=r"Fn::Length needs the transform AWS::LanguageExtensions"):
        create(aws("cloudformation"), {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": properties}}})


def test_a_change_of_the_macro_s_work_is_an_update(aws: Aws) -> None:
    template = extended(Resources={"Fn::ForEach::Q": ["N", ["a"], {"Q${N}": {"Type": "AWS::SQS::Queue"}}]})
    cloudformation = aws("cloudformation")
    create(cloudformation, template, Capabilities=EXPAND)
    template["Resources"]["Fn::ForEach::Q"][1] = ["a", "b"]
    assert update(cloudformation, json.dumps(template), Capabilities=EXPAND)["StackStatus"] == "UPDATE_COMPLETE"
    assert len(queues(aws)) == 2


def test_an_update_of_a_transformed_template_never_finds_nothing_to_do(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, extended(Resources={"Q": QUEUE}), Capabilities=EXPAND)
    stack = update(cloudformation, extended(Resources={"Q": QUEUE}), Capabilities=EXPAND)
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
