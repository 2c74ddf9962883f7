"""Secrets and parameters from templates, and templates that refer to them."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.tags import given, tag_map
from tests.patience import eventually
from tests.services.logs.test_resources import run

Aws = Callable[..., Any]

TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Database": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "Description": "of the database",
                "GenerateSecretString": {
                    "SecretStringTemplate": '{"username": "admin"}',
                    "GenerateStringKey": "password",
                    "PasswordLength": 20,
                    "ExcludePunctuation": True,
                },
                "ReplicaRegions": [{"Region": "eu-west-1"}],
                "Tags": [{"Key": "a", "Value": "1"}],
            },
        },
        "Policy": {
            "Type": "AWS::SecretsManager::ResourcePolicy",
            "Properties": {
                "SecretId": {"Ref": "Database"},
                "BlockPublicPolicy": True,
                "ResourcePolicy": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                            "Action": "secretsmanager:DeleteSecret",
                            "Resource": "*",
                        }
                    ],
                },
            },
        },
        "Setting": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Type": "StringList",
                "Value": "a,b",
                "Description": "d",
                "AllowedPattern": "[a-z]",
                "Tags": {"team": "core"},
            },
        },
    },
    "Outputs": {
        "Secret": {"Value": {"Fn::GetAtt": ["Database", "Id"]}},
        "Setting": {"Value": {"Ref": "Setting"}},
        "Value": {"Value": {"Fn::GetAtt": ["Setting", "Value"]}},
    },
}


def test_a_stack_makes_changes_and_removes_secrets_and_parameters(aws: Aws) -> None:
    manager, ssm, there = aws("secretsmanager"), aws("ssm"), aws("secretsmanager", region="eu-west-1")
    outputs = run(aws, "create", TEMPLATE)
    arn, name = outputs["Secret"], outputs["Setting"]
    assert name.startswith("CFN-Setting-")
    value = json.loads(manager.get_secret_value(SecretId=arn)["SecretString"])
    assert (value["username"], len(value["password"]), value["password"].isalnum()) == ("admin", 20, True)
    described = manager.describe_secret(SecretId=arn)
    assert described["Name"].startswith("Database-")
    assert "DeleteSecret" in manager.get_resource_policy(SecretId=arn)["ResourcePolicy"]
    assert json.loads(there.get_secret_value(SecretId=described["Name"])["SecretString"]) == value
    changed = copy.deepcopy(TEMPLATE)
    changed["Resources"]["Database"]["Properties"] |= {
        "Description": "of another",
        "ReplicaRegions": [],
        "Tags": [{"Key": "b", "Value": "2"}],
    }
    del changed["Resources"]["Policy"]
    changed["Resources"]["Setting"]["Properties"] = {"Type": "String", "Value": "UPPER"}
    outputs = run(aws, "update", changed)
    assert (outputs["Secret"], outputs["Setting"], outputs["Value"]) == (arn, name, "UPPER")
    assert json.loads(manager.get_secret_value(SecretId=arn)["SecretString"]) == value
    described = manager.describe_secret(SecretId=arn)
    assert (described["Description"], given(tag_map(described["Tags"]))) == ("of another", {"b": "2"})
    assert "ResourcePolicy" not in manager.get_resource_policy(SecretId=arn)
    assert "ReplicationStatus" not in described
    (parameter,) = ssm.describe_parameters()["Parameters"]
    assert "Description" not in parameter
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert given(tag_map(tags)) == {}
    run(aws, "delete")
    with pytest.raises(manager.exceptions.ResourceNotFoundException):
        manager.describe_secret(SecretId=arn)
    assert ssm.describe_parameters()["Parameters"] == []


ROTATOR = """
import boto3, os
def handler(event, context):
    manager = boto3.client("secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    secret, token = event["SecretId"], event["ClientRequestToken"]
    if event["Step"] == "createSecret":
        manager.put_secret_value(
            SecretId=secret, ClientRequestToken=token, SecretString="rotated", VersionStages=["AWSPENDING"]
        )
    if event["Step"] == "finishSecret":
        stages = manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
        (current,) = [version for version, labels in stages.items() if "AWSCURRENT" in labels]
        manager.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )
"""


def test_a_stack_rotates_a_secret_by_its_own_function(aws: Aws) -> None:
    function = {
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Code": {"ZipFile": ROTATOR},
        "Role": "arn:aws:iam::123456789012:role/r",
        "Timeout": 30,
    }
    permission = {
        "FunctionName": {"Ref": "Rotator"},
        "Action": "lambda:InvokeFunction",
        "Principal": "secretsmanager.amazonaws.com",
    }
    schedule = {
        "SecretId": {"Ref": "Secret"},
        "RotationLambdaARN": {"Fn::GetAtt": ["Rotator", "Arn"]},
        "RotationRules": {"ScheduleExpression": "rate(10 days)", "Duration": "2h"},
    }
    template = {
        "Resources": {
            "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "first", "Name": "s"}},
            "Rotator": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Permission": {"Type": "AWS::Lambda::Permission", "Properties": permission},
            "Schedule": {
                "Type": "AWS::SecretsManager::RotationSchedule",
                "DependsOn": "Permission",
                "Properties": schedule,
            },
        }
    }
    run(aws, "create", template)
    manager = aws("secretsmanager")
    eventually(lambda: manager.get_secret_value(SecretId="s")["SecretString"] == "rotated")
    rules = manager.describe_secret(SecretId="s")["RotationRules"]
    assert rules == {"ScheduleExpression": "rate(10 days)", "Duration": "2h", "AutomaticallyAfterDays": 10}
    del template["Resources"]["Schedule"]
    run(aws, "update", template)
    assert manager.describe_secret(SecretId="s")["RotationEnabled"] is False


@pytest.mark.parametrize(
    ("kind", "properties", "sentence"),
    [
        ("AWS::SecretsManager::RotationSchedule", {"HostedRotationLambda": {"RotationType": "x"}}, "HostedRotation"),
        ("AWS::SecretsManager::SecretTargetAttachment", {"TargetId": "t", "TargetType": "x"}, "SecretTargetAttachment"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_made(
    aws: Aws, kind: str, properties: dict[str, Any], sentence: str
) -> None:
    template = {"Resources": {"R": {"Type": kind, "Properties": {"SecretId": "s", **properties}}}}
    with pytest.raises(ClientError, match=f"not implemented by Fogbank.*{sentence}"):
        run(aws, "create", template)


# ---- references -------------------------------------------------------------------------------------------------


def parameter_with(value: Any) -> dict[str, Any]:
    resource = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "p", "Type": "String", "Value": value}}
    return {"Resources": {"P": resource}}


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("s", '{"user":"admin","port":5432}'),
        ("s:SecretString:user", "admin"),
        ("s:SecretString:port", "5432"),
        ("s:SecretString:user:AWSPREVIOUS", "before"),
        ("s:SecretString:user::VERSION", "before"),
        ("ARN:SecretString:user::", "admin"),
    ],
)
def test_a_reference_to_a_secret_is_known_to_the_resource_and_to_nothing_else(
    aws: Aws, reference: str, value: str
) -> None:
    manager, ssm = aws("secretsmanager"), aws("ssm")
    made = manager.create_secret(Name="s", SecretString='{"user":"before"}')
    manager.put_secret_value(SecretId="s", SecretString='{"user":"admin","port":5432}')
    reference = reference.replace("ARN", made["ARN"]).replace("VERSION", made["VersionId"])
    text = "{{resolve:secretsmanager:" + reference + "}}"
    run(aws, "create", parameter_with(text))
    assert ssm.get_parameter(Name="p")["Parameter"]["Value"] == value
    events = aws("cloudformation").describe_stack_events(StackName="s")["StackEvents"]
    shown = [event["ResourceProperties"] for event in events if "ResourceProperties" in event]
    assert any(text in properties for properties in shown)
    assert not any(value in properties.replace(reference, "") for properties in shown)


def test_a_reference_changes_its_resource_when_it_changes_itself(aws: Aws) -> None:
    manager, ssm = aws("secretsmanager"), aws("ssm")
    manager.create_secret(Name="s", SecretString="1")
    run(aws, "create", parameter_with("{{resolve:secretsmanager:s}}"))
    manager.put_secret_value(SecretId="s", SecretString="2")
    run(aws, "update", parameter_with("{{resolve:secretsmanager:s:SecretString}}"))
    assert ssm.get_parameter(Name="p")["Parameter"]["Value"] == "2"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("{{resolve:secretsmanager:none}}", "can't find the specified secret"),
        ("{{resolve:secretsmanager:s:SecretString:none}}", "Could not find a value associated with JSONKey"),
        ("{{resolve:secretsmanager:s:SecretBinary}}", "Invalid dynamic reference"),
        ("{{resolve:ssm:hidden}}", "Secure reference is not supported"),
    ],
)
def test_a_reference_to_nothing_fails_its_resource(aws: Aws, value: str, sentence: str) -> None:
    aws("secretsmanager").create_secret(Name="s", SecretString='{"a":1}')
    aws("ssm").put_parameter(Name="hidden", Value="x", Type="SecureString")
    stacks = aws("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=json.dumps(parameter_with(value)), OnFailure="DO_NOTHING")
    eventually(lambda: stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_FAILED")
    reasons = [
        event.get("ResourceStatusReason", "") for event in stacks.describe_stack_events(StackName="s")["StackEvents"]
    ]
    assert any(sentence in reason for reason in reasons)


def test_a_secure_parameter_is_referred_to_only_where_that_is_allowed(aws: Aws) -> None:
    aws("ssm").put_parameter(Name="hidden", Value="Correct-horse-1", Type="SecureString")
    text = "{{resolve:ssm-secure:hidden:1}}"
    with pytest.raises(
        ClientError, match=r"SSM Secure reference is not supported in: \[AWS::SSM::Parameter/Properties"
    ):
        run(aws, "create", parameter_with(text))
    user = {"Type": "AWS::IAM::User", "Properties": {"UserName": "u", "LoginProfile": {"Password": text}}}
    run(aws, "create", {"Resources": {"U": user}}, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert aws("iam").get_login_profile(UserName="u")["LoginProfile"]["UserName"] == "u"


def test_a_template_takes_plain_parameters_at_any_version_and_no_secure_ones(aws: Aws) -> None:
    ssm = aws("ssm")
    for value in "12":
        ssm.put_parameter(Name="given", Value=value, Type="String", Overwrite=True)
    ssm.put_parameter(Name="hidden", Value="x", Type="SecureString")
    template = parameter_with({"Fn::Sub": "${Given} {{resolve:ssm:given:1}} {{resolve:ssm:given}}"})
    template["Parameters"] = {"Given": {"Type": "AWS::SSM::Parameter::Value<String>"}}
    run(aws, "create", template, Parameters=[{"ParameterKey": "Given", "ParameterValue": "given"}])
    assert ssm.get_parameter(Name="p")["Parameter"]["Value"] == "2 1 2"
    with pytest.raises(ClientError, match="have types not supported by CloudFormation"):
        run(aws, "update", template, Parameters=[{"ParameterKey": "Given", "ParameterValue": "hidden"}])
