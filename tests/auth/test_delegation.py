"""What services do on somebody's behalf: with a role, or in their own name by the policy of the resource."""

import json
import secrets
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, GuardedServer, fetch, policy
from tests.patience import eventually


@pytest.fixture
def queue(root: Client) -> tuple[str, str]:
    """The URL and the ARN of a queue."""
    name = f"q-{secrets.token_hex(4)}"
    url = root("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def let_in(root: Client, queue: tuple[str, str], service: str, source: str) -> None:
    statement = {
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": queue[1],
        "Condition": {"ArnLike": {"aws:SourceArn": source}},
    }
    root("sqs").set_queue_attributes(QueueUrl=queue[0], Attributes={"Policy": policy(statement)})


def received(root: Client, queue: tuple[str, str], *, wait_s: int = 0) -> list[str]:
    answer = root("sqs").receive_message(QueueUrl=queue[0], WaitTimeSeconds=wait_s)
    return [each["Body"] for each in answer.get("Messages", ())]


def role_for(root: Client, service: str, *statements: dict[str, Any]) -> str:
    iam, name = root("iam"), f"role-{secrets.token_hex(4)}"
    trust = policy({"Principal": {"Service": service}, "Action": "sts:AssumeRole"})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
    return arn


def test_a_topic_delivers_to_a_queue_whose_policy_lets_it(root: Client, queue: tuple[str, str]) -> None:
    sns = root("sns")
    topic = sns.create_topic(Name=f"t-{secrets.token_hex(4)}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue[1], Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="refused")
    let_in(root, queue, "sns.amazonaws.com", f"{topic}-other")
    sns.publish(TopicArn=topic, Message="refused, too")
    let_in(root, queue, "sns.amazonaws.com", topic)
    sns.publish(TopicArn=topic, Message="delivered")
    assert eventually(lambda: received(root, queue)) == ["delivered"]
    assert received(root, queue) == []


def test_a_rule_delivers_as_its_role_or_by_the_queues_policy(root: Client, queue: tuple[str, str]) -> None:
    events, name = root("events"), f"r-{secrets.token_hex(4)}"
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]

    def put(detail: str) -> None:
        events.put_events(Entries=[{"Source": name, "DetailType": "x", "Detail": json.dumps({"is": detail})}])

    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue[1], "InputPath": "$.detail.is"}])
    put("refused")
    let_in(root, queue, "events.amazonaws.com", rule)
    put("by policy")
    assert eventually(lambda: received(root, queue)) == ['"by policy"']
    root("sqs").set_queue_attributes(QueueUrl=queue[0], Attributes={"Policy": ""})
    powerless = role_for(root, "events.amazonaws.com")
    events.put_targets(
        Rule=name, Targets=[{"Id": "1", "Arn": queue[1], "InputPath": "$.detail.is", "RoleArn": powerless}]
    )
    put("refused")
    able = role_for(root, "events.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": queue[1]})
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue[1], "InputPath": "$.detail.is", "RoleArn": able}])
    put("as role")
    assert eventually(lambda: received(root, queue)) == ['"as role"']


def test_a_dead_letter_needs_the_queues_policy_too(root: Client, queue: tuple[str, str]) -> None:
    events, name = root("events"), f"r-{secrets.token_hex(4)}"
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    missing = f"arn:aws:sqs:us-east-1:{ACCOUNT}:missing"
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": missing, "DeadLetterConfig": {"Arn": queue[1]}}])

    def put(detail: str) -> None:
        events.put_events(Entries=[{"Source": name, "DetailType": "x", "Detail": json.dumps({"is": detail})}])

    put("refused")
    let_in(root, queue, "events.amazonaws.com", rule)
    put("kept")
    (letter,) = eventually(lambda: received(root, queue))
    assert json.loads(letter)["detail"] == {"is": "kept"}


def test_an_alarm_tells_a_topic_whose_policy_lets_the_account(root: Client, queue: tuple[str, str]) -> None:
    sns, cloudwatch, name = root("sns"), root("cloudwatch"), f"a-{secrets.token_hex(4)}"
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue[1], Attributes={"RawMessageDelivery": "true"})
    let_in(root, queue, "sns.amazonaws.com", topic)
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmActions=[topic],
        Namespace=name,
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    own = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    sns.set_topic_attributes(
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue=policy(
            {"Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
        ),
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="refused")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="over")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=own)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="told")
    (message,) = eventually(lambda: received(root, queue))
    assert json.loads(message)["NewStateReason"] == "told"


def test_what_happens_to_objects_is_told_while_the_queues_policy_lets_s3(root: Client, queue: tuple[str, str]) -> None:
    s3, bucket = root("s3"), f"b-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=bucket)
    let_in(root, queue, "s3.amazonaws.com", f"arn:aws:s3:::{bucket}")
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": queue[1], "Events": ["s3:ObjectCreated:*"]}]},
    )
    assert "s3:TestEvent" in eventually(lambda: received(root, queue))[0]
    s3.put_object(Bucket=bucket, Key="told")
    assert '"key":"told"' in eventually(lambda: received(root, queue))[0]
    let_in(root, queue, "s3.amazonaws.com", "arn:aws:s3:::other")
    s3.put_object(Bucket=bucket, Key="refused")
    assert received(root, queue, wait_s=1) == []


def test_log_events_are_sent_by_the_role_of_the_subscription(root: Client) -> None:
    logs, kinesis, name = root("logs"), root("kinesis"), f"s-{secrets.token_hex(4)}"
    logs.create_log_group(logGroupName=name)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    stream = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"

    def subscribe(role: str) -> None:
        logs.put_subscription_filter(
            logGroupName=name, filterName="f", filterPattern="", destinationArn=stream, roleArn=role
        )

    with pytest.raises(ClientError, match="Could not deliver test message to specified Kinesis stream"):
        subscribe(role_for(root, "logs.amazonaws.com"))
    sending = {"Action": "kinesis:PutRecord", "Resource": stream}
    with pytest.raises(ClientError, match="Could not deliver test message to specified Kinesis stream"):
        subscribe(role_for(root, "lambda.amazonaws.com", sending))
    subscribe(role_for(root, "logs.us-east-1.amazonaws.com", sending))


def test_a_pipe_reads_a_stream_as_its_role(root: Client, queue: tuple[str, str]) -> None:
    kinesis, pipes, name = root("kinesis"), root("pipes"), f"p-{secrets.token_hex(4)}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    stream = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"
    kinesis.put_record(StreamName=name, Data=b'"one"', PartitionKey="p")
    sending = {"Action": "sqs:SendMessage", "Resource": queue[1]}
    role = role_for(root, "pipes.amazonaws.com", sending)
    pipes.create_pipe(
        Name=name,
        RoleArn=role,
        Source=stream,
        SourceParameters={"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        Target=queue[1],
        TargetParameters={"InputTemplate": '{"data": <$.data>}'},
    )
    eventually(lambda: pipes.describe_pipe(Name=name)["CurrentState"] == "RUNNING")
    assert received(root, queue, wait_s=1) == []
    root("iam").put_role_policy(
        RoleName=role.rpartition("/")[2],
        PolicyName="reading",
        PolicyDocument=policy({"Action": "kinesis:GetRecords", "Resource": stream}),
    )
    assert eventually(lambda: received(root, queue)) == ['{"data":"Im9uZSI="}']
    pipes.delete_pipe(Name=name)


def test_firehose_writes_objects_as_its_role(root: Client) -> None:
    s3, firehose, name = root("s3"), root("firehose"), f"d-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=name)
    role = role_for(root, "firehose.amazonaws.com")
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": f"arn:aws:s3:::{name}",
            "BufferingHints": {"IntervalInSeconds": 0, "SizeInMBs": 1},
            "CloudWatchLoggingOptions": {"Enabled": True, "LogGroupName": name, "LogStreamName": "s"},
        },
    )
    root("logs").create_log_group(logGroupName=name)
    root("logs").create_log_stream(logGroupName=name, logStreamName="s")
    describe = firehose.describe_delivery_stream
    eventually(
        lambda: describe(DeliveryStreamName=name)["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE"
    )
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})
    events = eventually(lambda: root("logs").get_log_events(logGroupName=name, logStreamName="s")["events"])
    assert json.loads(events[0]["message"])["errorCode"] == "S3.AccessDenied"
    root("iam").put_role_policy(
        RoleName=role.rpartition("/")[2],
        PolicyName="writing",
        PolicyDocument=policy({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*"}),
    )
    assert eventually(lambda: s3.list_objects_v2(Bucket=name).get("Contents"))


def test_an_integration_acts_as_its_role(guarded: GuardedServer, root: Client, queue: tuple[str, str]) -> None:
    apis = root("apigateway")
    api = apis.create_rest_api(name="roles")["id"]
    resource = apis.get_resources(restApiId=api)["items"][0]["id"]
    name = queue[1].rpartition(":")[2]
    able = role_for(root, "apigateway.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": queue[1]})
    for method, role in (
        ("GET", able),
        ("PUT", role_for(root, "apigateway.amazonaws.com")),
        ("POST", role_for(root, "lambda.amazonaws.com", {"Action": "sqs:*", "Resource": "*"})),
    ):
        place = {"restApiId": api, "resourceId": resource, "httpMethod": method}
        apis.put_method(**place, authorizationType="NONE")
        apis.put_integration(
            **place,
            type="AWS",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:us-east-1:sqs:path/{ACCOUNT}/{name}",
            credentials=role,
            requestParameters={
                "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'",
            },
            requestTemplates={"application/json": f"Action=SendMessage&MessageBody={method}"},
        )
        apis.put_method_response(**place, statusCode="200")
        apis.put_integration_response(**place, statusCode="200", selectionPattern="200")
        apis.put_method_response(**place, statusCode="403")
        apis.put_integration_response(**place, statusCode="403", selectionPattern="403")
    apis.create_deployment(restApiId=api, stageName="s")

    def ask(method: str) -> int:
        url = f"{guarded.endpoint}/restapis/{api}/s/_user_request_/"
        data = None if method == "GET" else b"{}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        return fetch(request)[0]

    assert [ask(method) for method in ("GET", "PUT", "POST")] == [200, 403, 500]
    assert received(root, queue) == ["GET"]


def test_replicas_are_made_as_far_as_the_role_may(root: Client) -> None:
    s3, name = root("s3"), f"b-{secrets.token_hex(4)}"
    source, target = f"{name}-source", f"{name}-target"
    for bucket in (source, target):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    reading = {"Action": "s3:GetObjectVersion*", "Resource": f"arn:aws:s3:::{source}/*"}
    role = role_for(root, "s3.amazonaws.com", reading)
    rule = {
        "ID": "all",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration={"Role": role, "Rules": [rule]})

    def status(key: str) -> str:
        return str(eventually(lambda: told if (told := asked(key)) != "PENDING" else None))

    def asked(key: str) -> str:
        return str(s3.head_object(Bucket=source, Key=key)["ReplicationStatus"])

    s3.put_object(Bucket=source, Key="refused")
    assert status("refused") == "FAILED"
    writing = {"Action": "s3:ReplicateObject", "Resource": f"arn:aws:s3:::{target}/*"}
    root("iam").put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="writing", PolicyDocument=policy(writing))
    s3.put_object(Bucket=source, Key="tagged", Tagging="a=b")
    assert status("tagged") == "FAILED"
    s3.put_object(Bucket=source, Key="made")
    assert status("made") == "COMPLETED"
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=target)["Contents"]] == ["made"]


def test_a_trail_delivers_and_tells_while_the_policies_of_bucket_and_topic_let_it() -> None:
    own = GuardedServer("--ephemeral", "--virtual-clock")  # The others' clock stays where it is.

    def root(service: str) -> Any:
        return own.as_caller(service, own.root)

    s3, cloudtrail, bucket = root("s3"), root("cloudtrail"), "trail-files"
    s3.create_bucket(Bucket=bucket)
    trail = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main"
    place = f"arn:aws:s3:::{bucket}"
    writing = {
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [place, f"{place}/AWSLogs/{ACCOUNT}/*"],
        "Condition": {"StringEquals": {"aws:SourceArn": trail}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(writing))
    topic = root("sns").create_topic(Name="files")["TopicArn"]
    telling = {"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
    opened = {"TopicArn": topic, "AttributeName": "Policy"}
    root("sns").set_topic_attributes(**opened, AttributeValue=policy(telling))
    cloudtrail.create_trail(Name="main", S3BucketName=bucket, SnsTopicName=topic)
    cloudtrail.start_logging(Name="main")

    def pass_time() -> None:
        root("sqs").create_queue(QueueName=secrets.token_hex(4))
        own.admin("POST", "clock", {"advance_seconds": 600})

    pass_time()
    assert eventually(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    eventually(lambda: cloudtrail.get_trail_status(Name="main").get("LatestNotificationTime"))
    closed = {**telling, "Condition": {"StringEquals": {"aws:SourceArn": f"{trail}-other"}}}
    root("sns").set_topic_attributes(**opened, AttributeValue=policy(closed))
    pass_time()
    denied = eventually(lambda: cloudtrail.get_trail_status(Name="main").get("LatestNotificationError"))
    assert denied == "AccessDenied"
    s3.delete_bucket_policy(Bucket=bucket)
    pass_time()

    def error() -> str | None:
        own.admin("POST", "clock", {"advance_seconds": 60})  # It is tried three times.
        told: str | None = cloudtrail.get_trail_status(Name="main").get("LatestDeliveryError")
        return told

    assert eventually(error) == "AccessDenied"
    own.stop()
