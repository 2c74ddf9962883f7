"""How much lies in a bucket: in `fogbank status` at once, in CloudWatch at midnight."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES
from tests.conftest import LiveServer, MovableClock

DAY_S = 86_400


def stored(server: LiveServer, bucket: str) -> tuple[int, int]:
    """Objects and bytes of a bucket."""
    (row,) = [row for row in server.admin("GET", "status")["buckets"] if row["name"] == bucket]
    return row["objects"], row["bytes"]


def test_what_is_written_and_deleted_is_counted(server: LiveServer, s3: Any, bucket: str) -> None:
    assert stored(server, bucket) == (0, 0)
    s3.put_object(Bucket=bucket, Key="a", Body=bytes(100))
    s3.put_object(Bucket=bucket, Key="b", Body=bytes(50_000))
    assert stored(server, bucket) == (2, 50_100)
    s3.put_object(Bucket=bucket, Key="b", Body=bytes(10))
    assert stored(server, bucket) == (2, 110)
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/a", StorageClass="STANDARD_IA")
    assert stored(server, bucket) == (3, 210)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "nothing"}]})
    assert stored(server, bucket) == (1, 100)


def test_every_version_and_marker_counts(server: LiveServer, s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=bytes(10))["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(20))
    s3.delete_object(Bucket=bucket, Key="k")
    assert stored(server, bucket) == (3, 30)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=first)
    assert stored(server, bucket) == (2, 20)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    for size in (1, 2):
        s3.put_object(Bucket=bucket, Key="k", Body=bytes(size))
    assert stored(server, bucket) == (3, 22), "there is one null version"


def test_parts_of_uploads_count_until_they_are_an_object(server: LiveServer, s3: Any, bucket: str) -> None:
    def upload(key: str) -> tuple[str, str]:
        upload_id: str = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        for size in (3, 5):  # The second one replaces the first.
            part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=1, Body=bytes(size))
        return upload_id, part["ETag"]

    completed, etag = upload("k")
    aborted, _ = upload("x")
    assert stored(server, bucket) == (2, 10)
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=completed, MultipartUpload=parts)
    s3.abort_multipart_upload(Bucket=bucket, Key="x", UploadId=aborted)
    assert stored(server, bucket) == (1, 5)


def test_cloudwatch_hears_of_it_at_midnight(aws: Any, s3: Any, bucket: str, clock: MovableClock) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=bytes(100))
    s3.put_object(Bucket=bucket, Key="b", Body=bytes(30), StorageClass="STANDARD_IA")
    clock.advance(s=DAY_S - clock.now_ms() / 1000 % DAY_S + 60)
    now_s = clock.now_ms() // 1000

    def told(metric: str, storage_type: str) -> list[float]:
        found = aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/S3",
            MetricName=metric,
            Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "StorageType", "Value": storage_type}],
            StartTime=datetime.fromtimestamp(now_s - DAY_S, UTC),
            EndTime=datetime.fromtimestamp(now_s + 60, UTC),
            Period=DAY_S,
            Statistics=["Average"],
        )
        return [point["Average"] for point in found["Datapoints"]]

    assert told("BucketSizeBytes", "StandardStorage") == [100]
    assert told("BucketSizeBytes", "StandardIAStorage") == [30]
    assert told("NumberOfObjects", "AllStorageTypes") == [2]


def test_a_bucket_of_an_older_data_folder_is_counted_at_start(tmp_path: Path) -> None:
    async def run() -> None:
        cloud = Cloud(tmp_path, services=SERVICES)
        ctx = cloud.context(account="000000000000", region="us-east-1")
        await ctx.call(cloud.s3.create_bucket, Bucket="old")
        await ctx.call(cloud.s3.put_object, Bucket="old", Key="k", Body=b"123")
        with cloud.store.transaction():  # What an older Fogbank left.
            bucket = cloud.s3._tables.buckets.get(("old",))
            cloud.s3._tables.buckets.put(("old",), replace(bucket, counted=False))
            cloud.s3._usages.forget("old")
        assert cloud.s3.status()["buckets"] == [{"name": "old", "objects": 0, "bytes": 0}]
        await cloud.s3.start()
        assert cloud.s3.status()["buckets"] == [{"name": "old", "objects": 1, "bytes": 3}]
        await cloud.stop()

    asyncio.run(run())
