"""Ways to name a bucket and an object."""

import urllib.request
from typing import Any

import pytest


@pytest.mark.parametrize("domain", ["s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3.localhost"])
def test_the_host_may_name_the_bucket(s3: Any, bucket: str, server: Any, domain: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"1")
    request = urllib.request.Request(f"{server.endpoint}/a/b", headers={"Host": f"{bucket}.{domain}:{server.port}"})
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"1"
