"""Resources that somebody's function, or whoever listens to a topic, makes."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.conftest import Aws, MovableClock
from tests.packages import zipped
from tests.queues import taken
from tests.services.cloudformation.stacks import create, outputs, reasons, update, wait, wait_for

CODE = """
import json, urllib.request

def handler(event, context):
    properties = event["ResourceProperties"]
    answer = {
        "Status": properties.get("Fail" + event["RequestType"], "SUCCESS"), "Reason": "because",
        "PhysicalResourceId": properties["Id"], "StackId": event["StackId"], "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"], "NoEcho": properties.get("Hide") == "true",
        "Data": {"Told": event["RequestType"] + ":" + json.dumps(properties.get("Number"))},
    }
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], data=body, method="PUT"))
    print("ASKED", event["RequestType"], event.get("PhysicalResourceId"), properties["Id"])
"""
INLINE = """
import cfnresponse

def handler(event, context):
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Told": event["RequestType"]}, "inline")
"""


@pytest.fixture
def function(aws: Aws) -> str:
    made = aws("lambda").create_function(
        FunctionName="maker", Runtime="python3.12", Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/maker", Code={"ZipFile": zipped({"index.py": CODE})},
    )  # fmt: skip
    arn: str = made["FunctionArn"]
    return arn


def template(token: Any, **properties: Any) -> dict[str, Any]:
    return {
        "Resources": {"Thing": {"Type": "Custom::Thing", "Properties": {"ServiceToken": token, **properties}}},
        "Outputs": {"Ref": {"Value": {"Ref": "Thing"}}, "Told": {"Value": {"Fn::GetAtt": ["Thing", "Told"]}}},
    }


def asked(aws: Aws) -> list[str]:
    """What the function was asked to do, from its log."""
    events = aws("logs").filter_log_events(logGroupName="/aws/lambda/maker", filterPattern="ASKED")["events"]
    return [event["message"].strip().removeprefix("ASKED ") for event in events]


def test_a_function_with_inline_code_answers_by_the_module_that_is_beside_it(aws: Aws) -> None:
    wanted = template({"Fn::GetAtt": ["Maker", "Arn"]})
    wanted["Resources"]["Maker"] = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Role": "arn:aws:iam::000000000000:role/maker",
            "Code": {"ZipFile": INLINE},
        },
    }
    stack = create(aws("cloudformation"), wanted)
    assert outputs(stack) == {"Ref": "inline", "Told": "Create"}


def test_a_function_makes_changes_and_deletes_a_resource(aws: Aws, function: str) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, template(function, Id="one", Number=5))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack) == {"Ref": "one", "Told": 'Create:"5"'}
    stack = update(cloudformation, template(function, Id="one", Number=6))
    assert outputs(stack) == {"Ref": "one", "Told": 'Update:"6"'}
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_new_physical_id_is_a_replacement_whose_former_is_deleted(aws: Aws, function: str) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template(function, Id="one"))
    stack = update(cloudformation, template(function, Id="two"))
    assert outputs(stack)["Ref"] == "two"
    events = cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    assert ("DELETE_COMPLETE", "one") in [(e["ResourceStatus"], e["PhysicalResourceId"]) for e in events]


def test_what_the_function_cannot_make_fails_the_stack_and_is_deleted(aws: Aws, function: str) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, template(function, Id="one", FailCreate="FAILED"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(
        reason.startswith(
            "Received response status [FAILED] from custom resource. Message returned: because (RequestId: "
        )
        for reason in reasons(cloudformation)
    )


def test_a_resource_can_keep_its_attributes_out_of_the_outputs(aws: Aws, function: str) -> None:
    stack = create(aws("cloudformation"), template(function, Id="one", Hide="true"))
    assert outputs(stack) == {"Ref": "one", "Told": "****"}


def test_who_does_not_answer_in_time_fails_the_stack(aws: Aws, clock: MovableClock) -> None:
    topic = aws("sns").create_topic(Name="makers")["TopicArn"]
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName="shop", TemplateBody=json.dumps(template(topic, ServiceTimeout=60)), OnFailure="DO_NOTHING"
    )
    wait_for(cloudformation, "Thing", "CREATE_IN_PROGRESS")
    clock.advance(s=61)
    assert wait(cloudformation)["StackStatus"] == "CREATE_FAILED"
    assert any("did not receive a response" in reason for reason in reasons(cloudformation))


def test_a_topic_s_listener_answers_by_a_signed_put(aws: Aws) -> None:
    sqs, sns, cloudformation = aws("sqs"), aws("sns"), aws("cloudformation")
    topic = sns.create_topic(Name="makers")["TopicArn"]
    url = sqs.create_queue(QueueName="makers")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{topic.split(':')[4]}:makers")
    cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps(template(topic, Size=3)))
    (message,) = taken(sqs, url, 1)
    envelope = json.loads(message["Body"])
    assert envelope["Subject"] == "AWS CloudFormation custom resource request"
    request = json.loads(envelope["Message"])
    assert request["ResourceProperties"] == {"ServiceToken": topic, "Size": "3"}
    answer = {
        "Status": "SUCCESS", "PhysicalResourceId": "it", "Data": {"Told": "yes"},
        **{name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }  # fmt: skip
    forged = request["ResponseURL"].replace("Expires=1", "Expires=2")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        put(forged, answer)
    put(request["ResponseURL"], answer)
    assert outputs(wait(cloudformation)) == {"Ref": "it", "Told": "yes"}


def put(url: str, answer: Any) -> None:
    urllib.request.urlopen(urllib.request.Request(url, data=json.dumps(answer).encode(), method="PUT"))


def test_a_function_that_cannot_be_run_fails_the_stack_at_once(aws: Aws, function: str) -> None:
    aws("lambda").update_function_configuration(FunctionName="maker", Runtime="ruby3.3")
    cloudformation = aws("cloudformation")
    assert create(cloudformation, template(function, Id="a"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("Functions of runtime ruby3.3 cannot be run" in reason for reason in reasons(cloudformation))
