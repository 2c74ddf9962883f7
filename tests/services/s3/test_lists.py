"""Lists of objects: order, pages, prefixes and delimiters."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = ["a/1", "a/2", "b", "c/d/1", "c/e", "ü"]


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    return bucket


def test_keys_come_in_order_and_in_pages(s3: Any, filled: str) -> None:
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=filled, PaginationConfig={"PageSize": 4}))
    assert [page["KeyCount"] for page in pages] == [4, 2]
    assert [page["IsTruncated"] for page in pages] == [True, False]
    assert [row["Key"] for page in pages for row in page["Contents"]] == KEYS


def test_a_delimiter_rolls_keys_up(s3: Any, filled: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled, Delimiter="/")
    assert [row["Prefix"] for row in answer["CommonPrefixes"]] == ["a/", "c/"]
    assert [row["Key"] for row in answer["Contents"]] == ["b", "ü"]
    below = s3.list_objects_v2(Bucket=filled, Delimiter="/", Prefix="c/")
    assert ([row["Prefix"] for row in below["CommonPrefixes"]], below["KeyCount"]) == (["c/d/"], 2)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_with_a_delimiter_show_each_prefix_once(s3: Any, filled: str, size: int) -> None:
    for operation in ("list_objects_v2", "list_objects"):
        paginator = s3.get_paginator(operation)
        pages = list(paginator.paginate(Bucket=filled, Delimiter="/", PaginationConfig={"PageSize": size}))
        found = [row["Prefix"] for page in pages for row in page.get("CommonPrefixes", [])]
        found += [row["Key"] for page in pages for row in page.get("Contents", [])]
        assert sorted(found) == ["a/", "b", "c/", "ü"]


def test_a_common_prefix_covers_the_last_characters_of_unicode(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/\U0010ffff", "a/\U0010ffffz", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    answer = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [row["Prefix"] for row in answer["CommonPrefixes"]] == ["a/"]
    assert [row["Key"] for row in answer["Contents"]] == ["b"]


def test_a_list_may_start_behind_a_key(s3: Any, filled: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled, StartAfter="b")
    assert [row["Key"] for row in answer["Contents"]] == ["c/d/1", "c/e", "ü"]


def test_a_token_that_was_not_given_out_is_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match=r"InvalidArgument.*The continuation token provided is incorrect"):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="???")
