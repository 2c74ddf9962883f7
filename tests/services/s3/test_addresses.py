"""Ways to reach an object: presigned addresses and virtual hosts."""

import urllib.request
from typing import Any

import pytest


def test_a_presigned_address_reads_and_writes(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "a b/ü"}
    put = s3.generate_presigned_url("put_object", Params=place)
    urllib.request.urlopen(urllib.request.Request(put, data=b"content", method="PUT")).close()
    get = s3.generate_presigned_url("get_object", Params={**place, "ResponseContentType": "text/x-mine"})
    with urllib.request.urlopen(get) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"content", "text/x-mine")


@pytest.mark.parametrize("domain", ["s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3.localhost"])
def test_the_host_may_name_the_bucket(s3: Any, bucket: str, server: Any, domain: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"1")
    request = urllib.request.Request(f"{server.endpoint}/a/b", headers={"Host": f"{bucket}.{domain}:{server.port}"})
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"1"
