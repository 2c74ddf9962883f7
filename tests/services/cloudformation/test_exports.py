"""Values that one stack exports and another imports."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.cloudformation.test_stacks import wait

GIVER = json.dumps({
    "Resources": {"Q": {"Type": "AWS::SQS::Queue"}},
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Q", "Arn"]}, "Export": {"Name": "shop-arn"}}},
})  # fmt: skip
TAKER = json.dumps({
    "Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {
        "Type": "String", "Name": "/taken", "Value": {"Fn::ImportValue": "shop-arn"}}}},
})  # fmt: skip


def test_an_export_is_imported_and_cannot_go_while_it_is(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(StackName="giver", TemplateBody=GIVER)
    assert wait(cloudformation, "giver")["StackStatus"] == "CREATE_COMPLETE"
    (export,) = cloudformation.list_exports()["Exports"]
    assert export["Name"] == "shop-arn"
    with pytest.raises(ClientError, match="Export 'shop-arn' is not imported by any stack"):
        cloudformation.list_imports(ExportName="shop-arn")

    cloudformation.create_stack(StackName="taker", TemplateBody=TAKER)
    assert wait(cloudformation, "taker")["StackStatus"] == "CREATE_COMPLETE"
    assert aws("ssm").get_parameter(Name="/taken")["Parameter"]["Value"] == export["Value"]
    assert cloudformation.list_imports(ExportName="shop-arn")["Imports"] == ["taker"]
    with pytest.raises(ClientError, match="export shop-arn as it is in use by taker"):
        cloudformation.delete_stack(StackName="giver")

    cloudformation.delete_stack(StackName="taker")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="taker", WaiterConfig={"Delay": 0})
    cloudformation.delete_stack(StackName="giver")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="giver", WaiterConfig={"Delay": 0})
    assert cloudformation.list_exports()["Exports"] == []


def test_an_import_of_nothing_rolls_the_stack_back(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(StackName="taker", TemplateBody=TAKER)
    assert wait(cloudformation, "taker")["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName="taker")["StackEvents"]
    ]
    assert any("No export named shop-arn found" in reason for reason in reasons)


def test_a_name_is_exported_once_per_region(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(StackName="giver", TemplateBody=GIVER)
    wait(cloudformation, "giver")
    cloudformation.create_stack(StackName="other", TemplateBody=GIVER)
    assert wait(cloudformation, "other")["StackStatus"] == "ROLLBACK_COMPLETE"
