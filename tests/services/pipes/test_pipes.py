"""Pipes from queues and streams to targets of every kind."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.patience import eventually
from tests.queues import taken
from tests.services.lambda_.test_invocation import create as create_function

Aws = Callable[..., Any]
ROLE = "arn:aws:iam::123456789012:role/r"


def queue(aws: Aws, name: str, **attributes: str) -> tuple[str, str]:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def pipe(aws: Aws, source: str, target: str, **settings: Any) -> Any:
    return aws("pipes").create_pipe(Name="p", Source=source, Target=target, RoleArn=ROLE, **settings)


def take(aws: Aws, url: str, number: int) -> list[str]:
    """That many messages' bodies, in the order in which they came."""
    return [message["Body"] for message in taken(aws("sqs"), url, number)]


def table(aws: Aws) -> tuple[Any, str]:
    dynamodb = aws("dynamodb")
    made = dynamodb.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return dynamodb, made["TableDescription"]["LatestStreamArn"]


def put(dynamodb: Any, item_id: str, number: int = 0) -> None:
    dynamodb.put_item(TableName="things", Item={"id": {"S": item_id}, "n": {"N": str(number)}})


def test_messages_that_pass_the_filter_go_to_a_queue_and_the_others_nowhere(aws: Aws) -> None:
    inbox, source = queue(aws, "in")
    outbox, target = queue(aws, "out")
    criteria = {"FilterCriteria": {"Filters": [{"Pattern": '{"body":{"kind":["a"]}}'}]}}
    created = pipe(aws, source, target, SourceParameters=criteria)
    assert (created["CurrentState"], created["DesiredState"]) == ("CREATING", "RUNNING")
    for kind in ("b", "a"):
        aws("sqs").send_message(QueueUrl=inbox, MessageBody=json.dumps({"kind": kind}))
    (body,) = take(aws, outbox, 1)
    event = json.loads(body)
    assert (json.loads(event["body"]), event["eventSource"]) == ({"kind": "a"}, "aws:sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    eventually(
        lambda: (
            set(aws("sqs").get_queue_attributes(QueueUrl=inbox, AttributeNames=names)["Attributes"].values()) == {"0"}
        )
    )


def test_a_template_reaches_into_the_body_and_knows_the_pipe(aws: Aws) -> None:
    inbox, source = queue(aws, "in")
    outbox, target = queue(aws, "out")
    template = '{"name": "<$.body.user.name>", "tags": <$.body.tags>, "by": <aws.pipes.pipe-name>, "none": <$.body.x>}'
    pipe(aws, source, target, TargetParameters={"InputTemplate": template})
    aws("sqs").send_message(QueueUrl=inbox, MessageBody='{"user":{"name":"Ann"},"tags":["x"]}')
    (body,) = take(aws, outbox, 1)
    assert json.loads(body) == {"name": "Ann", "tags": ["x"], "by": "p", "none": ""}


def test_a_bus_gets_events_with_the_source_and_type_that_paths_point_at(aws: Aws) -> None:
    inbox, source = queue(aws, "in")
    outbox, target = queue(aws, "out")
    events = aws("events")
    events.put_rule(Name="r", EventPattern='{"source":["shop"],"detail-type":["sold"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": target}])
    settings = {"Source": "shop", "DetailType": "$.body.type"}
    parameters = {"EventBridgeEventBusParameters": settings, "InputTemplate": '{"n": <$.body.n>}'}
    pipe(aws, source, events.describe_event_bus()["Arn"], TargetParameters=parameters)
    aws("sqs").send_message(QueueUrl=inbox, MessageBody='{"type":"sold","n":3}')
    (body,) = take(aws, outbox, 1)
    assert json.loads(body)["detail"] == {"n": 3}


def test_a_topic_and_a_log_group_are_targets(aws: Aws) -> None:
    inbox, source = queue(aws, "in")
    outbox, heard = queue(aws, "out")
    sns, logs = aws("sns"), aws("logs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=heard, Attributes={"RawMessageDelivery": "true"})
    pipe(aws, source, topic, TargetParameters={"InputTemplate": "<$.body> came"})
    aws("sqs").send_message(QueueUrl=inbox, MessageBody="one")
    assert take(aws, outbox, 1) == ["one came"]
    logs.create_log_group(logGroupName="g")
    group = topic.replace(":sns:", ":logs:").replace(":t", ":log-group:g")
    parameters = {"InputTemplate": "<$.body>", "CloudWatchLogsParameters": {"LogStreamName": "s"}}
    aws("pipes").update_pipe(Name="p", RoleArn=ROLE, Target=group, TargetParameters=parameters)
    aws("sqs").send_message(QueueUrl=inbox, MessageBody="two")
    eventually(lambda: [event["message"] for event in logs.filter_log_events(logGroupName="g")["events"]] == ["two"])


def test_a_function_enriches_and_a_function_is_the_target(aws: Aws) -> None:
    inbox, source = queue(aws, "in")
    outbox, _ = queue(aws, "out")
    client = aws("lambda")
    create_function(
        client,
        "enrich",
        "def handler(events, c):\n    return [{'n': int(e['body']) * 2} for e in events if e['body'] != '0']\n",
    )
    create_function(
        client,
        "target",
        "import boto3, json, os\n"
        "def handler(events, c):\n"
        "    boto3.client('sqs').send_message(QueueUrl=os.environ['OUT'], MessageBody=json.dumps(events))\n",
        Environment={"Variables": {"OUT": outbox}},
    )
    arns = [client.get_function(FunctionName=name)["Configuration"]["FunctionArn"] for name in ("enrich", "target")]
    pipe(aws, source, arns[1], Enrichment=arns[0])
    for number in ("0", "4"):
        aws("sqs").send_message(QueueUrl=inbox, MessageBody=number)
    (body,) = take(aws, outbox, 1)
    assert json.loads(body) == [{"n": 8}]


def test_a_stream_keeps_its_order_and_goes_on_where_it_was_stopped(aws: Aws) -> None:
    dynamodb, stream = table(aws)
    outbox, target = queue(aws, "out.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    pipe(
        aws,
        stream,
        target,
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 3}},
        TargetParameters={
            "InputTemplate": '{"n": "<$.dynamodb.NewImage.n.N>"}',
            "SqsQueueParameters": {"MessageGroupId": "$.dynamodb.Keys.id.S"},
        },
    )
    for number in range(7):
        put(dynamodb, "one", number)
    assert [json.loads(body)["n"] for body in take(aws, outbox, 7)] == [str(number) for number in range(7)]
    pipes = aws("pipes")
    assert pipes.stop_pipe(Name="p")["CurrentState"] == "STOPPING"
    assert pipes.describe_pipe(Name="p")["CurrentState"] == "STOPPED"
    put(dynamodb, "one", 7)
    pipes.start_pipe(Name="p")
    assert [json.loads(body)["n"] for body in take(aws, outbox, 1)] == ["7"]


def test_the_record_that_fails_is_found_by_halving_and_ends_at_the_dead_letter_queue(aws: Aws, clock: Any) -> None:
    dynamodb, stream = table(aws)
    dead, dead_arn = queue(aws, "dead")
    client = aws("lambda")
    outbox, _ = queue(aws, "out")
    create_function(
        client,
        "target",
        "import boto3, json, os\n"
        "def handler(events, c):\n"
        "    ids = [e['dynamodb']['Keys']['id']['S'] for e in events]\n"
        "    if 'bad' in ids: raise ValueError\n"
        "    for i in ids: boto3.client('sqs').send_message(QueueUrl=os.environ['OUT'], MessageBody=i)\n",
        Environment={"Variables": {"OUT": outbox}},
    )
    for item_id in ("a", "bad", "b"):
        put(dynamodb, item_id)
    settings = {
        "StartingPosition": "TRIM_HORIZON",
        "MaximumRetryAttempts": 0,
        "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
        "DeadLetterConfig": {"Arn": dead_arn},
    }
    arn = client.get_function(FunctionName="target")["Configuration"]["FunctionArn"]
    pipe(aws, stream, arn, SourceParameters={"DynamoDBStreamParameters": settings})
    assert take(aws, outbox, 2) == ["a", "b"]
    (body,) = take(aws, dead, 1)
    letter = json.loads(body)
    assert letter["context"]["condition"] == "RetryAttemptsExhausted"
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_kinesis_stream_is_read_flat_and_filtered_by_its_data(aws: Aws, clock: Any) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    stream = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    outbox, target = queue(aws, "out")
    settings = {"StartingPosition": "TRIM_HORIZON"}
    criteria = {"Filters": [{"Pattern": '{"partitionKey":["k"],"data":{"kind":["a"]}}'}]}
    pipe(aws, stream, target, SourceParameters={"KinesisStreamParameters": settings, "FilterCriteria": criteria})
    records = [{"Data": text.encode(), "PartitionKey": "k"} for text in ('{"kind":"a"}', '{"kind":"b"}', "kind")]
    kinesis.put_records(StreamName="s", Records=records)
    (body,) = take(aws, outbox, 1)
    event = json.loads(body)
    assert base64.b64decode(event["data"]) == records[0]["Data"]
    assert (event["partitionKey"], event["eventSource"], event["invokeIdentityArn"]) == ("k", "aws:kinesis", ROLE)


def test_a_pipe_without_its_source_fails_and_says_why(aws: Aws) -> None:
    _, target = queue(aws, "out")
    pipe(aws, target.replace(":out", ":nowhere"), target)
    described = aws("pipes").describe_pipe(Name="p")
    assert described["CurrentState"] == "CREATE_FAILED"
    assert "does not exist" in described["StateReason"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"Source": "arn:aws:mq:us-east-1:123456789012:broker:b"}, "sources of service mq are not impl"),
        ({"Target": "arn:aws:states:us-east-1:123456789012:stateMachine:s"}, "targets of service states are not impl"),
        ({"Enrichment": "arn:aws:states:us-east-1:123456789012:stateMachine:s"}, "Enrichment by states is not impl"),
        ({"SourceParameters": {"SqsQueueParameters": {"BatchSize": 11}}}, "Maximum batch window in seconds must be"),
        ({"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": '{"a":[]}'}]}}}, "Empty arrays are not"),
        ({"TargetParameters": {"InputTemplate": "<aws.pipes.nothing>"}}, "unknown variable"),
        ({"TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "k"}}}, "does not belong to a target"),
        ({"Target": "arn:aws:sqs:us-east-1:123456789012:q.fifo"}, "MessageGroupId must be given"),
    ],
)
def test_what_a_pipe_cannot_be_made_of_is_refused(aws: Aws, settings: dict[str, Any], reason: str) -> None:
    arn = "arn:aws:sqs:us-east-1:123456789012:q"
    with pytest.raises(ClientError, match=reason):
        aws("pipes").create_pipe(**{"Name": "p", "Source": arn, "Target": arn, "RoleArn": ROLE, **settings})


def test_pipes_are_listed_tagged_and_deleted(aws: Aws) -> None:
    _, source = queue(aws, "in")
    _, target = queue(aws, "out")
    pipes = aws("pipes")
    arn = pipe(aws, source, target, DesiredState="STOPPED", Tags={"a": "1"})["Arn"]
    pipes.tag_resource(resourceArn=arn, tags={"b": "2"})
    pipes.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert pipes.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert [found["Name"] for found in pipes.list_pipes(SourcePrefix=source, CurrentState="STOPPED")["Pipes"]] == ["p"]
    assert pipes.list_pipes(CurrentState="RUNNING")["Pipes"] == []
    with pytest.raises(ClientError, match="Pipe p already exists"):
        pipe(aws, source, target)
    assert pipes.delete_pipe(Name="p")["CurrentState"] == "DELETING"
    with pytest.raises(ClientError, match="Pipe p does not exist"):
        pipes.describe_pipe(Name="p")


def test_a_template_makes_a_pipe(aws: Aws) -> None:
    template = {
        "Resources": {
            "In": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "in"}},
            "Out": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "out"}},
            "Pipe": {
                "Type": "AWS::Pipes::Pipe",
                "Properties": {
                    "Source": {"Fn::GetAtt": ["In", "Arn"]},
                    "SourceParameters": {"SqsQueueParameters": {"BatchSize": "5"}},
                    "Target": {"Fn::GetAtt": ["Out", "Arn"]},
                    "TargetParameters": {"InputTemplate": "<$.body>"},
                    "RoleArn": ROLE,
                    "Tags": {"k": "v"},
                },
            },
        }
    }
    cloudformation, sqs = aws("cloudformation"), aws("sqs")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="in")["QueueUrl"], MessageBody="x")
    assert take(aws, sqs.get_queue_url(QueueName="out")["QueueUrl"], 1) == ["x"]
    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert aws("pipes").list_pipes()["Pipes"] == []
