"""The tags of resources: those of their stack, and those by which CloudFormation says whose they are."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.tags import tag_list, tag_map
from tests.conftest import Aws
from tests.services.cloudformation.stacks import create, reasons, update

LOGICAL_ID = "aws:cloudformation:logical-id"
SERVICES = ["lambda.amazonaws.com", "pipes.amazonaws.com"]
TRUST = [{"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole"}]
TAGGED: dict[str, dict[str, Any]] = {
    "Alarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {"Namespace": "N", "MetricName": "M", "Period": 60, "Statistic": "Sum", "EvaluationPeriods": 1,
                       "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1},
    },
    "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}},
    "ApiKey": {"Type": "AWS::ApiGateway::ApiKey"},
    "Bucket": {"Type": "AWS::S3::Bucket"},
    "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "bus"}},
    "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Runtime": "python3.12", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                       "Code": {"ZipFile": "def handler(event, context):\n    return None\n"}},
    },
    "Group": {"Type": "AWS::Scheduler::ScheduleGroup"},
    "Log": {"Type": "AWS::Logs::LogGroup"},
    "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}},
    "Plan": {"Type": "AWS::ApiGateway::UsagePlan"},
    "Pipe": {
        "Type": "AWS::Pipes::Pipe",
        "Properties": {"RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "Source": {"Fn::GetAtt": ["Queue", "Arn"]},
                       "Target": {"Fn::GetAtt": ["Log", "Arn"]}},
    },
    "Repository": {"Type": "AWS::ECR::Repository"},
    "Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["s"]}}},
    "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "x"}},
    "Sink": {"Type": "AWS::Oam::Sink", "Properties": {"Name": "sink"}},
    "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}},
    "Topic": {"Type": "AWS::SNS::Topic"},
}  # fmt: skip
"""Resources of types whose schemas say that they get such tags."""
OTHERS: dict[str, dict[str, Any]] = {
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": TRUST}},
    },
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {"KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
                       "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]},
    },
}  # fmt: skip
"""Those that get the stack's own tags only."""


@pytest.fixture
def stack(aws: Aws) -> dict[str, Any]:
    cloudformation = aws("cloudformation")
    options = {"Tags": tag_list({"team": "blue"}), "Capabilities": ["CAPABILITY_IAM"]}
    made = create(cloudformation, {"Resources": TAGGED | OTHERS}, **options)
    assert made["StackStatus"] == "CREATE_COMPLETE", reasons(cloudformation)
    return made


def test_resources_say_whose_they_are(aws: Aws, stack: dict[str, Any]) -> None:
    assert tags_of(aws) == {logical_id: {"team": "blue"} | whose(stack, logical_id) for logical_id in TAGGED}
    sqs, dynamodb = aws("sqs"), aws("dynamodb")
    queue, table, role = (physical_id(aws, logical_id) for logical_id in ("Queue", "Table", "Role"))
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"team": "blue"}
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == tag_list({"team": "blue"})
    assert aws("iam").list_role_tags(RoleName=role)["Tags"] == tag_list({"team": "blue"})


def test_a_change_of_the_stacks_tags_leaves_what_says_whose_resources_are(aws: Aws, stack: dict[str, Any]) -> None:
    options = {"Tags": tag_list({"team": "red"}), "Capabilities": ["CAPABILITY_IAM"]}
    changed = update(aws("cloudformation"), {"Resources": TAGGED | OTHERS}, **options)
    assert changed["StackStatus"] == "UPDATE_COMPLETE", reasons(aws("cloudformation"))
    assert tags_of(aws) == {logical_id: {"team": "red"} | whose(stack, logical_id) for logical_id in TAGGED}
    # Nothing else has changed.
    assert "description" not in aws("apigateway").get_usage_plan(usagePlanId=physical_id(aws, "Plan"))


def test_what_says_whose_a_resource_is_is_not_for_others(aws: Aws, stack: dict[str, Any]) -> None:
    s3, bucket = aws("s3"), physical_id(aws, "Bucket")
    own, other = whose(stack, "Bucket"), whose(stack, "Log")

    def put(tags: dict[str, str]) -> None:
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tag_list(tags)})

    put({"mine": "x"} | own)
    assert tag_map(s3.get_bucket_tagging(Bucket=bucket)["TagSet"]) == {"mine": "x"} | own
    with pytest.raises(ClientError, match=r"InvalidTag.*System tags cannot be removed by requester"):
        put({"mine": "x"})
    with pytest.raises(ClientError, match=r"InvalidTag.*System tags cannot be removed by requester"):
        s3.delete_bucket_tagging(Bucket=bucket)
    with pytest.raises(ClientError, match=r"InvalidTag.*System tags cannot be added/updated by requester"):
        put(own | other)
    for service, operation, given in (
        ("secretsmanager", "tag_resource", {"SecretId": physical_id(aws, "Secret"), "Tags": tag_list(other)}),
        ("kinesis", "add_tags_to_stream", {"StreamName": physical_id(aws, "Stream"), "Tags": other}),
        ("ssm", "add_tags_to_resource",
         {"ResourceType": "Parameter", "ResourceId": physical_id(aws, "Parameter"), "Tags": tag_list(other)}),
    ):  # fmt: skip
        with pytest.raises(ClientError, match="aws:"):
            getattr(aws(service), operation)(**given)
    tagging, arn = aws("resourcegroupstaggingapi"), f"arn:aws:s3:::{bucket}"
    with pytest.raises(ClientError, match="aws:"):
        tagging.untag_resources(ResourceARNList=[arn], TagKeys=list(own))
    # Others beside them are as before.
    aws("kinesis").add_tags_to_stream(StreamName=physical_id(aws, "Stream"), Tags={"mine": "x"})


def physical_id(aws: Aws, logical_id: str) -> str:
    found = aws("cloudformation").describe_stack_resource(StackName="shop", LogicalResourceId=logical_id)
    physical: str = found["StackResourceDetail"]["PhysicalResourceId"]
    return physical


def tags_of(aws: Aws) -> dict[str, dict[str, str]]:
    """The tags of all resources that say whose they are, by their logical ids."""
    found = [
        tag_map(each["Tags"]) for each in aws("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"]
    ]
    return {tags[LOGICAL_ID]: tags for tags in found if LOGICAL_ID in tags}


def whose(stack: dict[str, Any], logical_id: str) -> dict[str, str]:
    told = {"logical-id": logical_id, "stack-id": stack["StackId"], "stack-name": stack["StackName"]}
    return {f"aws:cloudformation:{name}": value for name, value in told.items()}
