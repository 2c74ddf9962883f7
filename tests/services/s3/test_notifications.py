"""Event notifications: to queues, topics, functions and EventBridge."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.queues import taken
from tests.services.lambda_.test_invocation import create


def allowed_queue(aws: Aws, name: str, bucket: str) -> tuple[str, str]:
    """A queue that lets S3 in for that bucket: its URL and ARN."""
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:*:*:{bucket}"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def received(aws: Aws, url: str, count: int) -> list[Any]:
    """The messages, as JSON, once there are so many."""
    return [json.loads(message["Body"]) for message in taken(aws("sqs"), url, count)]


def notify(s3: Any, bucket: str, *queues: dict[str, Any], **options: Any) -> None:
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": list(queues)}, **options
    )


def names(messages: list[Any]) -> list[str]:
    return [message["Records"][0]["eventName"] for message in messages]


def filtered(arn: str, *, prefix: str = "", suffix: str = "", events: str = "s3:ObjectCreated:*") -> dict[str, Any]:
    rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    return {"QueueArn": arn, "Events": [events]} | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})


def test_a_queue_is_told_what_happens_to_an_object_in_order(aws: Aws, s3: Any, bucket: str, account: str) -> None:
    url, arn = allowed_queue(aws, "told", bucket)
    notify(s3, bucket, {"Id": "mine", "QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]})
    assert received(aws, url, 1)[0].items() >= {
        "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket
    }.items()  # fmt: skip
    s3.put_object(Bucket=bucket, Key="a key/ü", Body=b"four")
    s3.copy_object(Bucket=bucket, Key="a key/ü", CopySource=f"{bucket}/a key/ü", StorageClass="STANDARD_IA")
    s3.delete_object(Bucket=bucket, Key="a key/ü")
    messages = received(aws, url, 3)
    assert names(messages) == ["ObjectCreated:Put", "ObjectCreated:Copy", "ObjectRemoved:Delete"]
    record = messages[0]["Records"][0]
    told = record["s3"]["object"]
    sequencer = told.pop("sequencer")
    assert told == {"key": "a+key/%C3%BC", "size": 4, "eTag": "8cbad96aced40b3838dd9f07f6ef5772"}
    assert record["s3"]["configurationId"] == "mine"
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    assert record["userIdentity"] == {"principalId": f"AWS:{account}"}
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    sequencers = [sequencer] + [message["Records"][0]["s3"]["object"]["sequencer"] for message in messages[1:]]
    assert sequencers == sorted(set(sequencers))
    assert "size" not in messages[2]["Records"][0]["s3"]["object"]


def test_versions_are_named_and_a_marker_is_an_event_of_its_own(aws: Aws, s3: Any, bucket: str) -> None:
    url, arn = allowed_queue(aws, "told", bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    notify(s3, bucket, {"QueueArn": arn, "Events": ["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"]})
    version = s3.put_object(Bucket=bucket, Key="k")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    messages = received(aws, url, 4)[1:]
    assert names(messages) == ["ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete"]
    versions = [message["Records"][0]["s3"]["object"]["versionId"] for message in messages]
    assert versions == [version, marker, version]


def test_a_filter_tells_only_of_its_keys(aws: Aws, s3: Any, bucket: str) -> None:
    url, arn = allowed_queue(aws, "told", bucket)
    notify(s3, bucket, filtered(arn, prefix="images/", suffix=".png"))
    for key in ("images/a.jpg", "a.png", "images/a.png"):
        s3.put_object(Bucket=bucket, Key=key)
    (_, message) = received(aws, url, 2)
    assert message["Records"][0]["s3"]["object"]["key"] == "images/a.png"


def test_a_topic_passes_the_notification_on(aws: Aws, s3: Any, bucket: str) -> None:
    sns, sqs = aws("sns"), aws("sqs")
    topic = sns.create_topic(Name="told")["TopicArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": topic,
        "Condition": {"StringEquals": {"aws:SourceAccount": topic.split(":")[4]}},
    }
    configuration = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError) as refused:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert "Permissions on the destination topic" in refused.value.response["Error"]["ArgumentValue1"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    url = sqs.create_queue(QueueName="behind")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    s3.put_object(Bucket=bucket, Key="k")
    test, told = received(aws, url, 2)
    assert json.loads(test["Message"])["Event"] == "s3:TestEvent"
    assert told["Subject"] == "Amazon S3 Notification"
    assert json.loads(told["Message"])["Records"][0]["eventName"] == "ObjectCreated:Put"


def test_a_function_is_invoked_once_it_lets_s3_in(aws: Aws, s3: Any, bucket: str) -> None:
    sqs, client = aws("sqs"), aws("lambda")
    url = sqs.create_queue(QueueName="out")["QueueUrl"]
    source = (
        "import boto3, json, os\n"
        "def handler(event, context):\n"
        "    boto3.client('sqs').send_message(QueueUrl=os.environ['OUT'], MessageBody=json.dumps(event))\n"
    )
    arn = create(client, "f", source, Environment={"Variables": {"OUT": url}})["FunctionArn"]
    configuration = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectTagging:*"]}]}
    with pytest.raises(ClientError, match="Unable to validate the following destination configurations") as refused:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert refused.value.response["Error"]["ArgumentValue1"] == f"Not authorized to invoke function [{arn}]"
    client.add_permission(
        FunctionName="f", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
    )  # fmt: skip
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    ((record,),) = [message["Records"] for message in received(aws, url, 1)]
    assert (record["eventName"], record["eventVersion"]) == ("ObjectTagging:Put", "2.3")
    assert "sequencer" not in record["s3"]["object"]


def test_eventbridge_gets_every_event_of_the_bucket(aws: Aws, s3: Any, bucket: str, account: str) -> None:
    events, (url, arn) = aws("events"), allowed_queue(aws, "told", bucket)
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.s3"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket=bucket, Key="a b", Body=b"four")
    s3.delete_object(Bucket=bucket, Key="a b")
    created, deleted = received(aws, url, 2)
    assert created["detail-type"] == "Object Created"
    assert created["resources"] == [f"arn:aws:s3:::{bucket}"]
    assert created["detail"]["object"].items() >= {"key": "a b", "size": 4}.items()
    assert (created["detail"]["reason"], created["detail"]["requester"]) == ("PutObject", account)
    assert deleted["detail-type"] == "Object Deleted"
    assert deleted["detail"]["deletion-type"] == "Permanently Deleted"


def test_a_configuration_comes_back_with_ids_until_it_is_emptied(aws: Aws, s3: Any, bucket: str) -> None:
    url, arn = allowed_queue(aws, "told", bucket)
    notify(s3, bucket, filtered(arn, prefix="a"), filtered(arn, prefix="b"))
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert [part["Filter"]["Key"]["FilterRules"] for part in kept] == [
        [{"Name": "Prefix", "Value": "a"}], [{"Name": "Prefix", "Value": "b"}]
    ]  # fmt: skip
    assert len({part["Id"] for part in kept}) == 2
    notify(s3, bucket)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a")
    notify(s3, bucket, filtered(arn))
    messages = received(aws, url, 2)
    assert [message.get("Event") for message in messages] == ["s3:TestEvent"] * 2  # and nothing of the object


OVERLAPS = [
    ([{}, {}], "Configurations overlap. Configurations on the same bucket cannot share a common event type."),
    ([{"prefix": "a"}, {"prefix": "ab"}], "Configuration is ambiguously defined."),
    ([{"prefix": "a", "suffix": ".x"}, {"events": "s3:ObjectCreated:Put"}], "Configuration is ambiguously defined."),
]


@pytest.mark.parametrize(("parts", "sentence"), OVERLAPS)
def test_no_event_may_be_for_two_configurations(
    aws: Aws, s3: Any, bucket: str, parts: list[dict[str, str]], sentence: str
) -> None:
    _, arn = allowed_queue(aws, "told", bucket)
    with pytest.raises(ClientError, match=sentence):
        notify(s3, bucket, *(filtered(arn, **part) for part in parts))


@pytest.mark.parametrize(
    "parts",
    [
        [{"prefix": "a"}, {"prefix": "b"}],
        [{"prefix": "a", "suffix": ".x"}, {"prefix": "a", "suffix": ".y"}],
        [{}, {"events": "s3:ObjectRemoved:*"}],
    ],
)
def test_configurations_that_share_no_event_stand_beside_each_other(
    aws: Aws, s3: Any, bucket: str, parts: list[dict[str, str]]
) -> None:
    _, arn = allowed_queue(aws, "told", bucket)
    notify(s3, bucket, *(filtered(arn, **part) for part in parts))


def test_a_destination_must_be_there_and_in_the_buckets_region(aws: Aws, s3: Any, bucket: str, account: str) -> None:
    absent = f"arn:aws:sqs:us-east-1:{account}:absent"
    with pytest.raises(ClientError) as refused:
        notify(s3, bucket, filtered(absent))
    assert refused.value.response["Error"]["ArgumentValue1"] == "The destination queue does not exist"
    notify(s3, bucket, filtered(absent), SkipDestinationValidation=True)
    s3.put_object(Bucket=bucket, Key="nobody hears of it")
    with pytest.raises(ClientError, match="not valid for the bucket location constraint"):
        notify(s3, bucket, filtered(f"arn:aws:sqs:eu-west-1:{account}:absent"), SkipDestinationValidation=True)
    with pytest.raises(ClientError, match="The ARN could not be parsed"):
        notify(s3, bucket, filtered("absent"), SkipDestinationValidation=True)


def test_what_a_policy_denies_or_allows_to_others_is_not_allowed(aws: Aws, s3: Any, bucket: str) -> None:
    url, arn = allowed_queue(aws, "told", "another-bucket")
    with pytest.raises(ClientError) as refused:
        notify(s3, bucket, filtered(arn))
    sentence = "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"
    assert refused.value.response["Error"]["ArgumentValue1"] == sentence
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn},
        {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    with pytest.raises(ClientError, match="Unable to validate"):
        notify(s3, bucket, filtered(arn))
