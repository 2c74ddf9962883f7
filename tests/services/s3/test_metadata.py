"""User-defined metadata, and the headers that come back with an object."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from fogbank.services.s3 import metadata
from tests.conftest import Aws, LiveServer
from tests.services.s3.conftest import Send


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("plain ascii, with =?marks?=", "plain ascii, with =?marks?="),
        ("a\ttab", "a\ttab"),
        ("test_—_file%E2%80%94_é_2?.pdf", "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?="),
        ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
        ("\x00\x01\x02\x03", "=?UTF-8?B?AAECAw==?="),
        ("\ufffd" * 7, "=?UTF-8?B?77+977+977+977+977+977+977+9?="),
    ],
)
def test_what_is_not_ascii_goes_as_encoded_words(value: str, header: str) -> None:
    assert metadata.as_headers({"k": value}) == {"k": header}
    assert metadata.received({"K": header}) == {"k": value}


def test_encoded_words_are_short_and_join_again() -> None:
    value = "é" * 100 + "日本語" * 20
    header = metadata.as_headers({"k": value})["k"]
    assert all(len(word) <= 75 for word in header.split(" "))
    assert metadata.received({"k": header}) == {"k": value}


def test_words_that_are_encoded_badly_stay_as_they_are() -> None:
    for value in ("=?UTF-8?B?=GGG?=", "=?no-charset?B?YWJj?="):
        assert metadata.received({"k": value}) == {"k": value}


def test_metadata_comes_back_with_names_in_lower_case(s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket, Key="k", Metadata={"Mixed-Case": "Value", "__under_score": "1", "ascii": "=?UTF-8?Q?a?="}
    )
    found = s3.head_object(Bucket=bucket, Key="k")["Metadata"]
    assert found == {"mixed-case": "Value", "__under_score": "1", "ascii": "a"}


def test_metadata_has_a_limit_of_2_kb(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Metadata={"a": "1" * 2047})
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Metadata={"a": "1" * 2048})
    error = caught.value.response["Error"]
    assert (error["Code"], error["MaxSizeAllowed"], error["Size"]) == ("MetadataTooLarge", "2048", "2049")


def test_headers_of_the_contents_come_back_as_they_were_given(send: Send, bucket: str) -> None:
    given = {
        "Cache-Control": "max-age=60",
        "Content-Disposition": 'attachment; filename="é.pdf"',
        "Content-Encoding": "gzip",
        "Content-Language": "de",
        "Content-Type": "text/plain; charset=utf-8",
        "Expires": "when pigs fly",
        "x-amz-website-redirect-location": "/elsewhere",
        "x-amz-storage-class": "STANDARD_IA",
    }
    sent = {name: value.encode() for name, value in given.items()}
    assert send("PUT", f"/{bucket}/k", headers=sent, body=b"1").status == 200
    got = send("GET", f"/{bucket}/k")
    assert {name: (got.headers[name] or "").encode("latin-1") for name in given} == sent
    assert send("GET", f"/{bucket}/k").headers["x-amz-server-side-encryption"] == "AES256"


def test_without_a_type_it_is_binary_and_standard_is_not_told(send: Send, bucket: str) -> None:
    send("PUT", f"/{bucket}/k", headers={"x-amz-storage-class": "STANDARD"}, body=b"1")
    got = send("HEAD", f"/{bucket}/k")
    assert got.headers["Content-Type"] == "binary/octet-stream"
    assert got.headers["x-amz-storage-class"] is None


@pytest.mark.parametrize("storage_class", ["OUTPOSTS", "EXPRESS_ONEZONE", "FakeClass"])
def test_storage_classes_of_other_places_are_refused(s3: Any, bucket: str, storage_class: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", StorageClass=storage_class)
    error = caught.value.response["Error"]
    assert (error["Code"], error["StorageClassRequested"]) == ("InvalidStorageClass", storage_class)


def test_a_redirect_leads_to_a_page(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="InvalidRedirectLocation"):
        s3.put_object(Bucket=bucket, Key="k", WebsiteRedirectLocation="elsewhere")


def test_an_answer_can_have_other_headers_than_the_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", ContentType="text/plain", CacheControl="no-store")
    got = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentType="image/png",
        ResponseContentDisposition="inline",
        ResponseExpires=datetime(2030, 1, 1, tzinfo=UTC),
    )
    assert (got["ContentType"], got["ContentDisposition"], got["CacheControl"]) == ("image/png", "inline", "no-store")
    assert got["ExpiresString"] == "Tue, 01 Jan 2030 00:00:00 GMT"


def test_anonymous_requests_cannot_choose_headers(server: LiveServer, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    anonymous = boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    assert anonymous.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
    with pytest.raises(ClientError) as caught:
        anonymous.get_object(Bucket=bucket, Key="k", ResponseContentType="text/html")
    assert caught.value.response["Error"]["Code"] == "InvalidRequest"
    anonymous.close()


def test_who_reads_from_a_bucket_of_others_may_have_to_pay(aws: Aws, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    other = aws("s3", account="999900001111")
    with pytest.raises(ClientError, match="AccessDenied"):
        other.get_object(Bucket=bucket, Key="k")
    got = other.get_object(Bucket=bucket, Key="k", RequestPayer="requester")
    assert (got["Body"].read(), got["RequestCharged"]) == (b"1", "requester")
    assert "RequestCharged" not in s3.get_object(Bucket=bucket, Key="k")


def test_an_object_of_one_piece_has_one_part(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**place, Body=b"12345678")
    first = s3.get_object(**place, PartNumber=1)
    assert (first["ContentRange"], first["ResponseMetadata"]["HTTPStatusCode"]) == ("bytes 0-7/8", 206)
    with pytest.raises(ClientError) as caught:
        s3.get_object(**place, PartNumber=2)
    error = caught.value.response["Error"]
    assert (error["Code"], error["ActualPartCount"], error["PartNumberRequested"]) == ("InvalidPartNumber", "1", "2")
    with pytest.raises(ClientError, match="Part number must be an integer between 1 and 10000, inclusive"):
        s3.get_object(**place, PartNumber=0)
    with pytest.raises(ClientError, match="Cannot specify both Range header and partNumber"):
        s3.get_object(**place, PartNumber=1, Range="bytes=0-1")


def test_a_key_has_up_to_1024_bytes(send: Send, bucket: str) -> None:
    assert send("PUT", f"/{bucket}/{'a' * 1024}", body=b"1").status == 200
    for method in ("PUT", "GET", "DELETE"):
        refused = send(method, f"/{bucket}/{'%C3%A9' * 513}", body=b"1" if method == "PUT" else None)
        assert (refused.status, refused.error("Code")) == (400, "KeyTooLongError"), method
        assert (refused.error("Size"), refused.error("MaxSizeAllowed")) == ("1026", "1024")
