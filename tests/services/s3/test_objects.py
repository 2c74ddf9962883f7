"""Objects: put, get, head, copy, delete, versions."""

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_an_object_comes_back_as_it_was_put(s3: Any, bucket: str) -> None:
    put = s3.put_object(
        Bucket=bucket,
        Key="a b/ü+?&=.txt",
        Body=b"content",
        ContentType="text/plain",
        CacheControl="max-age=5",
        Metadata={"Colour": "blue"},
        Tagging="team=a%20b",
    )
    assert put["ETag"] == f'"{hashlib.md5(b"content").hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="a b/ü+?&=.txt")
    assert got["Body"].read() == b"content"
    assert (got["ContentType"], got["CacheControl"], got["ContentLength"]) == ("text/plain", "max-age=5", 7)
    assert (got["Metadata"], got["TagCount"], got["ETag"]) == ({"colour": "blue"}, 1, put["ETag"])
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_object_tagging(Bucket=bucket, Key="a b/ü+?&=.txt")["TagSet"] == [{"Key": "team", "Value": "a b"}]


def test_an_empty_object_is_an_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty")
    got = s3.get_object(Bucket=bucket, Key="empty")
    assert (got["Body"].read(), got["ContentLength"]) == (b"", 0)


def test_head_tells_about_an_object_without_its_body(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345", ContentType="text/css")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ContentType"]) == (5, "text/css")
    with pytest.raises(ClientError) as missing:
        s3.head_object(Bucket=bucket, Key="other")
    assert code_of(missing) == ("404", 404)


def test_an_absent_key_and_an_absent_bucket_are_told_apart(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match=r"The specified key does not exist\.") as no_key:
        s3.get_object(Bucket=bucket, Key="absent")
    assert code_of(no_key) == ("NoSuchKey", 404)
    with pytest.raises(ClientError, match="The specified bucket does not exist") as no_bucket:
        s3.get_object(Bucket=f"{bucket}-absent", Key="absent")
    assert code_of(no_bucket) == ("NoSuchBucket", 404)


def test_deleting_is_idempotent(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    for _ in range(2):
        assert s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_many_objects_are_deleted_in_one_request(s3: Any, bucket: str) -> None:
    for key in ("a", "b&<c>"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b&<c>"}, {"Key": "absent"}]})
    assert sorted(row["Key"] for row in answer["Deleted"]) == ["a", "absent", "b&<c>"]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [("bytes=10-19", 10, 19), ("bytes=102390-", 102390, 102399), ("bytes=-5", 102395, 102399)],
)
def test_a_range_of_a_large_object_answers_206(s3: Any, bucket: str, header: str, first: int, last: int) -> None:
    body = bytes(range(256)) * 400
    s3.put_object(Bucket=bucket, Key="a/b", Body=body, Metadata={"x": "y"})
    answer = s3.get_object(Bucket=bucket, Key="a/b", Range=header)
    assert (answer["Body"].read(), answer["Metadata"]) == (body[first : last + 1], {"x": "y"})
    assert answer["ContentRange"] == f"bytes {first}-{last}/102400"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    whole = s3.get_object(Bucket=bucket, Key="a/b")
    assert (whole["Body"].read(), whole["ResponseMetadata"]["HTTPStatusCode"]) == (body, 200)


def test_a_range_behind_the_end_cannot_be_satisfied(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=5-")
    assert code_of(refused) == ("InvalidRange", 416)


def test_a_read_may_depend_on_the_etag(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"1"
    with pytest.raises(ClientError) as unchanged:
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert code_of(unchanged)[1] == 304
    with pytest.raises(ClientError) as failed:
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"')
    assert code_of(failed) == ("PreconditionFailed", 412)


def test_a_write_may_depend_on_what_is_there(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as there:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code_of(there) == ("PreconditionFailed", 412)
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    with pytest.raises(ClientError) as changed:
        s3.put_object(Bucket=bucket, Key="k", Body=b"4", IfMatch=etag)
    assert code_of(changed) == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


def test_a_body_that_arrives_damaged_is_not_kept(s3: Any, bucket: str) -> None:
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    with pytest.raises(ClientError) as checksum:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", ChecksumSHA256=other)
    assert code_of(checksum) == ("BadDigest", 400)
    with pytest.raises(ClientError) as md5:
        s3.put_object(
            Bucket=bucket, Key="k", Body=b"1", ContentMD5=base64.b64encode(hashlib.md5(b"other").digest()).decode()
        )
    assert code_of(md5) == ("BadDigest", 400)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_checksum_comes_back_when_it_is_asked_for(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"123456789", ChecksumAlgorithm="SHA256")
    expected = base64.b64encode(hashlib.sha256(b"123456789").digest()).decode()
    assert put["ChecksumSHA256"] == expected
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumSHA256"] == expected


def test_a_copy_keeps_or_replaces_the_metadata(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "from ü"}
    s3.put_object(**source, Body=b"x" * 100_000, Metadata={"a": "1"}, ContentType="text/plain")
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    kept = s3.get_object(Bucket=bucket, Key="kept")
    assert (kept["Body"].read(), kept["Metadata"], kept["ContentType"]) == (b"x" * 100_000, {"a": "1"}, "text/plain")
    s3.copy_object(Bucket=bucket, Key="new", CopySource=source, Metadata={"b": "2"}, MetadataDirective="REPLACE")
    assert s3.head_object(Bucket=bucket, Key="new")["Metadata"] == {"b": "2"}
    with pytest.raises(ClientError, match="copy an object to itself") as itself:
        s3.copy_object(Bucket=bucket, Key="from ü", CopySource=source)
    assert code_of(itself) == ("InvalidRequest", 400)


def test_a_versioned_bucket_keeps_every_version(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    listed = s3.list_object_versions(Bucket=bucket)
    assert [row["VersionId"] for row in listed["Versions"]] == [second, first]
    assert [row["IsLatest"] for row in listed["DeleteMarkers"]] == [True]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_a_header_that_http_cannot_hold_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k")
    with pytest.raises(ClientError, match=r"Header value cannot be represented using ISO-8859-1\.") as refused:
        s3.get_object(Bucket=bucket, Key="k", ResponseCacheControl="a—b")
    assert refused.value.response["Error"]["ArgumentName"] == "response-cache-control"
