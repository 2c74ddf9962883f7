"""Objects."""

from typing import Any


def test_a_range_of_a_large_object_is_read_from_its_file(aws: Any, account: str) -> None:
    s3, bucket = aws("s3"), f"range-{account}"
    s3.create_bucket(Bucket=bucket)
    body = bytes(range(256)) * 400
    s3.put_object(Bucket=bucket, Key="a/b", Body=body, Metadata={"x": "y"})
    answer = s3.get_object(Bucket=bucket, Key="a/b", Range="bytes=10-19")
    assert (answer["Body"].read(), answer["Metadata"]) == (body[10:20], {"x": "y"})
    assert answer["ContentRange"] == "bytes 10-19/102400"
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == body
