"""Trails: what they deliver, and where to."""

import gzip
import hashlib
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.patience import eventually


def bucket_policy(bucket: str, account: str) -> str:
    principal = {"Service": "cloudtrail.amazonaws.com"}
    statements = [
        {"Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
        {
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/{account}/*",
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    ]
    whole = [{"Effect": "Allow", "Principal": principal, **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": whole})


@pytest.fixture
def bucket(aws: Any, account: str) -> str:
    name = f"trail-{account}"
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_bucket_policy(Bucket=name, Policy=bucket_policy(name, account))
    return name


@pytest.fixture
def trail(aws: Any) -> Any:
    return aws("cloudtrail")


def keys_in(aws: Any, bucket: str, folder: str) -> list[str]:
    found = aws("s3").list_objects_v2(Bucket=bucket, Prefix=folder).get("Contents", [])
    return [row["Key"] for row in found]


def records(aws: Any, bucket: str, key: str) -> list[dict[str, Any]]:
    body = aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    found: list[dict[str, Any]] = json.loads(gzip.decompress(body))["Records"]
    return found


def test_a_trail_comes_back_as_it_was_made(trail: Any, bucket: str, account: str) -> None:
    made = trail.create_trail(Name="main", S3BucketName=bucket, IsMultiRegionTrail=True)
    assert made["TrailARN"] == f"arn:aws:cloudtrail:us-east-1:{account}:trail/main"
    found = trail.get_trail(Name="main")["Trail"]
    assert (found["HomeRegion"], found["IsMultiRegionTrail"], found["HasCustomEventSelectors"]) == (
        "us-east-1",
        True,
        False,
    )
    assert trail.get_trail_status(Name=made["TrailARN"])["IsLogging"] is False
    with pytest.raises(ClientError, match="TrailAlreadyExistsException"):
        trail.create_trail(Name="main", S3BucketName=bucket)
    trail.update_trail(Name="main", IncludeGlobalServiceEvents=False, EnableLogFileValidation=True)
    assert trail.describe_trails()["trailList"][0]["LogFileValidationEnabled"] is True
    trail.add_tags(ResourceId=made["TrailARN"], TagsList=[{"Key": "a", "Value": "b"}])
    (tags,) = trail.list_tags(ResourceIdList=[made["TrailARN"]])["ResourceTagList"]
    assert tags["TagsList"] == [{"Key": "a", "Value": "b"}]
    trail.delete_trail(Name="main")
    with pytest.raises(ClientError, match="TrailNotFoundException"):
        trail.get_trail(Name="main")


def test_a_bucket_must_let_the_trail_write(aws: Any, trail: Any, account: str) -> None:
    with pytest.raises(ClientError, match=r"S3BucketDoesNotExistException.*S3 bucket none-there does not exist!"):
        trail.create_trail(Name="main", S3BucketName="none-there")
    aws("s3").create_bucket(Bucket=f"closed-{account}")
    with pytest.raises(ClientError, match="InsufficientS3BucketPolicyException"):
        trail.create_trail(Name="main", S3BucketName=f"closed-{account}")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("aa", "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 2 characters."),
        ("a" * 129, "Trail name too long. Maximum allowed length: 128 characters. Specified name length: 129"),
        ("-trail", "Trail name must starts with a letter or number."),
        ("trail!", "Trail name must ends with a letter or number."),
        ("no name", "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods"),
        ("no..name", "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods"),
    ],
)
def test_a_trail_is_named_as_aws_wants(trail: Any, name: str, sentence: str) -> None:
    with pytest.raises(ClientError, match=f"InvalidTrailNameException.*{re.escape(sentence)}"):
        trail.create_trail(Name=name, S3BucketName="any")


def test_files_are_delivered_every_five_minutes(aws: Any, trail: Any, bucket: str, account: str, clock: Any) -> None:
    topic = aws("sns").create_topic(Name="files")["TopicArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    url = aws("sqs").create_queue(QueueName="notices")["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    trail.create_trail(Name="main", S3BucketName=bucket, SnsTopicName="files")
    trail.start_logging(Name="main")
    aws("sqs").create_queue(QueueName="seen")
    clock.advance(s=361)
    (key,) = eventually(lambda: keys_in(aws, bucket, f"AWSLogs/{account}/CloudTrail/"))
    assert key.startswith(f"AWSLogs/{account}/CloudTrail/us-east-1/20")
    assert key.rpartition("/")[2].startswith(f"{account}_CloudTrail_us-east-1_")
    assert key.endswith(".json.gz")
    delivered = records(aws, bucket, key)
    assert "seen" in [(event["requestParameters"] or {}).get("queueName") for event in delivered]
    assert {event["recipientAccountId"] for event in delivered} == {account}
    (message,) = eventually(lambda: aws("sqs").receive_message(QueueUrl=url).get("Messages", []))
    assert json.loads(message["Body"]) == {"s3Bucket": bucket, "s3ObjectKey": [key]}
    status = trail.get_trail_status(Name="main")
    assert status["IsLogging"]
    assert "LatestDeliveryTime" in status
    trail.stop_logging(Name="main")


def test_a_trail_that_is_stopped_delivers_what_it_has(
    aws: Any, trail: Any, bucket: str, account: str, clock: Any
) -> None:
    trail.create_trail(Name="main", S3BucketName=bucket)
    trail.start_logging(Name="main")
    aws("sqs").create_queue(QueueName="first")
    clock.advance(s=1)
    trail.stop_logging(Name="main")
    aws("sqs").create_queue(QueueName="unseen")
    clock.advance(s=1)
    trail.start_logging(Name="main")
    aws("sqs").create_queue(QueueName="second")
    clock.advance(s=1)
    trail.stop_logging(Name="main")
    keys = eventually(lambda: len(found := keys_in(aws, bucket, "AWSLogs/")) == 2 and found)
    told = [event for key in keys for event in records(aws, bucket, key) if event["eventName"] == "CreateQueue"]
    assert {event["requestParameters"]["queueName"] for event in told} == {"first", "second"}


def test_a_log_group_gets_the_events_too(aws: Any, trail: Any, bucket: str, account: str, clock: Any) -> None:
    aws("logs").create_log_group(logGroupName="events")
    (group,) = aws("logs").describe_log_groups()["logGroups"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = aws("iam").create_role(RoleName="writer", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    trail.create_trail(
        Name="main", S3BucketName=bucket, CloudWatchLogsLogGroupArn=group["arn"], CloudWatchLogsRoleArn=role
    )
    trail.put_event_selectors(TrailName="main", EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    trail.start_logging(Name="main")
    aws("sqs").create_queue(QueueName="seen")
    aws("sqs").list_queues()
    clock.advance(s=361)

    def events() -> list[str]:
        found = aws("logs").filter_log_events(logGroupName="events")["events"]
        return [json.loads(event["message"])["eventName"] for event in found]

    assert "CreateQueue" in eventually(events)
    assert "ListQueues" not in events()
    trail.stop_logging(Name="main")


def test_digests_are_signed_and_chained(aws: Any, trail: Any, bucket: str, account: str, clock: Any) -> None:
    trail.create_trail(Name="main", S3BucketName=bucket, EnableLogFileValidation=True)
    trail.start_logging(Name="main")
    folder = f"AWSLogs/{account}/CloudTrail-Digest/"
    for number in (1, 2):
        aws("sqs").create_queue(QueueName=f"q{number}")
        clock.advance(s=3_960)
        eventually(lambda: len(keys_in(aws, bucket, folder)) == number)  # noqa: B023
    trail.stop_logging(Name="main")
    (public,) = trail.list_public_keys()["PublicKeyList"]
    key = load_der_public_key(public["Value"])
    assert isinstance(key, RSAPublicKey)
    before = None
    for path in keys_in(aws, bucket, folder):
        found = aws("s3").get_object(Bucket=bucket, Key=path)
        text = gzip.decompress(found["Body"].read())
        digest = json.loads(text)
        assert digest["digestPublicKeyFingerprint"] == public["Fingerprint"]
        assert digest["previousDigestSignature"] == before
        signed = [digest["digestEndTime"], f"{bucket}/{path}", hashlib.sha256(text).hexdigest(), before or "null"]
        before = found["Metadata"]["signature"]
        key.verify(bytes.fromhex(before), "\n".join(signed).encode(), PKCS1v15(), hashes.SHA256())
        for file in digest["logFiles"]:
            content = aws("s3").get_object(Bucket=bucket, Key=file["s3Object"])["Body"].read()
            assert hashlib.sha256(gzip.decompress(content)).hexdigest() == file["hashValue"]


def test_data_events_are_refused_where_nobody_records_them(trail: Any, bucket: str) -> None:
    trail.create_trail(Name="main", S3BucketName=bucket)
    data = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]
    with pytest.raises(ClientError, match=r"NotImplemented.*only if it is started with --audit all"):
        trail.put_event_selectors(TrailName="main", EventSelectors=[{"DataResources": data}])
    fields = [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["false"]}]
    trail.put_event_selectors(TrailName="main", AdvancedEventSelectors=[{"Name": "w", "FieldSelectors": fields}])
    answer = trail.get_event_selectors(TrailName="main")
    assert answer["AdvancedEventSelectors"][0]["FieldSelectors"] == fields
    with pytest.raises(ClientError, match="InvalidEventSelectorsException"):
        trail.put_event_selectors(
            TrailName="main", AdvancedEventSelectors=[{"FieldSelectors": [{"Field": "none", "Equals": ["a"]}]}]
        )


def test_a_stack_makes_changes_and_removes_a_trail(aws: Any, trail: Any, bucket: str) -> None:
    def template(*, logging: bool) -> str:
        given = {"S3BucketName": bucket, "IsLogging": logging, "TrailName": "main", "IsMultiRegionTrail": not logging}
        resources = {"Trail": {"Type": "AWS::CloudTrail::Trail", "Properties": given}}
        return json.dumps({"Resources": resources})

    cloudformation = aws("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=template(logging=True))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert trail.get_trail_status(Name="main")["IsLogging"] is True
    cloudformation.update_stack(StackName="s", TemplateBody=template(logging=False))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert trail.get_trail_status(Name="main")["IsLogging"] is False
    assert trail.get_trail(Name="main")["Trail"]["IsMultiRegionTrail"] is True
    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert trail.list_trails()["Trails"] == []


def test_changes_are_told_on_the_event_bus(aws: Any, trail: Any, bucket: str) -> None:
    url = aws("sqs").create_queue(QueueName="told")["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["aws.sns"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventName": ["CreateTopic", "ListTopics"]},
    }
    aws("events").put_rule(Name="calls", EventPattern=json.dumps(pattern))
    aws("events").put_targets(Rule="calls", Targets=[{"Id": "q", "Arn": arn}])
    aws("sns").create_topic(Name="before")
    trail.create_trail(Name="main", S3BucketName=bucket)
    trail.start_logging(Name="main")
    aws("sns").list_topics()
    aws("sns").create_topic(Name="after")
    (message,) = eventually(lambda: aws("sqs").receive_message(QueueUrl=url).get("Messages", []))
    event = json.loads(message["Body"])
    assert event["detail"]["requestParameters"] == {"name": "after"}
    assert event["detail"]["eventSource"] == "sns.amazonaws.com"
    trail.stop_logging(Name="main")


def test_files_of_a_trail_with_a_key_are_encrypted_under_it_and_name_the_trail(
    aws: Any, trail: Any, bucket: str, account: str
) -> None:
    # given
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    made = trail.create_trail(Name="main", S3BucketName=bucket)
    with pytest.raises(ClientError, match="InsufficientEncryptionPolicyException"):
        trail.update_trail(Name="main", KmsKeyId=key)
    with pytest.raises(ClientError, match="KmsKeyNotFoundException"):
        trail.update_trail(Name="main", KmsKeyId="alias/none")
    with pytest.raises(ClientError, match="InvalidKmsKeyIdException"):
        trail.update_trail(Name="main", KmsKeyId=key.replace("us-east-1", "eu-west-1"))
    context = {"StringEquals": {"kms:EncryptionContext:aws:cloudtrail:arn": made["TrailARN"]}}
    service = {"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "kms:GenerateDataKey*"}
    root = {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*"}
    statements = [{"Effect": "Allow", "Resource": "*", **each} for each in (root, service | {"Condition": context})]
    kms.put_key_policy(KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    # when
    assert trail.update_trail(Name="main", KmsKeyId=key)["KmsKeyId"] == key
    trail.start_logging(Name="main")
    aws("sqs").create_queue(QueueName="seen")
    trail.stop_logging(Name="main")
    # then
    (file,) = eventually(lambda: keys_in(aws, bucket, f"AWSLogs/{account}/CloudTrail/"))
    found = aws("s3").head_object(Bucket=bucket, Key=file)
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)
    assert "CreateQueue" in [event["eventName"] for event in records(aws, bucket, file)]
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match="KmsKeyDisabledException"):
        trail.create_trail(Name="other", S3BucketName=bucket, KmsKeyId=key)
    assert trail.update_trail(Name="main", KmsKeyId="").get("KmsKeyId") is None
