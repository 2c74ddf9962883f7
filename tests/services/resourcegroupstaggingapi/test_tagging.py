"""The tagging API over the resources of every service that has tags."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.lambda_.test_invocation import create as create_function

Aws = Callable[..., Any]
LIST = [{"Key": "team", "Value": "blue"}]
MAP = {"team": "blue"}


def make_queue(aws: Aws) -> str:
    url = aws("sqs").create_queue(QueueName="q", tags=MAP)["QueueUrl"]
    arn: str = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def make_table(aws: Aws) -> str:
    made = aws("dynamodb").create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=LIST,
    )
    arn: str = made["TableDescription"]["TableArn"]
    return arn


def make_bucket(aws: Aws) -> str:
    name = f"tagged-{aws('sts').get_caller_identity()['Account']}"
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": LIST})
    return f"arn:aws:s3:::{name}"


def make_log_group(aws: Aws) -> str:
    aws("logs").create_log_group(logGroupName="g", tags=MAP)
    arn: str = aws("logs").describe_log_groups()["logGroups"][0]["logGroupArn"]
    return arn


def make_alarm(aws: Aws) -> str:
    aws("cloudwatch").put_metric_alarm(
        AlarmName="a",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Tags=LIST,
    )
    arn: str = aws("cloudwatch").describe_alarms()["MetricAlarms"][0]["AlarmArn"]
    return arn


def make_pipe(aws: Aws) -> str:
    arn = "arn:aws:sqs:us-east-1:123456789012:q"
    role = "arn:aws:iam::123456789012:role/r"
    made = aws("pipes").create_pipe(Name="p", Source=arn, Target=arn, RoleArn=role, DesiredState="STOPPED", Tags=MAP)
    found: str = made["Arn"]
    return found


MAKERS: dict[str, Callable[[Aws], str]] = {
    "sqs:queue": make_queue,
    "sns:topic": lambda aws: aws("sns").create_topic(Name="t", Tags=LIST)["TopicArn"],
    "dynamodb:table": make_table,
    "s3:bucket": make_bucket,
    "logs:log-group": make_log_group,
    "lambda:function": lambda aws: create_function(aws("lambda"), "f", "", Tags=MAP)["FunctionArn"],
    "events:event-bus": lambda aws: aws("events").create_event_bus(Name="b", Tags=LIST)["EventBusArn"],
    "events:rule": lambda aws: aws("events").put_rule(Name="r", EventPattern='{"a":[1]}', Tags=LIST)["RuleArn"],
    "scheduler:schedule-group": lambda aws: aws("scheduler").create_schedule_group(Name="g", Tags=LIST)[
        "ScheduleGroupArn"
    ],
    "pipes:pipe": make_pipe,
    "cloudwatch:alarm": make_alarm,
    "ecr:repository": lambda aws: aws("ecr").create_repository(repositoryName="images", tags=LIST)["repository"][
        "repositoryArn"
    ],
}


def listed(aws: Aws, **filters: Any) -> dict[str, dict[str, str]]:
    pages = aws("resourcegroupstaggingapi").get_paginator("get_resources").paginate(**filters)
    return {
        found["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in found["Tags"]}
        for page in pages
        for found in page["ResourceTagMappingList"]
    }


@pytest.mark.parametrize("kind", MAKERS)
def test_a_resource_of_every_service_is_found_tagged_and_untagged(aws: Aws, kind: str) -> None:
    arn = MAKERS[kind](aws)
    tagging = aws("resourcegroupstaggingapi")
    assert listed(aws, TagFilters=[{"Key": "team", "Values": ["blue", "red"]}]) == {arn: MAP}
    assert listed(aws, ResourceTypeFilters=[kind]) == listed(aws, ResourceTypeFilters=[kind.split(":")[0]])
    assert tagging.tag_resources(ResourceARNList=[arn], Tags={"cost": "1"})["FailedResourcesMap"] == {}
    assert listed(aws, ResourceARNList=[arn]) == {arn: {"team": "blue", "cost": "1"}}
    assert tagging.untag_resources(ResourceARNList=[arn], TagKeys=["team", "cost"])["FailedResourcesMap"] == {}
    assert listed(aws) == {}


def test_filters_are_all_to_match_and_types_are_kept_apart(aws: Aws) -> None:
    rule, bus = MAKERS["events:rule"](aws), MAKERS["events:event-bus"](aws)
    aws("resourcegroupstaggingapi").tag_resources(ResourceARNList=[rule], Tags={"cost": "1"})
    both = [{"Key": "team", "Values": ["blue"]}, {"Key": "cost"}]
    assert list(listed(aws, TagFilters=both)) == [rule]
    assert list(listed(aws, ResourceTypeFilters=["events:event-bus"])) == [bus]
    assert listed(aws, TagFilters=[{"Key": "team", "Values": ["red"]}]) == {}
    with pytest.raises(ClientError, match="cannot be used together"):
        listed(aws, TagFilters=both, ResourceARNList=[rule])


def test_resources_keys_and_values_come_in_pages(aws: Aws) -> None:
    sqs, tagging = aws("sqs"), aws("resourcegroupstaggingapi")
    for number in range(5):
        sqs.create_queue(QueueName=f"q{number}", tags={"team": f"t{number}", f"k{number}": "x"})
    first = tagging.get_resources(ResourcesPerPage=3)
    rest = tagging.get_resources(ResourcesPerPage=3, PaginationToken=first["PaginationToken"])
    assert [len(page["ResourceTagMappingList"]) for page in (first, rest)] == [3, 2]
    assert rest["PaginationToken"] == ""
    assert tagging.get_tag_keys()["TagKeys"] == ["k0", "k1", "k2", "k3", "k4", "team"]
    assert tagging.get_tag_values(Key="team")["TagValues"] == ["t0", "t1", "t2", "t3", "t4"]
    with pytest.raises(ClientError, match="PaginationToken is not valid"):
        tagging.get_resources(PaginationToken="%")


def test_what_cannot_be_tagged_is_told_and_the_others_are_tagged(aws: Aws) -> None:
    arn = make_queue(aws)
    lost, elsewhere = arn.replace(":q", ":lost"), arn.replace("us-east-1", "eu-west-1")
    answer = aws("resourcegroupstaggingapi").tag_resources(
        ResourceARNList=[arn, lost, elsewhere, "nonsense"], Tags={"cost": "1"}
    )
    assert set(answer["FailedResourcesMap"]) == {lost, elsewhere, "nonsense"}
    assert {failure["ErrorCode"] for failure in answer["FailedResourcesMap"].values()} == {"InvalidParameterException"}
    assert listed(aws) == {arn: {"team": "blue", "cost": "1"}}


def test_resources_of_another_region_are_not_listed(aws: Aws) -> None:
    make_queue(aws)
    assert aws("resourcegroupstaggingapi", region="eu-west-1").get_resources()["ResourceTagMappingList"] == []


def test_a_filter_without_a_key_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError, match="TagFilters must each have a Key"):
        aws("resourcegroupstaggingapi").get_resources(TagFilters=[{"Values": ["v"]}])
