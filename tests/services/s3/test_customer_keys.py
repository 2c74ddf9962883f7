"""Encryption under keys that customers send along (SSE-C)."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from fogbank.core.stored_body import cut
from fogbank.services.s3 import bodies
from fogbank.services.s3.body_keys import BodyKey, new_salt
from fogbank.services.s3.records import Body
from tests.conftest import LiveServer

MB = 1024 * 1024
KEY, OTHER = b"1234567890abcdef1234567890abcdef", b"abcdef1234567890abcdef1234567890"
SECRET = b"a text that must not be found anywhere on the disk. "
SMALL, LARGE = SECRET, SECRET * 20_000


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def with_key(key: bytes = KEY, *, source: bool = False) -> dict[str, str]:
    prefix = "CopySourceSSECustomer" if source else "SSECustomer"
    return {
        f"{prefix}Algorithm": "AES256",
        f"{prefix}Key": b64(key),
        f"{prefix}KeyMD5": b64(hashlib.md5(key).digest()),
    }


def refusal(call: Any, **parameters: Any) -> dict[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error: dict[str, str] = caught.value.response["Error"]
    return error


def test_the_key_stream_can_be_read_from_anywhere() -> None:
    key, salt = BodyKey(KEY), new_salt()
    whole = key.transform(salt, 0)(LARGE)
    assert whole != LARGE
    for first in (0, 1, 15, 16, 17, 4095, 100_000):
        assert key.transform(salt, first)(whole[first:]) == LARGE[first:]


@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5), data=st.data())
def test_a_body_in_pieces_is_the_same_from_wherever_it_is_read(sizes: list[int], data: st.DataObject) -> None:
    key, whole = BodyKey(KEY), LARGE[: sum(sizes)]
    first = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, len(whole) - first))
    body = Body([("piece", size) for size in sizes], [new_salt() for _ in sizes])
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    pieces: list[tuple[bytes | Path, int]] = [
        (key.transform(salt, 0)(whole[start : start + size]), size)
        for salt, start, size in zip(body.salts, starts, sizes, strict=True)
    ]
    spans = cut(pieces, first=first, length=length)
    transforms = bodies.transforms(body, key, first=first, count=len(spans))
    read = [transform(span) for transform, span in zip(transforms, spans, strict=True) if isinstance(span, bytes)]
    assert b"".join(read) == whole[first : first + length]


def test_no_two_pieces_share_a_key_stream() -> None:
    key = BodyKey(KEY)
    assert key.transform(new_salt(), 0)(SMALL) != key.transform(new_salt(), 0)(SMALL)


@pytest.mark.parametrize("body", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_an_object_comes_back_with_its_key(s3: Any, bucket: str, body: bytes) -> None:
    place = {"Bucket": bucket, "Key": "k", **with_key()}
    put = s3.put_object(**place, Body=body)
    told = {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": b64(hashlib.md5(KEY).digest())}
    assert put.items() >= told.items()
    assert "ServerSideEncryption" not in put
    assert put["ETag"].strip('"') != hashlib.md5(body).hexdigest()
    got = s3.get_object(**place)
    assert got.items() >= told.items()
    assert got["Body"].read() == body
    assert s3.head_object(**place)["ContentLength"] == len(body)


@pytest.mark.parametrize("body", [SMALL * 3, LARGE], ids=["small", "large"])
def test_ranges_are_decrypted_from_where_they_begin(s3: Any, bucket: str, body: bytes) -> None:
    place = {"Bucket": bucket, "Key": "k", **with_key()}
    s3.put_object(**place, Body=body)
    for first, last in ((0, 0), (1, 17), (15, 16), (100, len(body) - 1)):
        got = s3.get_object(**place, Range=f"bytes={first}-{last}")["Body"].read()
        assert got == body[first : last + 1]


def test_nothing_of_it_lies_on_the_disk(server: LiveServer, s3: Any, bucket: str) -> None:
    for name, body in (("small", SMALL), ("large", LARGE)):
        s3.put_object(Bucket=bucket, Key=name, Body=body, **with_key())
    folder = Path(server.admin("GET", "status")["data"])
    found = [file for file in folder.rglob("*") if file.is_file() and SECRET in file.read_bytes()]
    assert found == []
    s3.put_object(Bucket=bucket, Key="plain", Body=LARGE)
    found = [file for file in folder.rglob("*") if file.is_file() and SECRET in file.read_bytes()]
    assert len(found) == 1, "or this test would find nothing at all"


def test_without_the_right_key_there_is_nothing(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**place, Body=SMALL, **with_key())
    error = refusal(s3.get_object, **place)
    assert (error["Code"], error["Message"][:70]) == (
        "InvalidRequest",
        "The object was stored using a form of Server Side Encryption. The correct parameters must"[:70],
    )
    assert refusal(s3.get_object, **place, **with_key(OTHER))["Code"] == "AccessDenied"
    assert refusal(s3.head_object, **place, **with_key(OTHER))["Code"] == "403"
    assert refusal(s3.head_object, **place)["Code"] == "400"
    assert refusal(s3.get_object_attributes, **place, ObjectAttributes=["ETag"])["Code"] == "InvalidRequest"
    wrong = {**with_key(), "SSECustomerAlgorithm": "KMS"}
    assert refusal(s3.get_object, **place, **wrong)["Code"] == "InvalidEncryptionAlgorithmError"


def test_a_key_for_an_object_that_has_none_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=SMALL)
    error = refusal(s3.get_object, Bucket=bucket, Key="k", **with_key())
    assert error["Message"] == "The encryption parameters are not applicable to this object."


@pytest.mark.parametrize(
    ("change", "code", "beginning"),
    [
        ({"SSECustomerAlgorithm": None}, "InvalidArgument", "Requests specifying Server Side Encryption"),
        ({"SSECustomerAlgorithm": "KMS"}, "InvalidEncryptionAlgorithmError", "The Encryption request you specified"),
        ({"SSECustomerKey": None}, "InvalidArgument", "Requests specifying Server Side Encryption"),
        ({"SSECustomerKey": b64(b"short")}, "InvalidArgument", "The secret key was invalid"),
        ({"SSECustomerKeyMD5": b64(bytes(16))}, "InvalidArgument", "The calculated MD5 hash of the key"),
        ({"ServerSideEncryption": "AES256"}, "InvalidArgument", "Server Side Encryption with Customer provided key is"),
    ],
)
def test_a_key_is_checked_before_anything_is_written(
    s3: Any, bucket: str, change: dict[str, str | None], code: str, beginning: str
) -> None:
    sent = {name: value for name, value in {**with_key(), **change}.items() if value is not None}
    error = refusal(s3.put_object, Bucket=bucket, Key="k", Body=SMALL, **sent)
    assert error["Code"] == code
    assert error["Message"].startswith(beginning)
    assert error["ArgumentName"] == "x-amz-server-side-encryption"
    assert refusal(s3.head_object, Bucket=bucket, Key="k")["Code"] == "404"


def test_versions_have_keys_of_their_own(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": bucket, "Key": "k"}
    first = s3.put_object(**place, Body=b"1", **with_key())["VersionId"]
    s3.put_object(**place, Body=b"2", **with_key(OTHER))
    assert s3.get_object(**place, **with_key(OTHER))["Body"].read() == b"2"
    assert s3.get_object(**place, **with_key(), VersionId=first)["Body"].read() == b"1"
    assert refusal(s3.get_object, **place, **with_key(OTHER), VersionId=first)["Code"] == "AccessDenied"


def test_a_copy_changes_the_key_or_takes_it_away(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=LARGE, **with_key())
    copy = {"Bucket": bucket, "CopySource": f"{bucket}/source"}
    assert refusal(s3.copy_object, **copy, Key="k")["Code"] == "InvalidRequest"
    assert refusal(s3.copy_object, **copy, Key="k", **with_key(OTHER, source=True))["Code"] == "AccessDenied"
    s3.copy_object(**copy, Key="other", **with_key(source=True), **with_key(OTHER))
    assert s3.get_object(Bucket=bucket, Key="other", **with_key(OTHER))["Body"].read() == LARGE
    plain = s3.copy_object(**copy, Key="plain", **with_key(source=True))
    assert plain["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=bucket, Key="plain")["Body"].read() == LARGE


def test_parts_are_encrypted_one_by_one_and_read_as_one(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(Bucket=bucket, Key="source", Body=LARGE, **with_key(OTHER))
    upload = {**place, "UploadId": s3.create_multipart_upload(**place, **with_key())["UploadId"]}
    bodies = [b"a" * (5 * MB + 3), LARGE[10:200_000]]
    for parameters in ({}, with_key(OTHER)):
        assert refusal(s3.upload_part, **upload, PartNumber=1, Body=b"1", **parameters)["Code"] == "InvalidRequest"
    first = s3.upload_part(**upload, PartNumber=1, Body=bodies[0], **with_key())["ETag"]
    copied = s3.upload_part_copy(
        **upload,
        PartNumber=2,
        CopySource=f"{bucket}/source",
        CopySourceRange="bytes=10-199999",
        **with_key(),
        **with_key(OTHER, source=True),
    )
    assert copied["SSECustomerAlgorithm"] == "AES256"
    parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": copied["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    whole = bodies[0] + bodies[1]
    assert refusal(s3.get_object, **place)["Code"] == "InvalidRequest"
    assert s3.get_object(**place, **with_key())["Body"].read() == whole
    seam = len(bodies[0])
    across = s3.get_object(**place, **with_key(), Range=f"bytes={seam - 5}-{seam + 15}")
    assert across["Body"].read() == whole[seam - 5 : seam + 16]


def test_an_upload_without_a_key_takes_no_parts_with_one(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    assert refusal(s3.upload_part, **upload, PartNumber=1, Body=b"1", **with_key())["Code"] == "InvalidRequest"
