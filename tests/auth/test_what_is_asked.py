"""What operations need, found out by a user who gets exactly what the last refusal named, until there is none."""

import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, User

_REFUSED = re.compile(r"""is not authorized to perform: (\S+) on resource: "?([^\s"]+)""")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/handed-over"
EVENTS = f"arn:aws:events:us-east-1:{ACCOUNT}"
GLUE = f"arn:aws:glue:us-east-1:{ACCOUNT}"
KINESIS = f"arn:aws:kinesis:us-east-1:{ACCOUNT}"
SCHEDULER = f"arn:aws:scheduler:us-east-1:{ACCOUNT}"
STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack"
APIS = "arn:aws:apigateway:us-east-1::/restapis"
PIPE = f"arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/p"
DELIVERY = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/d"
REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/repo"
TARGET = f"arn:aws:application-autoscaling:us-east-1:{ACCOUNT}:scalable-target/*"
SCALED = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/t",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}
BUCKET = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::nowhere"}
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
SCHEDULE = {
    "Name": "s",
    "ScheduleExpression": "rate(1 day)",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": QUEUE, "RoleArn": ROLE},
}


def asked(user: User, call: Callable[..., Any], parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """The actions and resources in the order in which they are asked for."""
    found: list[tuple[str, str]] = []
    while True:
        try:
            call(**parameters)
        except ClientError as error:
            refused = _REFUSED.search(error.response["Error"]["Message"])
            if refused is None:
                return found
            found.append((refused[1], refused[2]))
            assert len(found) < 12
            user.may({"Action": refused[1], "Resource": refused[2]}, name=f"granted-{len(found)}")
        else:
            return found


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "wanted"),
    [
        ("apigateway", "get_rest_apis", {}, [("apigateway:GET", APIS)]),
        ("apigateway", "create_resource", {"restApiId": "a", "parentId": "r", "pathPart": "x"},
         [("apigateway:POST", f"{APIS}/a/resources/r")]),
        ("apigateway", "put_integration",
         {"restApiId": "a", "resourceId": "r", "httpMethod": "GET", "type": "MOCK", "credentials": ROLE},
         [("apigateway:PUT", f"{APIS}/a/resources/r/methods/GET/integration"), ("iam:PassRole", ROLE)]),
        ("apigateway", "update_account",
         {"patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn", "value": ROLE}]},
         [("apigateway:PATCH", "arn:aws:apigateway:us-east-1::/account"), ("iam:PassRole", ROLE)]),
        ("apigateway", "tag_resource", {"resourceArn": f"{APIS}/a", "tags": {"k": "v"}},
         [("apigateway:PUT", f"arn:aws:apigateway:us-east-1::/tags/{quote(APIS, safe='')}%2Fa")]),
        ("application-autoscaling", "register_scalable_target", {**SCALED, "RoleARN": ROLE, "Tags": {"k": "v"}},
         [("application-autoscaling:RegisterScalableTarget", TARGET), ("application-autoscaling:TagResource", TARGET),
          ("iam:PassRole", ROLE)]),
        ("cloudformation", "create_stack", {"StackName": "s", "TemplateBody": "{}", "RoleARN": ROLE},
         [("cloudformation:CreateStack", f"{STACK}/s/*"), ("iam:PassRole", ROLE)]),
        ("cloudformation", "describe_stacks", {},
         [("cloudformation:DescribeStacks", f"{STACK}/*/*"), ("cloudformation:ListStacks", "*")]),
        ("ecr", "describe_repositories", {"repositoryNames": ["repo"]}, [("ecr:DescribeRepositories", REPOSITORY)]),
        ("events", "put_rule", {"Name": "r", "ScheduleExpression": "rate(1 day)", "EventBusName": "b"},
         [("events:PutRule", f"{EVENTS}:rule/b/r")]),
        ("events", "put_targets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": QUEUE, "RoleArn": ROLE}]},
         [("events:PutTargets", f"{EVENTS}:rule/r"), ("iam:PassRole", ROLE)]),
        ("events", "put_events",
         {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"},
                      {"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": "b"}]},
         [("events:PutEvents", f"{EVENTS}:event-bus/default"), ("events:PutEvents", f"{EVENTS}:event-bus/b")]),
        ("firehose", "create_delivery_stream",
         {"DeliveryStreamName": "d", "ExtendedS3DestinationConfiguration": BUCKET},
         [("firehose:CreateDeliveryStream", DELIVERY), ("iam:PassRole", ROLE)]),
        ("glue", "get_table", {"DatabaseName": "D", "Name": "T"},
         [("glue:GetTable", f"{GLUE}:catalog"), ("glue:GetTable", f"{GLUE}:database/d"),
          ("glue:GetTable", f"{GLUE}:table/d/t")]),
        ("glue", "delete_database", {"Name": "d"},
         [("glue:DeleteDatabase", f"{GLUE}:{what}")
          for what in ("catalog", "database/d", "table/d/*", "userDefinedFunction/d/*")]),
        ("kinesis", "put_record", {"StreamName": "s", "Data": b"", "PartitionKey": "p"},
         [("kinesis:PutRecord", f"{KINESIS}:stream/s")]),
        ("kinesis", "describe_stream_consumer", {"StreamARN": f"{KINESIS}:stream/s", "ConsumerName": "c"},
         [("kinesis:DescribeStreamConsumer", f"{KINESIS}:stream/s/consumer/c:*")]),
        ("oam", "create_sink", {"Name": "s", "Tags": {"k": "v"}},
         [("oam:CreateSink", "*"), ("oam:TagResource", f"arn:aws:oam:us-east-1:{ACCOUNT}:sink/*")]),
        ("pipes", "create_pipe", {"Name": "p", "RoleArn": ROLE, "Source": QUEUE, "Target": QUEUE},
         [("pipes:CreatePipe", PIPE), ("iam:PassRole", ROLE)]),
        ("resourcegroupstaggingapi", "get_resources", {}, [("tag:GetResources", "*")]),
        ("s3", "create_bucket", {"Bucket": "bucket-of-nobody", "ACL": "private", "ObjectOwnership": "ObjectWriter",
                                 "ObjectLockEnabledForBucket": True,
                                 "CreateBucketConfiguration": {"Tags": [{"Key": "k", "Value": "v"}]}},
         [(f"s3:{action}", "arn:aws:s3:::bucket-of-nobody")
          for action in ("CreateBucket", "PutBucketOwnershipControls", "PutBucketObjectLockConfiguration",
                         "PutBucketVersioning", "TagResource")]),
        ("s3", "create_bucket", {"Bucket": "bucket-of-all", "ACL": "public-read"},
         [("s3:CreateBucket", "arn:aws:s3:::bucket-of-all"), ("s3:PutBucketAcl", "arn:aws:s3:::bucket-of-all")]),
        ("scheduler", "create_schedule", SCHEDULE,
         [("scheduler:CreateSchedule", f"{SCHEDULER}:schedule/default/s"), ("iam:PassRole", ROLE)]),
        ("scheduler", "delete_schedule_group", {"Name": "g"},
         [("scheduler:DeleteScheduleGroup", f"{SCHEDULER}:schedule-group/g"),
          ("scheduler:DeleteSchedule", f"{SCHEDULER}:schedule/g/*")]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_operation_asks_for(
    new_user: Callable[[], User],
    service: str,
    operation: str,
    parameters: dict[str, Any],
    wanted: list[tuple[str, str]],
) -> None:
    user = new_user()
    assert asked(user, getattr(user.client(service), operation), parameters) == wanted


def test_records_are_asked_for_by_the_stream_of_their_iterator(root: Client, new_user: Callable[[], User]) -> None:
    kinesis, name = root("kinesis"), f"s-{secrets.token_hex(4)}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="LATEST")[
        "ShardIterator"
    ]
    user = new_user()
    reading = user.client("kinesis").get_records
    assert asked(user, reading, {"ShardIterator": iterator}) == [("kinesis:GetRecords", f"{KINESIS}:stream/{name}")]


def test_tags_of_a_group_go_for_its_schedules(root: Client, new_user: Callable[[], User]) -> None:
    scheduler, name = root("scheduler"), f"g-{secrets.token_hex(4)}"
    scheduler.create_schedule_group(Name=name, Tags=[{"Key": "team", "Value": "red"}])
    user = new_user()
    reading = user.client("scheduler").get_schedule
    for team, code in (("blue", "AccessDeniedException"), ("red", "ResourceNotFoundException")):
        user.may(
            {
                "Action": "scheduler:GetSchedule",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/team": team}},
            }
        )
        with pytest.raises(ClientError, match=code):
            reading(GroupName=name, Name="s")


def test_tags_of_a_resource_are_for_its_own_service_to_allow(root: Client, new_user: Callable[[], User]) -> None:
    name = f"q-{secrets.token_hex(4)}"
    root("sqs").create_queue(QueueName=name)
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    user = new_user().may({"Action": "tag:*", "Resource": "*"})
    tagging = user.client("resourcegroupstaggingapi")
    (failed,) = tagging.tag_resources(ResourceARNList=[arn], Tags={"a": "b"})["FailedResourcesMap"].values()
    assert f"is not authorized to perform: sqs:TagQueue on resource: {arn}" in failed["ErrorMessage"]
    user.may({"Action": "sqs:TagQueue", "Resource": arn}, name="sqs")
    assert tagging.tag_resources(ResourceARNList=[arn], Tags={"a": "b"})["FailedResourcesMap"] == {}
    assert list(tagging.untag_resources(ResourceARNList=[arn], TagKeys=["a"])["FailedResourcesMap"]) == [arn]


@pytest.mark.parametrize(
    ("service", "make", "tag", "arn"),
    [
        ("ecr", lambda client: client.create_repository(repositoryName="placed"),
         lambda client, arn: client.tag_resource(resourceArn=arn, tags=[{"Key": "k", "Value": "v"}]),
         "repository/placed"),
        ("pipes", lambda client: client.create_pipe(Name="placed", RoleArn=ROLE, Source=QUEUE, Target=QUEUE,
                                                    DesiredState="STOPPED"),
         lambda client, arn: client.tag_resource(resourceArn=arn, tags={"k": "v"}), "pipe/placed"),
        ("scheduler", lambda client: client.create_schedule_group(Name="placed"),
         lambda client, arn: client.tag_resource(ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}]),
         "schedule-group/placed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_arn_of_elsewhere_is_not_what_is_here(
    root: Client, service: str, make: Callable[[Any], Any], tag: Callable[[Any, str], Any], arn: str
) -> None:
    """Else who may do something in one region could do it in all."""
    root("sqs").create_queue(QueueName="q")
    client = root(service)
    make(client)
    tag(client, f"arn:aws:{service}:us-east-1:{ACCOUNT}:{arn}")
    with pytest.raises(ClientError, match="NotFound"):
        tag(client, f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{arn}")
