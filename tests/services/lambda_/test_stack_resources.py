"""Stacks with URLs, permissions, aliases and code signing; the same from SAM."""

from collections.abc import Callable
from typing import Any

from tests.services.cloudformation import stacks
from tests.services.lambda_.test_function_urls import ask

Aws = Callable[..., Any]
PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/test"


def deploy(aws: Aws, resources: dict[str, Any], wanted: dict[str, Any], *, update: bool = False) -> dict[str, str]:
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": resources,
        "Outputs": {name: {"Value": value} for name, value in wanted.items()},
    }
    change = stacks.update if update else stacks.create
    stack = change(aws("cloudformation"), template, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    assert stack["StackStatus"].endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")), stack
    return stacks.outputs(stack)


def function(**properties: Any) -> dict[str, Any]:
    code = "def handler(event, context):\n    return context.function_version\n"
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Role": "arn:aws:iam::123456789012:role/work",
            "Code": {"ZipFile": code},
            **properties,
        },
    }


def test_a_stack_has_urls_with_their_permissions(aws: Aws) -> None:
    def resources(**url: Any) -> dict[str, Any]:
        return {
            "Work": function(RecursiveLoop="Allow", RuntimeManagementConfig={"UpdateRuntimeOn": "FunctionUpdate"}),
            "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Work"}}},
            "Live": {
                "Type": "AWS::Lambda::Alias",
                "Properties": {
                    "FunctionName": {"Ref": "Work"},
                    "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
                    "Name": "live",
                },
            },
            "Url": {
                "Type": "AWS::Lambda::Url",
                "DependsOn": "Live",
                "Properties": {
                    "TargetFunctionArn": {"Fn::GetAtt": ["Work", "Arn"]},
                    "Qualifier": "live",
                    "AuthType": "NONE",
                    **url,
                },
            },
            "Public": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": {"Ref": "Live"},
                    "Action": "lambda:InvokeFunctionUrl",
                    "FunctionUrlAuthType": "NONE",
                    "Principal": "*",
                },
            },
        }

    outputs = {"Url": {"Fn::GetAtt": ["Url", "FunctionUrl"]}, "Arn": {"Ref": "Url"}}
    made = deploy(aws, resources(Cors={"AllowOrigins": ["*"], "MaxAge": "60"}), outputs)
    assert made["Arn"].endswith(":live")
    assert ask(made["Url"]).body == b"1"
    client = aws("lambda")
    name = made["Arn"].removesuffix(":live")
    assert client.get_function_url_config(FunctionName=made["Arn"])["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 60}
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    assert client.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "FunctionUpdate"
    assert deploy(aws, resources(InvokeMode="RESPONSE_STREAM"), outputs, update=True) == made
    found = client.get_function_url_config(FunctionName=made["Arn"])
    assert (found["InvokeMode"], "Cors" in found) == ("RESPONSE_STREAM", False)
    deploy(aws, {"Work": function()}, {"Name": {"Ref": "Work"}}, update=True)
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"
    assert ask(made["Url"]).status == 403


def test_a_stack_signs_its_functions_and_shares_its_layers(aws: Aws) -> None:
    signing = {
        "Type": "AWS::Lambda::CodeSigningConfig",
        "Properties": {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]}, "Description": "ours"},
    }
    outputs = {"Arn": {"Ref": "Signing"}, "Name": {"Ref": "Work"}}
    made = deploy(aws, {"Signing": signing, "Work": function(CodeSigningConfigArn={"Ref": "Signing"})}, outputs)
    client = aws("lambda")
    assert client.get_function_code_signing_config(FunctionName=made["Name"])["CodeSigningConfigArn"] == made["Arn"]
    deploy(aws, {"Signing": signing, "Work": function()}, outputs, update=True)
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName=made["Name"])


def test_a_serverless_function_has_a_url_and_an_alias(aws: Aws) -> None:
    work = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "InlineCode": "def handler(event, context):\n    return context.function_version\n",
            "AutoPublishAlias": "live",
            "FunctionUrlConfig": {"AuthType": "NONE"},
            "EventInvokeConfig": {"MaximumRetryAttempts": 0},
        },
    }
    made = deploy(aws, {"Work": work}, {"Url": {"Fn::GetAtt": ["WorkUrl", "FunctionUrl"]}, "Name": {"Ref": "Work"}})
    assert ask(made["Url"]).body == b"1"
    config = aws("lambda").get_function_event_invoke_config(FunctionName=made["Name"], Qualifier="live")
    assert config["MaximumRetryAttempts"] == 0


def test_an_alias_is_made_when_its_environments_are_there(aws: Aws) -> None:
    def resources(**alias: Any) -> dict[str, Any]:
        version = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Work"}}}
        properties = {
            "FunctionName": {"Ref": "Work"},
            "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
            "Name": "live",
            **alias,
        }
        return {
            "Work": function(),
            "Version": version,
            "Live": {"Type": "AWS::Lambda::Alias", "Properties": properties},
        }

    def provisioned() -> list[tuple[str, int]]:
        found = aws("lambda").list_provisioned_concurrency_configs(FunctionName=made["Name"])
        return [
            (row["Status"], row["AvailableProvisionedConcurrentExecutions"])
            for row in found["ProvisionedConcurrencyConfigs"]
        ]

    wanted = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": "2"}}
    made = deploy(aws, resources(**wanted, Description="first"), {"Name": {"Ref": "Work"}})
    assert provisioned() == [("READY", 2)]
    deploy(aws, resources(), {"Name": {"Ref": "Work"}}, update=True)
    assert provisioned() == []
    assert aws("lambda").get_alias(FunctionName=made["Name"], Name="live")["Description"] == ""
