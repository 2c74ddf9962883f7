"""What else tools ask about stacks, and what they get wrong."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.cloudformation.test_stacks import create, wait

QUEUE: dict[str, Any] = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}


def test_the_events_of_a_large_stack_are_listed_in_pages(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    many = {"Resources": {f"Q{number}": {"Type": "AWS::SQS::Queue"} for number in range(60)}}
    assert create(cloudformation, many)["StackStatus"] == "CREATE_COMPLETE"
    first = cloudformation.describe_stack_events(StackName="shop")
    assert len(first["StackEvents"]) == 100
    rest = cloudformation.describe_stack_events(StackName="shop", NextToken=first["NextToken"])
    assert len(rest["StackEvents"]) == 82  # three a resource, two of the stack


def test_a_stack_that_is_deleted_while_it_is_created_leaves_nothing(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    many = {"Resources": {f"Q{number}": {"Type": "AWS::SQS::Queue"} for number in range(60)}}
    stack_id = cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps(many))["StackId"]
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert "QueueUrls" not in aws("sqs").list_queues()


def test_a_retained_resource_outlives_its_stack(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    kept = {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain", "Properties": {"QueueName": "kept"}}
    stack = create(cloudformation, {"Resources": {"Kept": kept, "Gone": {"Type": "AWS::SQS::Queue"}}})
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    (url,) = aws("sqs").list_queues()["QueueUrls"]
    assert url.endswith("/kept")


def test_a_failed_update_restores_what_it_changed(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q", "DelaySeconds": 1}}
    create(cloudformation, {"Resources": {"A": queue}})
    changed = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q", "DelaySeconds": 2}}
    bad = {"Type": "AWS::SQS::Queue", "DependsOn": "A", "Properties": {"DelaySeconds": 99999}}
    cloudformation.update_stack(StackName="shop", TemplateBody=json.dumps({"Resources": {"A": changed, "B": bad}}))
    assert wait(cloudformation)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    (url,) = aws("sqs").list_queues()["QueueUrls"]
    attributes = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["DelaySeconds"] == "1"
    assert json.loads(json.dumps(cloudformation.get_template(StackName="shop")["TemplateBody"])) == {
        "Resources": {"A": queue}
    }


def test_a_protected_stack_cannot_be_deleted(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, QUEUE, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName="shop")
    cloudformation.update_termination_protection(StackName="shop", EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName="shop")


def test_a_name_is_taken_until_its_stack_is_deleted(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, QUEUE)
    with pytest.raises(cloudformation.exceptions.AlreadyExistsException, match=r"Stack \[shop\] already exists"):
        cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps(QUEUE))


def test_a_template_is_read_from_s3(aws: Aws) -> None:
    s3, cloudformation = aws("s3"), aws("cloudformation")
    bucket = f"templates-{time.time_ns()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/shop.json", Body=json.dumps(QUEUE).encode())
    host = s3.meta.endpoint_url.removeprefix("http://")
    port = host.rpartition(":")[2]
    for url in (
        f"http://{host}/{bucket}/a/shop.json",
        f"http://{bucket}.s3.localhost:{port}/a/shop.json",
        f"https://s3.amazonaws.com/{bucket}/a/shop.json",
        f"https://{bucket}.s3.us-east-1.amazonaws.com/a/shop.json",
    ):
        assert cloudformation.get_template_summary(TemplateURL=url)["ResourceTypes"] == ["AWS::SQS::Queue"]
    with pytest.raises(ClientError, match="S3 error"):
        cloudformation.create_stack(StackName="shop", TemplateURL=f"http://{host}/{bucket}/nothing")


def test_a_summary_names_parameters_types_and_capabilities(aws: Aws) -> None:
    template = {
        "Description": "d",
        "Parameters": {"P": {"Type": "String", "Default": "x", "AllowedValues": ["x", "y"], "NoEcho": True}},
        "Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}},
    }
    cloudformation = aws("cloudformation")
    summary = cloudformation.get_template_summary(TemplateBody=json.dumps(template))
    assert summary["Parameters"][0]["ParameterConstraints"] == {"AllowedValues": ["x", "y"]}
    assert summary["Capabilities"] == ["CAPABILITY_IAM"]
    assert summary["ResourceTypes"] == ["AWS::IAM::Role"]
    validated = cloudformation.validate_template(TemplateBody=json.dumps(template))
    assert validated["Parameters"] == [{"ParameterKey": "P", "DefaultValue": "x", "NoEcho": True}]


def test_a_resource_is_described_by_its_names(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, QUEUE)
    detail = cloudformation.describe_stack_resource(StackName="shop", LogicalResourceId="Q")["StackResourceDetail"]
    assert detail["ResourceStatus"] == "CREATE_COMPLETE"
    found = cloudformation.describe_stack_resources(PhysicalResourceId=detail["PhysicalResourceId"])
    assert [item["LogicalResourceId"] for item in found["StackResources"]] == ["Q"]
    with pytest.raises(ClientError, match="Resource X does not exist for stack shop"):
        cloudformation.describe_stack_resource(StackName="shop", LogicalResourceId="X")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"Resources": {"Fn::ForEach::A": ["X", ["a"], {"Q${X}": {}}]}}, "Fn::ForEach"),
        ({**QUEUE, "Rules": {"R": {}}}, "Rule R must have a list of Assertions"),
        ({**QUEUE, "Rules": {"R": {"Assertions": [{"Assert": {"Fn::Contains": [["a"], "b"]}}]}}}, "Rule R failed"),
        ({**QUEUE, "Hooks": {}}, "Hooks is not implemented"),
        ({**QUEUE, "Parameters": {"P": {"Type": "String", "MinLength": "x"}}}, "/Parameters/P/MinLength"),
        ({**QUEUE, "Parameters": {"P": {"Type": "String", "AllowedPattern": "["}}}, "regular expression"),
        ({**QUEUE, "Outputs": {"O": {"Value": "x", "Export": 1}}}, "Export must have a Name"),
        ({**QUEUE, "Outputs": {"O": {"Value": {"Ref": ["Q"]}}}}, "Ref object must have a single String"),
        (
            {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": [None]}}}},
            "#/Tags/0: 'null' values are not allowed",
        ),
        ({**QUEUE, "Parameters": {"P": {}}}, "Parameter"),
        ({**QUEUE, "Parameters": {"P": "x"}}, "Parameter"),
        ({**QUEUE, "Outputs": {"O": {"Value": {"Ref": "Ghost"}}}}, r"Unresolved resource dependencies \[Ghost\]"),
        (
            {
                "Conditions": {"No": {"Fn::Equals": ["a", "b"]}},
                "Resources": {**QUEUE["Resources"], "P": {"Type": "AWS::SQS::Queue", "Condition": "No"}},
                "Outputs": {"O": {"Value": {"Ref": "P"}}},
            },
            r"Unresolved resource dependencies \[P\] in the Outputs block",
        ),
        ({**QUEUE, "Conditions": {"C": "x"}}, "condition"),
        ({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Condition": "No"}}}, "condition dependency No"),
        ({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Condition": ["No"]}}}, "ondition"),
        ({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "DependsOn": {"a": 1}}}}, "DependsOn"),
        ({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "DependsOn": "Z"}}}, r"dependencies \[Z\]"),
        (
            {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": []}}}}},
            "Fn::GetAtt",
        ),
    ],
)
def test_a_broken_template_is_refused_in_words(aws: Aws, template: Any, message: str) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        aws("cloudformation").create_stack(
            StackName="shop", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_AUTO_EXPAND"]
        )
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_a_dynamic_reference_is_read_when_the_resource_is_made(aws: Aws) -> None:
    aws("ssm").put_parameter(Name="/delay", Value="7", Type="String")
    properties = {"DelaySeconds": "{{resolve:ssm:/delay}}"}
    create(aws("cloudformation"), {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": properties}}})
    (url,) = aws("sqs").list_queues()["QueueUrls"]
    attributes = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["DelaySeconds"] == "7"


def test_a_dynamic_reference_to_nothing_fails_the_resource(aws: Aws) -> None:
    properties = {"DelaySeconds": "{{resolve:ssm:/nothing}}"}
    stack = create(aws("cloudformation"), {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": properties}}})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def test_a_value_that_turns_out_wrong_fails_the_resource_and_not_the_server(aws: Aws) -> None:
    tags = {"Fn::Split": [",", "a,b"]}
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": tags}}}})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    ]
    assert any("#/Tags/0: expected type: JSONObject, found: String" in reason for reason in reasons)


def test_a_rule_that_holds_lets_the_stack_through(aws: Aws) -> None:
    old = {"Fn::Contains": [["1", "2"], {"Ref": "Version"}]}
    template = {
        **QUEUE,
        "Parameters": {"Version": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk/version"}},
        "Rules": {"Check": {"Assertions": [{"Assert": {"Fn::Not": [old]}, "AssertDescription": "too old"}]}},
    }
    aws("ssm").put_parameter(Name="/cdk/version", Value="1", Type="String")
    with pytest.raises(ClientError, match="too old"):
        create(aws("cloudformation"), template)
    aws("ssm").put_parameter(Name="/cdk/version", Value="21", Type="String", Overwrite=True)
    assert create(aws("cloudformation"), template)["StackStatus"] == "CREATE_COMPLETE"


def test_a_parameter_without_a_key_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError, match=r"\(ValidationError\).*must have a ParameterKey"):
        aws("cloudformation").create_stack(
            StackName="keyless", TemplateBody=json.dumps(QUEUE), Parameters=[{"ParameterValue": "x"}]
        )


def test_what_a_condition_leaves_out_need_not_be_there_in_fogbank(aws: Aws) -> None:
    absent = {"Type": "AWS::EC2::VPC", "Condition": "Never", "Properties": {"CidrBlock": "10.0.0.0/16"}}
    choice = {"Fn::If": ["Never", {"Days": 1}, {"Ref": "AWS::NoValue"}]}
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Statement": [trust]}, "PermissionsBoundary": choice},
    }
    conditions = {"Never": {"Fn::Equals": ["a", "b"]}}
    body = json.dumps({"Conditions": conditions, "Resources": {"Absent": absent, "Role": role}})
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(StackName="shop", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    assert wait(cloudformation)["StackStatus"] == "CREATE_COMPLETE"
    (made,) = cloudformation.list_stack_resources(StackName="shop")["StackResourceSummaries"]
    assert made["LogicalResourceId"] == "Role"
    wanted = body.replace('["a", "b"]', '["a", "a"]')
    with pytest.raises(ClientError, match=r"not implemented by Fogbank: \[AWS::EC2::VPC\]"):
        cloudformation.create_stack(StackName="other", TemplateBody=wanted, Capabilities=["CAPABILITY_IAM"])


def test_events_of_a_stack_have_times_that_tell_their_order(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, {"Resources": {f"Q{number}": {"Type": "AWS::SQS::Queue"} for number in range(10)}})
    times = [event["Timestamp"] for event in cloudformation.describe_stack_events(StackName="shop")["StackEvents"]]
    assert times == sorted(set(times), reverse=True)


def test_a_deployment_configuration_can_keep_what_a_failed_creation_made(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    bad = {"Type": "AWS::SQS::Queue", "DependsOn": "A", "Properties": {"DelaySeconds": 99999}}
    body = json.dumps({"Resources": {"A": {"Type": "AWS::SQS::Queue"}, "B": bad}})
    config = {"Mode": "STANDARD", "DisableRollback": True}
    cloudformation.create_stack(StackName="shop", TemplateBody=body, DeploymentConfig=config)
    assert wait(cloudformation)["StackStatus"] == "CREATE_FAILED"
    assert len(aws("sqs").list_queues()["QueueUrls"]) == 1
    with pytest.raises(ClientError, match="does not implement the deployment mode EXPRESS"):
        cloudformation.create_stack(StackName="fast", TemplateBody=body, DeploymentConfig={"Mode": "EXPRESS"})
