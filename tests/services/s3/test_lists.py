"""Lists of objects, versions and uploads: order, pages, prefixes and delimiters."""

import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.services.s3 import listing

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


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("delimiter", ["--", "b", "ü"])
def test_a_delimiter_may_be_any_text(s3: Any, bucket: str, operation: str, delimiter: str) -> None:
    for key in (f"a{delimiter}1", f"a{delimiter}2", "c"):
        s3.put_object(Bucket=bucket, Key=key)
    answer = getattr(s3, operation)(Bucket=bucket, Delimiter=delimiter)
    assert [row["Prefix"] for row in answer["CommonPrefixes"]] == [f"a{delimiter}"]
    assert [row["Key"] for row in answer["Contents"]] == ["c"]


def test_a_marker_below_a_common_prefix_stands_for_all_of_it(s3: Any, filled: str) -> None:
    answer = s3.list_objects(Bucket=filled, Delimiter="/", Marker="a/1")
    assert [row["Prefix"] for row in answer["CommonPrefixes"]] == ["c/"]


def test_a_page_of_no_keys_is_not_truncated(s3: Any, filled: str) -> None:
    answer = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"], "Contents" in answer) == (0, False, False)


def test_no_page_has_more_than_a_thousand_keys(s3: Any, filled: str) -> None:
    assert s3.list_objects_v2(Bucket=filled, MaxKeys=5000)["MaxKeys"] == 1000


@pytest.mark.parametrize(
    ("query", "code", "sentence"),
    [
        ("max-keys=-1", "InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647"),
        ("max-keys=x", "InvalidArgument", "Provided max-keys not an integer or within integer range"),
        ("encoding-type=x", "InvalidArgument", "Invalid Encoding Method specified in Request"),
        ("list-type=2&continuation-token=", "InvalidArgument", "The continuation token provided is incorrect"),
        ("versions&version-id-marker=x", "InvalidArgument", "A version-id marker cannot be specified without a key"),
        ("versions&key-marker=b&version-id-marker=", "InvalidArgument", "A version-id marker cannot be empty."),
        ("versions&key-marker=b&version-id-marker=x", "InvalidArgument", "Invalid version id specified"),
    ],
)
def test_a_list_parameter_that_makes_no_sense_is_refused(
    server: Any, filled: str, query: str, code: str, sentence: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.endpoint}/{filled}?{query}")
    text = refused.value.read().decode()
    refused.value.close()
    assert f"<Code>{code}</Code>" in text
    assert sentence in text


def test_a_number_that_is_left_blank_is_absent(server: Any, filled: str) -> None:
    with urllib.request.urlopen(f"{server.endpoint}/{filled}?max-keys=") as answer:
        assert b"<MaxKeys>1000</MaxKeys>" in answer.read()


def test_a_key_that_xml_cannot_hold_is_a_reference_or_encoded(s3: Any, bucket: str, server: Any) -> None:
    s3.put_object(Bucket=bucket, Key="a\x01b c+d")
    with urllib.request.urlopen(f"{server.endpoint}/{bucket}") as answer:
        assert b"<Key>a&#x1;b c+d</Key>" in answer.read()
    with urllib.request.urlopen(f"{server.endpoint}/{bucket}?encoding-type=url") as answer:
        assert b"<Key>a%01b%20c%2Bd</Key>" in answer.read()
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"] == "a\x01b c+d"


@pytest.mark.parametrize(
    ("query", "early", "late"),
    [("", "</Name>", "<Contents>"), ("list-type=2", "</Name>", "<Contents>"), ("versions", "</Name>", "<Version>")],
)
def test_a_list_names_its_bucket_before_its_rows(server: Any, filled: str, query: str, early: str, late: str) -> None:
    with urllib.request.urlopen(f"{server.endpoint}/{filled}?{query}") as answer:
        text = answer.read().decode()
    assert text.index(early) < text.index(late)
    assert text.rstrip().endswith(("</Contents></ListBucketResult>", "</Version></ListVersionsResult>"))


def test_an_owner_is_told_when_asked_for(s3: Any, filled: str) -> None:
    assert "Owner" not in s3.list_objects_v2(Bucket=filled)["Contents"][0]
    assert "Owner" in s3.list_objects_v2(Bucket=filled, FetchOwner=True)["Contents"][0]
    assert "Owner" in s3.list_objects(Bucket=filled)["Contents"][0]


def test_a_list_tells_how_restores_stand_if_it_is_asked(s3: Any, bucket: str, clock: Any) -> None:
    s3.put_object(Bucket=bucket, Key="archived", StorageClass="GLACIER")
    s3.put_object(Bucket=bucket, Key="plain")

    def told(operation: str, part: str) -> Any:
        answer = getattr(s3, operation)(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])
        archived, plain = answer[part]
        assert "RestoreStatus" not in plain
        return archived["RestoreStatus"]

    assert told("list_objects_v2", "Contents") == {"IsRestoreInProgress": False}
    s3.restore_object(Bucket=bucket, Key="archived", RestoreRequest={"Days": 1})
    assert told("list_objects", "Contents") == {"IsRestoreInProgress": True}
    clock.advance(s=6 * 3600)
    status = told("list_object_versions", "Versions")
    assert (status["IsRestoreInProgress"], "RestoreExpiryDate" in status) == (False, True)
    assert "RestoreStatus" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]


# ---- versions --------------------------------------------------------------------------------------------------


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a/1", "a/1", "a/2", "b", "b", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key)
    s3.delete_object(Bucket=bucket, Key="b")
    return bucket


def _versions(page: dict[str, Any]) -> list[tuple[str, str, bool]]:
    rows = page.get("Versions", []) + page.get("DeleteMarkers", [])
    return [(row["Key"], row["VersionId"], row["IsLatest"]) for row in rows]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_versions_come_in_pages_each_once(s3: Any, versioned: str, size: int) -> None:
    whole = _versions(s3.list_object_versions(Bucket=versioned))
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": size})
    assert sorted(row for page in pages for row in _versions(page)) == sorted(whole)
    assert len(whole) == 8
    assert sorted(key for key, _, latest in whole if latest) == ["a/1", "a/2", "b", "c"]


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_versions_are_rolled_up_by_a_delimiter(s3: Any, versioned: str, size: int) -> None:
    pages = list(
        s3.get_paginator("list_object_versions").paginate(
            Bucket=versioned, Delimiter="/", PaginationConfig={"PageSize": size}
        )
    )
    assert [row["Prefix"] for page in pages for row in page.get("CommonPrefixes", [])] == ["a/"]
    assert sum(len(_versions(page)) for page in pages) == 5


def test_a_list_of_versions_goes_on_behind_one_that_was_deleted(s3: Any, versioned: str) -> None:
    whole = [row["VersionId"] for row in s3.list_object_versions(Bucket=versioned, Prefix="b")["Versions"]]
    s3.delete_object(Bucket=versioned, Key="b", VersionId=whole[0])
    rest = s3.list_object_versions(Bucket=versioned, Prefix="b", KeyMarker="b", VersionIdMarker=whole[0])
    assert [row["VersionId"] for row in rest["Versions"]] == whole[1:]


# ---- buckets ---------------------------------------------------------------------------------------------------


def test_buckets_come_in_pages_and_by_prefix(s3: Any, bucket: str) -> None:
    for number in range(3):
        s3.create_bucket(Bucket=f"x{number}-{bucket}")
    pages = list(s3.get_paginator("list_buckets").paginate(Prefix="x", PaginationConfig={"PageSize": 2}))
    names = [[row["Name"] for row in page["Buckets"]] for page in pages]
    assert names == [[f"x0-{bucket}", f"x1-{bucket}"], [f"x2-{bucket}"]]
    assert pages[0]["Buckets"][0]["BucketRegion"] == "us-east-1"


@pytest.mark.parametrize("number", [0, -1, 10_001])
def test_a_page_of_buckets_has_a_size(server: Any, account: str, number: int) -> None:
    scope = f"Credential={account}/20260101/us-east-1/s3/aws4_request"
    request = urllib.request.Request(
        f"{server.endpoint}/?max-buckets={number}", headers={"Authorization": f"AWS4-HMAC-SHA256 {scope}"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert b"Argument max-buckets must be an integer between 1 and 10000" in refused.value.read()
    refused.value.close()


def test_buckets_of_a_region_that_is_none_are_not_listed(s3: Any) -> None:
    with pytest.raises(ClientError, match="Argument value eu-east-1 is not a valid AWS Region"):
        s3.list_buckets(BucketRegion="eu-east-1")


# ---- what a page costs -----------------------------------------------------------------------------------------


def test_a_page_reads_no_more_rows_than_it_has_entries() -> None:
    keys = sorted(f"{folder:03}/{number}" for folder in range(50) for number in range(200))
    read = 0

    def rows_from(start: str) -> Iterator[tuple[str, None]]:
        nonlocal read
        for key in keys:
            if key >= start:
                read += 1
                yield key, None

    page = listing.page(rows_from, prefix="", delimiter="/", after="010/5", limit=10)
    assert page.prefixes == [f"{folder:03}/" for folder in range(11, 21)]
    assert (page.truncated, read) == (True, 11)


@pytest.mark.parametrize("prefix", ["a", "a\ud7ff", "\U0010ffff", "a\U0010ffff"])
def test_what_follows_a_prefix_is_behind_all_its_continuations(prefix: str) -> None:
    following = listing.behind(prefix)
    assert following is None or prefix + "\U0010ffff" * 3 < following
    assert following is None or not following.startswith(prefix)
