"""Log groups and streams."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import MovableClock
from tests.patience import eventually


def test_groups_are_described_in_pages_by_prefix(aws: Any) -> None:
    logs = aws("logs")
    for name in ("/b/1", "/a", "/b/2", "/b/3"):
        logs.create_log_group(logGroupName=name)
    paginator = logs.get_paginator("describe_log_groups")
    pages = list(paginator.paginate(logGroupNamePrefix="/b", PaginationConfig={"PageSize": 2}))
    found = [[group["logGroupName"] for group in page["logGroups"]] for page in pages]
    assert found == [["/b/1", "/b/2"], ["/b/3"]]
    assert pages[0]["logGroups"][0]["arn"].endswith(":log-group:/b/1:*")


def test_a_group_or_stream_is_made_once(aws: Any) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g")
    with pytest.raises(ClientError, match=r"ResourceAlreadyExistsException.*The specified log group already exists"):
        logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    with pytest.raises(ClientError, match=r"ResourceAlreadyExistsException.*The specified log stream already exists"):
        logs.create_log_stream(logGroupName="g", logStreamName="s")


def test_streams_may_be_ordered_by_their_last_event(aws: Any, clock: Any) -> None:
    logs, now = aws("logs"), clock.now_ms()
    logs.create_log_group(logGroupName="g")
    for name, at_ms in (("a", now), ("b", now - 5000)):
        logs.create_log_stream(logGroupName="g", logStreamName=name)
        event = {"timestamp": at_ms, "message": "x"}
        logs.put_log_events(logGroupName="g", logStreamName=name, logEvents=[event])
    rows = logs.describe_log_streams(logGroupName="g", orderBy="LastEventTime", descending=True)["logStreams"]
    assert [(row["logStreamName"], row["lastEventTimestamp"]) for row in rows] == [("a", now), ("b", now - 5000)]


def test_a_deleted_group_is_empty_when_it_is_made_again(aws: Any, clock: Any) -> None:
    logs = aws("logs")
    for _ in range(2):
        logs.create_log_group(logGroupName="g", tags={"team": "a"})
        assert logs.describe_log_streams(logGroupName="g")["logStreams"] == []
        logs.create_log_stream(logGroupName="g", logStreamName="s")
        logs.delete_log_group(logGroupName="g")
    with pytest.raises(ClientError, match=r"The specified log group does not exist\."):
        logs.describe_log_streams(logGroupName="g")


def test_tags_are_added_and_removed(aws: Any) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g", tags={"a": "1"})
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"b": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    logs.tag_log_group(logGroupName="g", tags={"c": "3"})
    logs.untag_log_group(logGroupName="g", tags=["b"])
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"c": "3"}


def test_groups_are_found_by_a_part_of_their_name(aws: Any) -> None:
    logs = aws("logs")
    for name in ("/one/app", "/two/app", "/two/web"):
        logs.create_log_group(logGroupName=name)
    found = logs.describe_log_groups(logGroupNamePattern="app")["logGroups"]
    assert [group["logGroupName"] for group in found] == ["/one/app", "/two/app"]
    listed = logs.list_log_groups(logGroupNamePattern="^/two|web")["logGroups"]
    assert [group["logGroupName"] for group in listed] == ["/two/app", "/two/web"]


def test_a_protected_group_is_not_deleted(aws: Any) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g", deletionProtectionEnabled=True)
    with pytest.raises(ClientError, match="deletion protection"):
        logs.delete_log_group(logGroupName="g")
    logs.put_log_group_deletion_protection(logGroupIdentifier="g", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="g")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda logs: logs.create_log_group(logGroupName="x" * 513),
            "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
        ),
        (
            lambda logs: logs.describe_log_groups(limit=51),
            "Value '51' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50",
        ),
        (
            lambda logs: logs.describe_log_groups(logGroupNamePrefix="a", logGroupNamePattern="abc"),
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ),
    ],
)
def test_what_aws_refuses_is_an_invalid_parameter(aws: Any, call: Any, sentence: str) -> None:
    with pytest.raises(ClientError) as refused:
        call(aws("logs"))
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
    assert sentence in refused.value.response["Error"]["Message"]


def test_the_cheap_class_has_no_searches_and_no_filters(aws: Any) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="g", logGroupClass="INFREQUENT_ACCESS")
    with pytest.raises(ClientError, match="InvalidOperationException"):
        logs.filter_log_events(logGroupName="g")


def test_a_groups_key_is_kept_and_shown(aws: Any, account: str) -> None:
    logs = aws("logs")
    key, other = (aws("kms").create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    logs.create_log_group(logGroupName="/safe", kmsKeyId=key)

    def shown() -> Any:
        return logs.describe_log_groups(logGroupNamePrefix="/safe")["logGroups"][0].get("kmsKeyId")

    assert shown() == key
    logs.associate_kms_key(resourceIdentifier=f"arn:aws:logs:us-east-1:{account}:log-group:/safe", kmsKeyId=other)
    assert shown() == other
    logs.disassociate_kms_key(logGroupName="/safe")
    assert shown() is None


def test_a_query_reads_events_that_are_encrypted(aws: Any, clock: MovableClock) -> None:
    # given
    logs, key = aws("logs"), aws("kms").create_key()["KeyMetadata"]["Arn"]
    stream = {"logGroupName": "/safe", "logStreamName": "s"}
    logs.create_log_group(logGroupName="/safe", kmsKeyId=key)
    logs.create_log_stream(**stream)
    logs.put_log_events(**stream, logEvents=[{"timestamp": clock.now_ms(), "message": "sealed"}])
    logs.disassociate_kms_key(logGroupName="/safe")
    logs.put_log_events(**stream, logEvents=[{"timestamp": clock.now_ms(), "message": "open"}])
    # when
    query = logs.start_query(
        logGroupName="/safe",
        queryString="fields @message | sort @message",
        startTime=0,
        endTime=clock.now_ms() // 1000 + 60,
    )["queryId"]
    eventually(lambda: logs.get_query_results(queryId=query)["status"] == "Complete")
    # then
    found = logs.get_query_results(queryId=query)["results"]
    assert [row[0]["value"] for row in found] == ["open", "sealed"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"logGroupName": "/none"}, "ResourceNotFoundException"),
        ({"logGroupName": "/app", "kmsKeyId": "one"}, "InvalidParameterException"),
        ({}, "InvalidParameterException"),
        ({"resourceIdentifier": "arn:aws:logs:us-east-1:111122223333:query-result:*"}, "NotImplemented"),
    ],
)
def test_a_key_goes_to_a_group_by_its_arn(aws: Any, given: dict[str, str], sentence: str) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="/app")
    with pytest.raises(ClientError, match=sentence):
        logs.associate_kms_key(**({"kmsKeyId": "arn:aws:kms:us-east-1:111122223333:key/one"} | given))
