"""Tables from CloudFormation templates."""

import json
from typing import Any

import pytest

from tests.conftest import Aws

HOME, AWAY = "us-east-1", "eu-west-1"


def table(kind: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": f"AWS::DynamoDB::{kind}",
        "Properties": {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            **properties,
        },
    }


def template(resource: dict[str, Any]) -> str:
    outputs = {"Name": {"Value": {"Ref": "Table"}}, "Arn": {"Value": {"Fn::GetAtt": ["Table", "Arn"]}}}
    return json.dumps({"Resources": {"Table": resource}, "Outputs": outputs})


def deploy(aws: Aws, resource: dict[str, Any], *, update: bool = False) -> dict[str, str]:
    cloudformation = aws("cloudformation")
    act = cloudformation.update_stack if update else cloudformation.create_stack
    act(StackName="tables", TemplateBody=template(resource))
    waiter = cloudformation.get_waiter("stack_update_complete" if update else "stack_create_complete")
    waiter.wait(StackName="tables", WaiterConfig={"Delay": 1})
    (stack,) = cloudformation.describe_stacks(StackName="tables")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def test_a_global_table_has_its_replicas_and_loses_those_that_its_template_drops(aws: Aws) -> None:
    stream = {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    home = {"Region": HOME, "Tags": [{"Key": "where", "Value": "home"}]}
    away = {"Region": AWAY, "TableClass": "STANDARD_INFREQUENT_ACCESS", "Tags": [{"Key": "where", "Value": "away"}]}

    name = deploy(aws, table("GlobalTable", StreamSpecification=stream, Replicas=[home, away]))["Name"]

    described = {
        region: aws("dynamodb", region=region).describe_table(TableName=name)["Table"] for region in (HOME, AWAY)
    }
    assert described[HOME]["Replicas"][0]["RegionName"] == AWAY
    assert described[AWAY]["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    assert "LatestStreamArn" in described[AWAY]
    for region, where in ((HOME, "home"), (AWAY, "away")):
        arn = described[region]["TableArn"]
        assert aws("dynamodb", region=region).list_tags_of_resource(ResourceArn=arn)["Tags"] == [
            {"Key": "where", "Value": where}
        ]
    deploy(aws, table("GlobalTable", StreamSpecification=stream, Replicas=[home]), update=True)
    with pytest.raises(aws("dynamodb").exceptions.ResourceNotFoundException):
        aws("dynamodb", region=AWAY).describe_table(TableName=name)
    aws("cloudformation").delete_stack(StackName="tables")
    aws("dynamodb").get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def test_a_tables_warm_throughput_and_insights_follow_its_template(aws: Aws) -> None:
    name = deploy(aws, table("Table", ContributorInsightsSpecification={"Enabled": True}))["Name"]
    dynamodb = aws("dynamodb")
    assert dynamodb.describe_contributor_insights(TableName=name)["ContributorInsightsStatus"] == "ENABLED"

    warm = {"ReadUnitsPerSecond": 13_000, "WriteUnitsPerSecond": 5_000}
    deploy(aws, table("Table", WarmThroughput=warm), update=True)

    assert dynamodb.describe_table(TableName=name)["Table"]["WarmThroughput"] == {**warm, "Status": "ACTIVE"}
    assert dynamodb.describe_contributor_insights(TableName=name)["ContributorInsightsStatus"] == "DISABLED"


def test_a_global_table_goes_with_all_of_its_replicas(aws: Aws) -> None:
    name = deploy(aws, table("GlobalTable", Replicas=[{"Region": HOME}, {"Region": AWAY}]))["Name"]

    aws("cloudformation").delete_stack(StackName="tables")

    for region in (AWAY, HOME):
        waiter = aws("dynamodb", region=region).get_waiter("table_not_exists")
        waiter.wait(TableName=name, WaiterConfig={"Delay": 1})


def test_a_tables_policy_and_maximum_throughput_follow_its_template(aws: Aws) -> None:
    dynamodb = aws("dynamodb")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    settings = {"OnDemandThroughput": {"MaxReadRequestUnits": 7}, "ResourcePolicy": {"PolicyDocument": policy}}

    arn = deploy(aws, table("Table", **settings))["Arn"]
    kept = json.loads(dynamodb.get_resource_policy(ResourceArn=arn)["Policy"])
    maximum = dynamodb.describe_table(TableName=arn)["Table"]["OnDemandThroughput"]
    deploy(aws, table("Table"), update=True)

    assert kept == policy
    assert maximum["MaxReadRequestUnits"] == 7
    assert "OnDemandThroughput" not in dynamodb.describe_table(TableName=arn)["Table"]
    with pytest.raises(dynamodb.exceptions.PolicyNotFoundException):
        dynamodb.get_resource_policy(ResourceArn=arn)
