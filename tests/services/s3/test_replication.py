"""Replication between buckets, regions and accounts."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from fogbank.core.outbox import Row
from fogbank.core.store import Store
from fogbank.services.s3.replication import Work
from tests.conftest import Aws, LiveServer
from tests.patience import eventually
from tests.queues import taken
from tests.services.s3.test_notifications import allowed_queue, received

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def role(aws: Aws) -> str:
    arn: str = aws("iam").create_role(RoleName="replicator", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    return arn


@pytest.fixture
def versioned(aws: Aws, account: str) -> Callable[..., str]:
    """Makes buckets with versioning."""

    def make(name: str, *, account: str = account, region: str = "us-east-1") -> str:
        s3, bucket = aws("s3", account=account, region=region), f"{name}-{account}"
        where = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
        s3.create_bucket(Bucket=bucket, **where)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return bucket

    return make


def rule(destination: str, *, prefix: str = "", priority: int = 1, markers: str = "Disabled", **more: Any) -> Any:
    there = {"Bucket": f"arn:aws:s3:::{destination}"} | more.pop("there", {})
    return {
        "Status": "Enabled",
        "Priority": priority,
        "Filter": {"Prefix": prefix},
        "DeleteMarkerReplication": {"Status": markers},
        "Destination": there,
        **more,
    }


def replicate(s3: Any, source: str, role: str, *rules: Any) -> None:
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration={"Role": role, "Rules": list(rules)})


def settled(s3: Any, bucket: str, key: str) -> str:
    """The replication status, once it is no longer pending."""

    def status() -> str | None:
        found: str = s3.head_object(Bucket=bucket, Key=key)["ReplicationStatus"]
        return None if found == "PENDING" else found

    result: str = eventually(status)
    return result


def test_an_object_arrives_in_another_region_as_it_is(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    source, target = versioned("source"), versioned("target", region="eu-west-1")
    there = aws("s3", region="eu-west-1")
    replicate(s3, source, role, rule(target, prefix="logs/", there={"StorageClass": "STANDARD_IA"}))
    large = bytes(range(256)) * 400
    s3.put_object(Bucket=source, Key="other", Body=b"stays")
    version = s3.put_object(
        Bucket=source, Key="logs/a", Body=large, Metadata={"a": "b"}, ContentType="text/plain", Tagging="c=d"
    )["VersionId"]
    assert settled(s3, source, "logs/a") == "COMPLETED"
    replica = there.get_object(Bucket=target, Key="logs/a")
    assert replica["Body"].read() == large
    assert replica["ReplicationStatus"] == "REPLICA"
    assert (replica["VersionId"], replica["StorageClass"]) == (version, "STANDARD_IA")
    assert (replica["Metadata"], replica["ContentType"], replica["TagCount"]) == ({"a": "b"}, "text/plain", 1)
    original = s3.head_object(Bucket=source, Key="logs/a")
    assert (replica["ETag"], replica["LastModified"]) == (original["ETag"], original["LastModified"])
    assert "ReplicationStatus" not in s3.head_object(Bucket=source, Key="other")
    assert [row["Key"] for row in there.list_objects_v2(Bucket=target)["Contents"]] == ["logs/a"]


def test_a_replica_is_deleted_without_its_source(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    source, target = versioned("source"), versioned("target")
    replicate(s3, source, role, rule(target))
    version = s3.put_object(Bucket=source, Key="k", Body=b"x" * 100_000)["VersionId"]
    assert settled(s3, source, "k") == "COMPLETED"
    s3.delete_object(Bucket=target, Key="k", VersionId=version)
    assert len(s3.get_object(Bucket=source, Key="k")["Body"].read()) == 100_000


def test_versions_keep_their_order_and_deleted_ones_stay(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    source, target = versioned("source"), versioned("target")
    replicate(s3, source, role, rule(target))
    versions = [s3.put_object(Bucket=source, Key="k", Body=b"%d" % n)["VersionId"] for n in range(5)]
    assert settled(s3, source, "k") == "COMPLETED"
    s3.delete_object(Bucket=source, Key="k", VersionId=versions[0])
    listed = s3.list_object_versions(Bucket=target)["Versions"]
    assert [row["VersionId"] for row in listed] == versions[::-1]


def test_delete_markers_follow_where_the_rule_says_so(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    source, with_markers, without = versioned("source"), versioned("with"), versioned("without")
    replicate(s3, source, role, rule(with_markers, priority=1, markers="Enabled"), rule(without, priority=2))
    s3.put_object(Bucket=source, Key="k")
    assert settled(s3, source, "k") == "COMPLETED"
    marker = s3.delete_object(Bucket=source, Key="k")["VersionId"]
    (found,) = eventually(lambda: s3.list_object_versions(Bucket=with_markers).get("DeleteMarkers"))
    assert found["VersionId"] == marker
    assert "DeleteMarkers" not in s3.list_object_versions(Bucket=without)


def test_replicas_go_no_further(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    first, second, third = versioned("first"), versioned("second"), versioned("third")
    replicate(s3, first, role, rule(second))
    replicate(s3, second, role, rule(third))
    s3.put_object(Bucket=first, Key="k")
    assert settled(s3, first, "k") == "COMPLETED"
    s3.put_object(Bucket=second, Key="own")
    assert settled(s3, second, "own") == "COMPLETED"
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=third)["Contents"]] == ["own"]


def test_of_rules_for_one_destination_the_highest_priority_counts(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    source, target = versioned("source"), versioned("target")
    rules = [
        rule(target, priority=1, there={"StorageClass": "STANDARD_IA"}),
        rule(target, priority=2, prefix="a", there={"StorageClass": "ONEZONE_IA"}),
    ]
    replicate(s3, source, role, *rules)
    for key, expected in (("a", "ONEZONE_IA"), ("b", "STANDARD_IA")):
        s3.put_object(Bucket=source, Key=key)
        assert settled(s3, source, key) == "COMPLETED"
        assert s3.head_object(Bucket=target, Key=key)["StorageClass"] == expected


def test_what_is_changed_of_an_object_follows_it(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    source, target = versioned("source"), versioned("target")
    replicate(s3, source, role, rule(target))
    s3.put_object(Bucket=source, Key="k")
    s3.put_object_tagging(Bucket=source, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert settled(s3, source, "k") == "COMPLETED"
    found = eventually(lambda: s3.get_object_tagging(Bucket=target, Key="k")["TagSet"])
    assert found == [{"Key": "a", "Value": "b"}]
    assert settled(s3, source, "k") == "COMPLETED"


def test_changes_of_a_replica_come_back_where_that_is_asked_for(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    first, second = versioned("first"), versioned("second")
    both_ways = {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}}
    replicate(s3, first, role, rule(second, **both_ways))
    replicate(s3, second, role, rule(first, **both_ways))
    s3.put_object(Bucket=first, Key="k", Body=b"x")
    assert settled(s3, first, "k") == "COMPLETED"
    s3.put_object_tagging(Bucket=second, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    found = eventually(lambda: s3.get_object_tagging(Bucket=first, Key="k")["TagSet"])
    assert found == [{"Key": "a", "Value": "b"}]
    assert len(s3.list_object_versions(Bucket=first)["Versions"]) == 1
    assert s3.head_object(Bucket=second, Key="k")["ReplicationStatus"] == "REPLICA"


def test_a_replica_in_another_account_may_get_another_owner(
    aws: Aws, s3: Any, versioned: Any, role: str, account: str
) -> None:
    other = account[::-1] if account != account[::-1] else "1" * 12
    source, kept, given = versioned("source"), versioned("kept", account=other), versioned("given", account=other)
    theirs = aws("s3", account=other)
    for bucket in (kept, given):
        controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        theirs.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls)
    override = {"Account": other, "AccessControlTranslation": {"Owner": "Destination"}}
    replicate(s3, source, role, rule(kept, priority=1), rule(given, priority=2, there=override))
    s3.put_object(Bucket=source, Key="k")
    assert settled(s3, source, "k") == "COMPLETED"
    owners = {bucket: theirs.get_object_acl(Bucket=bucket, Key="k")["Owner"]["ID"] for bucket in (kept, given)}
    assert owners[kept] == s3.list_buckets()["Owner"]["ID"]
    assert owners[given] == theirs.list_buckets()["Owner"]["ID"]


def test_locks_are_replicated(aws: Aws, s3: Any, versioned: Any, role: str, clock: Any) -> None:
    source, target = versioned("source"), versioned("target")
    for bucket in (target, source):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    replicate(s3, source, role, rule(target))
    until = datetime.fromtimestamp(clock.now_ms() / 1000, UTC) + timedelta(days=1)
    s3.put_object(Bucket=source, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    assert settled(s3, source, "k") == "COMPLETED"
    assert s3.head_object(Bucket=target, Key="k")["ObjectLockMode"] == "GOVERNANCE"
    s3.put_object_legal_hold(Bucket=source, Key="k", LegalHold={"Status": "ON"})
    assert eventually(lambda: s3.head_object(Bucket=target, Key="k").get("ObjectLockLegalHoldStatus")) == "ON"


def test_a_replication_that_fails_says_so_and_why(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    source, target = versioned("source"), versioned("target")
    url, arn = allowed_queue(aws, "told", source)
    s3.put_bucket_notification_configuration(
        Bucket=source,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:Replication:*"]}]},
    )
    metrics = {"Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}}
    replicate(s3, source, role, rule(target, there=metrics))
    s3.delete_bucket(Bucket=target)
    s3.put_object(Bucket=source, Key="k")
    assert settled(s3, source, "k") == "FAILED"
    (record,) = received(aws, url, 2)[1]["Records"]
    assert record["eventName"] == "Replication:OperationFailedReplication"
    told = record["replicationEventData"]
    assert (told["failureReason"], told["destinationBucket"]) == ("DstBucketNotFound", f"arn:aws:s3:::{target}")


def test_a_role_that_s3_may_not_assume_replicates_nothing(aws: Aws, s3: Any, versioned: Any, account: str) -> None:
    source, target = versioned("source"), versioned("target")
    replicate(s3, source, f"arn:aws:iam::{account}:role/absent", rule(target))
    s3.put_object(Bucket=source, Key="k")
    assert settled(s3, source, "k") == "FAILED"
    assert "Contents" not in s3.list_objects_v2(Bucket=target)


def test_the_destination_is_told_of_its_new_objects(aws: Aws, s3: Any, versioned: Any, role: str) -> None:
    source, target = versioned("source"), versioned("target")
    url, arn = allowed_queue(aws, "told", target)
    s3.put_bucket_notification_configuration(
        Bucket=target,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    replicate(s3, source, role, rule(target))
    s3.put_object(Bucket=source, Key="k", Body=b"four")
    (record,) = received(aws, url, 2)[1]["Records"]
    assert (record["eventName"], record["s3"]["bucket"]["name"]) == ("ObjectCreated:Put", target)


def test_both_ends_need_versioning_and_keep_it(aws: Aws, s3: Any, versioned: Any, role: str, bucket: str) -> None:
    source, target = versioned("source"), versioned("target")
    with pytest.raises(ClientError, match="Versioning must be 'Enabled' on the bucket"):
        replicate(s3, bucket, role, rule(target))
    for unfit in (bucket, "there-is-no-such-bucket"):
        with pytest.raises(ClientError, match="Destination bucket must have versioning enabled"):
            replicate(s3, source, role, rule(unfit))
    replicate(s3, source, role, rule(target))
    with pytest.raises(ClientError, match="InvalidBucketState"):
        s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_replication(Bucket=source)
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Suspended"})
    with pytest.raises(ClientError, match="The replication configuration was not found"):
        s3.get_bucket_replication(Bucket=source)


def broken(**changes: Any) -> Callable[[str, str], list[Any]]:
    """A rule with these changes, or without what is changed to None."""

    def rules(source: str, target: str) -> list[Any]:
        made = rule(target) | changes
        return [{name: value for name, value in made.items() if value is not None}]

    return rules


BROKEN = [
    (broken(Priority=None), "Priority must be specified"),
    (broken(DeleteMarkerReplication=None), "DeleteMarkerReplication must be specified"),
    (lambda source, target: [rule(source)], "cannot be the same"),
    (lambda source, target: [rule(target), rule(target, prefix="a")], "duplicate priority"),
    (lambda source, target: [rule(target) | {"ID": "x"}, rule(target, priority=2) | {"ID": "x"}], "unique"),
    (
        lambda source, target: [rule(target, markers="Enabled") | {"Filter": {"Tag": {"Key": "a", "Value": "b"}}}],
        "Delete marker replication is not supported if any Tag filter is specified",
    ),
    (
        lambda source, target: [rule(target, there={"AccessControlTranslation": {"Owner": "Destination"}})],
        "the <Account> element must be specified",
    ),
    (
        lambda source, target: [
            rule(target, there={"ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}}})
        ],
        "both ReplicationTime and Metrics or neither",
    ),
    (lambda source, target: [], "MalformedXML"),
]


@pytest.mark.parametrize(("rules", "sentence"), BROKEN)
def test_a_configuration_that_cannot_be_is_refused(
    aws: Aws, s3: Any, versioned: Any, role: str, rules: Callable[[str, str], list[Any]], sentence: str
) -> None:
    source, target = versioned("source"), versioned("target")
    with pytest.raises(ClientError, match=sentence):
        replicate(s3, source, role, *rules(source, target))


def test_a_replica_that_came_after_fifteen_minutes_is_told_of(tmp_path: Path, account: str) -> None:
    """Which takes a server that was not there in between."""
    server = LiveServer("--data", str(tmp_path), "--sync", "process")
    try:
        s3, sqs, iam = (server.client(name, account=account) for name in ("s3", "sqs", "iam"))
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        for name in ("source", "target"):
            s3.create_bucket(Bucket=name)
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        there = {
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
        }
        replicate(s3, "source", role, rule("target", there=there) | {"ID": "r"})
        url = sqs.create_queue(QueueName="told")["QueueUrl"]
        told = {"QueueArn": f"arn:aws:sqs:us-east-1:{account}:told", "Events": ["s3:Replication:*"]}
        s3.put_bucket_notification_configuration(
            Bucket="source", NotificationConfiguration={"QueueConfigurations": [told]}, SkipDestinationValidation=True
        )
        version = s3.put_object(Bucket="source", Key="k")["VersionId"]
        assert settled(s3, "source", "k") == "COMPLETED"
    finally:
        server.stop()
    store = Store(tmp_path, sync="process")
    with store.transaction():
        work = Work("source", "k", version, "r", requested_ms=0)
        row = Row(account, "us-east-1", msgspec.msgpack.encode(work), created_ms=0, endpoint="")
        store.table("core.outbox", key=(str, str, int), value=Row).put(("s3.replication", "lane", 1), row)
    store.close()
    server = LiveServer("--data", str(tmp_path), "--sync", "process")
    try:
        sqs = server.client("sqs", account=account)
        (message,) = taken(sqs, url, 1)
        (record,) = json.loads(message["Body"])["Records"]
        assert record["eventName"] == "Replication:OperationReplicatedAfterThreshold"
        assert record["replicationEventData"]["threshold"] == "15"
    finally:
        server.stop()
