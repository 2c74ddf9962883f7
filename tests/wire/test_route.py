"""From a request to its service, operation and protocol."""

from typing import cast

import pytest

from fogbank.core.cloud import Door
from fogbank.core.errors import AwsError
from fogbank.wire.model import ServiceModel, index_entry
from fogbank.wire.protocols import RequestData
from fogbank.wire.route import Credential, Route, Router, credential

SERVICES = (
    "sqs",
    "sns",
    "dynamodb",
    "dynamodbstreams",
    "lambda",
    "s3",
    "iam",
    "sts",
    "cloudwatch",
    "apigatewayv2",
)
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.fixture(scope="module")
def router() -> Router:
    return Router(SERVICES)


def signed(service: str) -> dict[str, str]:
    scope = f"AKIA/20260101/eu-west-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "expected"),
    [
        ("POST", "/", {"x-amz-target": "AmazonSQS.SendMessage"}, b"{}", ("sqs", "SendMessage", "json")),
        (
            "POST",
            "/",
            {"x-amz-target": "DynamoDBStreams_20120810.GetRecords"} | signed("dynamodb"),
            b"{}",
            ("dynamodbstreams", "GetRecords", "json"),
        ),
        ("POST", "/", FORM | signed("sns"), b"Action=Publish", ("sns", "Publish", "query")),
        ("POST", "/", FORM | {"host": "iam.amazonaws.com"}, b"Action=GetRole", ("iam", "GetRole", "query")),
        (
            "POST",
            "/",
            FORM,
            b"Action=GetCallerIdentity&Version=2011-06-15",
            ("sts", "GetCallerIdentity", "query"),
        ),
        ("POST", "/000000000000/jobs", FORM, b"Action=SendMessage", ("sqs", "SendMessage", "query")),
        ("GET", "/000000000000/jobs?Action=ReceiveMessage", {}, b"", ("sqs", "ReceiveMessage", "query")),
        (
            "POST",
            "/",
            FORM | signed("monitoring"),
            b"Action=PutMetricData",
            ("cloudwatch", "PutMetricData", "query"),
        ),
        (
            "POST",
            "/service/GraniteServiceVersion20100801/operation/PutMetricData",
            {"smithy-protocol": "rpc-v2-cbor"},
            b"",
            ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor"),
        ),
        (
            "POST",
            "/2015-03-31/functions/f/invocations",
            signed("lambda"),
            b"",
            ("lambda", "Invoke", "rest-json"),
        ),
        ("GET", "/2015-03-31/functions/", {}, b"", ("lambda", "ListFunctions", "rest-json")),
        ("GET", "/v2/apis", signed("apigateway"), b"", ("apigatewayv2", "GetApis", "rest-json")),
        ("PUT", "/b/k?partNumber=1&uploadId=u", signed("s3"), b"", ("s3", "UploadPart", "rest-xml")),
        ("PUT", "/b/k", {"x-amz-copy-source": "a/b"}, b"", ("s3", "CopyObject", "rest-xml")),
        ("GET", "/b/?list-type=2", {}, b"", ("s3", "ListObjectsV2", "rest-xml")),
        ("GET", "/b/k?x-id=GetObject", {}, b"", ("s3", "GetObject", "rest-xml")),
        ("GET", "/b?lifecycle", {}, b"", ("s3", "GetBucketLifecycleConfiguration", "rest-xml")),
        ("GET", "/", {}, b"", ("s3", "ListBuckets", "rest-xml")),
    ],
)
def test_a_request_finds_its_operation(
    router: Router,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    expected: tuple[str, str, str],
) -> None:
    path, _, query = target.partition("?")
    assert router.route(RequestData(method, path, query, headers, body)) == Route(*expected)


@pytest.mark.parametrize(
    ("host", "resource"),
    [
        ("localhost:4566", "/k/a"),
        ("s3.localhost:4566", "/k/a"),
        ("s3.eu-west-1.localhost:4566", "/k/a"),
        ("pics.s3.localhost:4566", "/pics/k/a"),
        ("my.pics.s3.eu-west-1.localhost.localstack.cloud:4566", "/my.pics/k/a"),
        ("pics.s3.amazonaws.com", "/pics/k/a"),
        ("pics.localhost:4566", "/pics/k/a"),
    ],
)
def test_a_bucket_in_the_host_moves_into_the_path(router: Router, host: str, resource: str) -> None:
    request = RequestData("GET", "/k/a", "", {"host": host} | signed("s3"), b"")
    assert router.route(request).operation == "GetObject"
    assert (request.resource, request.path) == (resource, "/k/a")


@pytest.mark.parametrize(
    ("headers", "body", "code", "status"),
    [
        ({"x-amz-target": "AmazonSQS.Nope"}, b"{}", "UnknownOperationException", 404),
        ({"x-amz-target": "Nowhere.Nope"}, b"{}", "UnknownOperationException", 404),
        ({"x-amz-target": "Kinesis_20131202.PutRecord"}, b"{}", "NotImplemented", 501),
        (FORM | signed("sns"), b"Action=Nope", "InvalidAction", 400),
        (FORM | signed("ec2"), b"Action=DescribeVpcs", "NotImplemented", 501),
        (signed("lambda"), b"", "UnknownOperationException", 404),
    ],
)
def test_a_request_that_leads_nowhere_is_told_so(
    router: Router, headers: dict[str, str], body: bytes, code: str, status: int
) -> None:
    with pytest.raises(AwsError) as refused:
        router.route(RequestData("POST", "/", "", headers, body))
    assert (refused.value.code, refused.value.status) == (code, status)
    response = router.serialize_error(None, refused.value, "id")
    assert response.status == status
    assert refused.value.message.split("<")[0].encode() in cast(bytes, response.body)


def test_the_credential_is_read_in_every_form() -> None:
    def read(query: str = "", **headers: str) -> Credential | None:
        return credential(RequestData("GET", "/", query, headers, b""))

    expected = Credential("AKIA", "eu-west-1", "sqs")
    assert read(**signed("sqs")) == expected
    assert read("a=b&X-Amz-Credential=AKIA%2F20260101%2Feu-west-1%2Fsqs%2Faws4_request") == expected
    multi_region = "AWS4-ECDSA-P256-SHA256 Credential=AKIA/20260101/s3/aws4_request, SignedHeaders=host"
    assert read(authorization=multi_region) == Credential("AKIA", None, "s3")
    assert read(authorization="AWS AKIA:signature") == Credential("AKIA", None, "s3")
    assert read("AWSAccessKeyId=AKIA&Signature=x&Expires=1") == Credential("AKIA", None, "s3")
    assert read(authorization="Bearer token") is None
    assert read(authorization="AWS4-HMAC-SHA256 nonsense") is None
    assert read() is None


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_head_of_a_model_says_is_what_the_model_says(service: str) -> None:
    entry, model = index_entry(service), ServiceModel.load(service)
    assert (entry.signing_name, entry.target_prefix) == (model.signing_name, model.metadata.get("targetPrefix"))
    assert entry.endpoint_prefix == model.metadata["endpointPrefix"]


@pytest.mark.parametrize(
    ("host", "path", "headers", "expected"),
    [
        ("shop.own.localhost:4566", "/a", {"x-amz-target": "AmazonSQS.SendMessage"}, ("Serve", "/shop/a")),
        ("localhost:4566", "/own/shop/a/b", {}, ("Serve", "/shop/a/b")),
        ("localhost:4566", "/own/shop/a/b", signed("own"), ("Serve", "/shop/a/b")),
        ("localhost:4566", "/own/shop/a/b", signed("s3"), ("GetObject", "/own/shop/a/b")),
        ("localhost:4566", "/shop/a", {}, ("GetObject", "/shop/a")),
    ],
)
def test_a_service_has_doors_beside_its_api(
    host: str, path: str, headers: dict[str, str], expected: tuple[str, str]
) -> None:
    doors = (
        Door(operation="Serve", mark=".own.", host=r"([a-z]+)\.own\..*"),
        Door(operation="Serve", mark="/own/", path=r"/own/([^/]+)/(.*)", signed_as="own"),
    )
    router = Router(SERVICES, {"lambda": doors})
    request = RequestData("GET", path, "", {"host": host} | headers, b"")
    assert (router.route(request).operation, request.resource) == expected
