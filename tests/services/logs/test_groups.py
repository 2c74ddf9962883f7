"""Log groups and streams."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


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
