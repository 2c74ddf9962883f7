"""Tags of objects."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

Place = dict[str, str]


@pytest.fixture
def place(s3: Any, bucket: str) -> Place:
    s3.put_object(Bucket=bucket, Key="k", Tagging="a=1&b%20c=2%2B3&d")
    return {"Bucket": bucket, "Key": "k"}


def _tags(s3: Any, place: Place, **version: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(**place, **version)["TagSet"]}


def _set(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in pairs]}


def test_tags_are_given_replaced_and_taken_away(s3: Any, place: Place) -> None:
    assert _tags(s3, place) == {"a": "1", "b c": "2+3", "d": ""}
    assert s3.head_object(**place)["TagCount"] == 3
    s3.put_object_tagging(**place, Tagging=_set(("ü", "x@y:z/")))
    assert _tags(s3, place) == {"ü": "x@y:z/"}
    s3.delete_object_tagging(**place)
    assert _tags(s3, place) == {}
    assert "TagCount" not in s3.get_object(**place)


def test_each_version_has_its_tags(s3: Any, place: Place) -> None:
    s3.put_bucket_versioning(Bucket=place["Bucket"], VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(**place, Tagging="v=1")["VersionId"]
    second = s3.put_object(**place, Tagging="v=2")["VersionId"]
    assert s3.put_object_tagging(**place, VersionId=first, Tagging=_set(("v", "one")))["VersionId"] == first
    assert s3.delete_object_tagging(**place)["VersionId"] == second
    assert (_tags(s3, place), _tags(s3, place, VersionId=first)) == ({}, {"v": "one"})


def test_a_delete_marker_has_no_tags(s3: Any, place: Place) -> None:
    s3.put_bucket_versioning(Bucket=place["Bucket"], VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(**place)
    for call in (s3.get_object_tagging, s3.delete_object_tagging):
        with pytest.raises(ClientError, match="MethodNotAllowed"):
            call(**place)


@pytest.mark.parametrize(
    ("pairs", "refusal"),
    [
        ([("a", "1"), ("a", "2")], "InvalidTag.*Cannot provide multiple Tags with the same key"),
        ([("aws:a", "1")], "InvalidTag.*Your TagKey cannot be prefixed with aws:"),
        ([("a,b", "1")], "InvalidTag.*The TagKey you have provided is invalid"),
        ([("a" * 129, "1")], "InvalidTag.*The TagKey you have provided is invalid"),
        ([("a", "1" * 257)], "InvalidTag.*The TagValue you have provided is invalid"),
        ([(str(number), "") for number in range(11)], "BadRequest.*Object tags cannot be greater than 10"),
    ],
)
def test_tags_have_limits(s3: Any, place: Place, pairs: list[tuple[str, str]], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        s3.put_object_tagging(**place, Tagging=_set(*pairs))
    s3.put_object_tagging(**place, Tagging=_set(("a" * 128, "1" * 256)))


@pytest.mark.parametrize("header", ["a=1&a=2", "a=1,b=2", "a%2Cb=1"])
def test_a_header_of_tags_is_a_query_string(s3: Any, place: Place, header: str) -> None:
    with pytest.raises(ClientError, match="The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded"):
        s3.put_object(**place, Tagging=header)
    with pytest.raises(ClientError, match="Object tags cannot be greater than 10"):
        s3.put_object(**place, Tagging="&".join(map(str, range(11))))
