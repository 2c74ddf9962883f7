"""Archives and replays."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LiveServer
from tests.patience import eventually
from tests.queues import taken

Aws = Callable[..., Any]
PATTERN = '{"source":["shop"]}'


def put_event(events: Any, number: int, source: str = "shop") -> None:
    entry = {"Source": source, "DetailType": "sold", "Detail": json.dumps({"number": number})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def queue_behind_rule(aws: Aws, rule: str) -> tuple[str, str]:
    """A queue that gets what the rule matches; its URL and the rule's ARN."""
    events, sqs = aws("events"), aws("sqs")
    url = sqs.create_queue(QueueName=rule)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule_arn = events.put_rule(Name=rule, EventPattern=PATTERN)["RuleArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": arn}])
    return url, rule_arn


def drain(sqs: Any, url: str, count: int = 0) -> list[dict[str, Any]]:
    return [json.loads(message["Body"]) for message in taken(sqs, url, count)]


def bus_arn(aws: Aws) -> str:
    arn: str = aws("events").describe_event_bus()["Arn"]
    return arn


def around(now_ms: int) -> dict[str, datetime]:
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    return {"EventStartTime": now - timedelta(minutes=5), "EventEndTime": now + timedelta(minutes=5)}


def test_an_archive_keeps_what_matches_its_pattern_until_its_retention_is_over(aws: Aws, clock: Any) -> None:
    events = aws("events")
    events.create_archive(ArchiveName="a", EventSourceArn=bus_arn(aws), EventPattern=PATTERN, RetentionDays=1)
    put_event(events, 1)
    put_event(events, 2, source="other")
    archive = events.describe_archive(ArchiveName="a")
    assert (archive["EventCount"], archive["State"], archive["EventPattern"]) == (1, "ENABLED", PATTERN)
    assert archive["SizeBytes"] > 0
    clock.advance(s=2 * 86_400)
    archive = events.describe_archive(ArchiveName="a")
    assert (archive["EventCount"], archive["SizeBytes"]) == (0, 0)


def test_an_archives_rule_belongs_to_the_archive(aws: Aws) -> None:
    events = aws("events")
    events.create_archive(ArchiveName="a", EventSourceArn=bus_arn(aws))
    (rule,) = events.list_rules()["Rules"]
    assert rule["ManagedBy"]
    for change in (
        lambda: events.put_rule(Name=rule["Name"], EventPattern=PATTERN),
        lambda: events.disable_rule(Name=rule["Name"]),
        lambda: events.remove_targets(Rule=rule["Name"], Ids=["x"]),
        lambda: events.delete_rule(Name=rule["Name"]),
    ):
        with pytest.raises(ClientError) as refused:
            change()
        assert refused.value.response["Error"]["Code"] == "ManagedRuleException"
    events.delete_archive(ArchiveName="a")
    assert events.list_rules()["Rules"] == []


def test_a_replay_sends_the_events_again_in_order_and_marked(aws: Aws, clock: Any) -> None:
    events, sqs = aws("events"), aws("sqs")
    arn = events.create_archive(ArchiveName="a", EventSourceArn=bus_arn(aws))["ArchiveArn"]
    chosen, chosen_rule = queue_behind_rule(aws, "chosen")
    other, _ = queue_behind_rule(aws, "other")
    for number in range(3):
        put_event(events, number)
    first = drain(sqs, chosen)
    drain(sqs, other)
    started = events.start_replay(
        ReplayName="again",
        EventSourceArn=arn,
        Destination={"Arn": bus_arn(aws), "FilterArns": [chosen_rule]},
        **around(clock.now_ms()),
    )
    assert started["State"] == "STARTING"
    clock.advance(s=5)
    replayed = drain(sqs, chosen, 3)
    assert [event["detail"]["number"] for event in replayed] == [0, 1, 2]
    assert {event.pop("replay-name") for event in replayed} == {"again"}
    assert replayed == first
    assert drain(sqs, other) == []
    assert events.describe_replay(ReplayName="again")["State"] == "COMPLETED"
    assert events.describe_archive(ArchiveName="a")["EventCount"] == 3, "a replay is not archived"


def test_a_replay_can_be_cancelled_before_it_sends_anything(aws: Aws, clock: Any) -> None:
    events, sqs = aws("events"), aws("sqs")
    arn = events.create_archive(ArchiveName="a", EventSourceArn=bus_arn(aws))["ArchiveArn"]
    url, _ = queue_behind_rule(aws, "rule")
    put_event(events, 1)
    drain(sqs, url)
    events.start_replay(ReplayName="r", EventSourceArn=arn, Destination={"Arn": bus_arn(aws)}, **around(clock.now_ms()))
    assert events.cancel_replay(ReplayName="r")["State"] == "CANCELLING"
    clock.advance(s=5)
    eventually(lambda: events.list_replays()["Replays"][0]["State"] == "CANCELLED")
    assert drain(sqs, url) == []
    with pytest.raises(ClientError) as refused:
        events.cancel_replay(ReplayName="r")
    assert refused.value.response["Error"]["Code"] == "IllegalStatusException"


def test_a_replay_goes_on_after_a_crash_and_repeats_nothing(tmp_path: Path, account: str) -> None:
    server = LiveServer("--data", str(tmp_path), "--virtual-clock", "--sync", "process")

    def aws(service: str) -> Any:
        return server.client(service, account=account)

    events = aws("events")
    arn = events.create_archive(ArchiveName="a", EventSourceArn=bus_arn(aws))["ArchiveArn"]
    url, _ = queue_behind_rule(aws, "rule")
    for number in range(3):
        put_event(events, number)
    drain(aws("sqs"), url)
    now_ms = server.admin("POST", "clock", {"advance_seconds": 0})["now_ms"]
    events.start_replay(ReplayName="r", EventSourceArn=arn, Destination={"Arn": bus_arn(aws)}, **around(now_ms))
    server.kill()
    server = LiveServer("--data", str(tmp_path), "--virtual-clock", "--sync", "process")
    try:
        server.admin("POST", "clock", {"advance_seconds": 5})
        replayed = drain(aws("sqs"), url.replace(url.split("/")[2], server.endpoint.split("/")[2]), 3)
        assert [event["detail"]["number"] for event in replayed] == [0, 1, 2]
        assert aws("events").describe_replay(ReplayName="r")["State"] == "COMPLETED"
    finally:
        server.stop()


def test_a_replay_of_an_archive_whose_key_is_disabled_fails(aws: Aws, clock: Any) -> None:
    # given
    events, kms = aws("events"), aws("kms")
    with pytest.raises(ClientError, match=r"ValidationException.*KmsKeyIdentifier is not valid"):
        events.create_archive(ArchiveName="a", EventSourceArn=bus_arn(aws), KmsKeyIdentifier="alias/none")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    events.create_archive(ArchiveName="a", EventSourceArn=bus_arn(aws), KmsKeyIdentifier=key)
    put_event(events, 1)
    kms.disable_key(KeyId=key)
    times = around(clock.now_ms())
    clock.advance(s=301)
    # when
    arn = bus_arn(aws).replace("event-bus/default", "archive/a")
    events.start_replay(ReplayName="r", EventSourceArn=arn, Destination={"Arn": bus_arn(aws)}, **times)
    # then
    eventually(lambda: events.describe_replay(ReplayName="r")["State"] == "FAILED")
    assert events.describe_replay(ReplayName="r")["StateReason"] == f"{key} is disabled."
    events.update_archive(ArchiveName="a", KmsKeyIdentifier="")
    put_event(events, 2)
    archive = events.describe_archive(ArchiveName="a")
    assert (archive["EventCount"], "KmsKeyIdentifier" in archive) == (2, False)
