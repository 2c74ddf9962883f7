"""Errors: botocore reads in every protocol what was raised; the sentences are AWS's."""

from typing import Any, cast

import pytest
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import ServiceModel as BotocoreModel
from botocore.parsers import create_parser

from fogbank.core.errors import AwsError
from fogbank.wire.model import ServiceModel
from fogbank.wire.protocols import CompiledOperation, RequestData, ResponseData, compile_operation
from fogbank.wire.validate import constraints

REQUEST_ID = "4f2e1f0e-f1a3-4b5d-8a7c-0123456789ab"


class QueueDoesNotExist(AwsError):
    code = "QueueDoesNotExist"
    message = "The specified queue does not exist."
    query_code = "AWS.SimpleQueueService.NonExistentQueue"


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    message = "Nothing <here> & there."


class NoSuchEntity(AwsError):
    code = "NoSuchEntityException"
    status = 404
    message = "The role with name x cannot be found."


class NoSuchBucket(AwsError):
    code = "NoSuchBucket"
    status = 404
    message = "The specified bucket does not exist"


class Cancelled(AwsError):
    code = "TransactionCanceledException"
    message = "Transaction cancelled"


def compiled(service: str, operation: str, protocol: str) -> CompiledOperation:
    return compile_operation(ServiceModel.load(service), operation, protocol)


def read(protocol: str, response: ResponseData, shape: Any = None) -> dict[str, Any]:
    parsed: dict[str, Any] = create_parser(protocol).parse(
        {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body},
        shape,
    )
    return parsed


def post(body: bytes, **headers: str) -> RequestData:
    return RequestData("POST", "/", "", headers, body)


@pytest.mark.parametrize(
    ("service", "operation", "protocol", "error", "code"),
    [
        ("sqs", "SendMessage", "json", QueueDoesNotExist(), "AWS.SimpleQueueService.NonExistentQueue"),
        ("sqs", "SendMessage", "query", QueueDoesNotExist(), "AWS.SimpleQueueService.NonExistentQueue"),
        ("dynamodb", "GetItem", "json", ResourceNotFound(), "ResourceNotFoundException"),
        ("lambda", "GetFunction", "rest-json", ResourceNotFound(), "ResourceNotFoundException"),
        ("iam", "GetRole", "query", NoSuchEntity(), "NoSuchEntity"),
        ("s3", "GetObject", "rest-xml", NoSuchBucket(), "NoSuchBucket"),
        ("ec2", "DescribeVpcs", "ec2", NoSuchEntity(), "NoSuchEntityException"),
        ("cloudwatch", "GetDashboard", "smithy-rpc-v2-cbor", ResourceNotFound(), "ResourceNotFoundException"),
    ],
)
def test_botocore_reads_code_and_message(
    service: str, operation: str, protocol: str, error: AwsError, code: str
) -> None:
    parsed = read(protocol, compiled(service, operation, protocol).serialize_error(error, REQUEST_ID))
    assert parsed["Error"]["Code"] == code
    assert parsed["Error"]["Message"] == error.message
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == error.status
    assert parsed["ResponseMetadata"].get("RequestId", REQUEST_ID) == REQUEST_ID


def test_dynamodb_names_its_errors_with_their_namespace() -> None:
    response = compiled("dynamodb", "GetItem", "json").serialize_error(ResourceNotFound(), REQUEST_ID)
    assert b'"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"' in cast(bytes, response.body)


def test_members_of_an_error_reach_the_client() -> None:
    reasons = [{"Code": "ConditionalCheckFailed", "Item": {"pk": {"S": "a"}}}, {"Code": "None"}]
    error = Cancelled(members={"CancellationReasons": reasons})
    response = compiled("dynamodb", "TransactWriteItems", "json").serialize_error(error, REQUEST_ID)
    model = BotocoreModel(Loader().load_service_model("dynamodb", "service-2"))
    parsed = read("json", response, model.shape_for("TransactionCanceledException"))
    assert parsed["CancellationReasons"] == reasons


@pytest.mark.parametrize(
    ("service", "operation", "body", "code", "sentence"),
    [
        (
            "kinesis",
            "PutRecord",
            b'{"StreamName": "a b", "PartitionKey": "", "Data": ""}',
            "ValidationException",
            "2 validation errors detected: Value 'a b' at 'streamName' failed to satisfy constraint: Member "
            "must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at 'partitionKey' "
            "failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "dynamodb",
            "PutItem",
            b'{"TableName": "abc"}',
            "ValidationException",
            "1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null",
        ),
        (
            "dynamodb",
            "CreateTable",
            b'{"TableName": "abc", "AttributeDefinitions": [], "KeySchema": [{"AttributeName": "a", "KeyType": "X"}]}',
            "ValidationException",
            "1 validation error detected: Value 'X' at 'keySchema.1.member.keyType' failed to satisfy "
            "constraint: Member must satisfy enum value set: [HASH, RANGE]",
        ),
        (
            "sqs",
            "SendMessage",
            b'{"QueueUrl": "x"}',
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        ),
        (
            "sqs",
            "SendMessage",
            b'{"QueueUrl": "x", "MessageBody": 1}',
            "SerializationException",
            "NUMBER_VALUE can not be converted to a String",
        ),
        (
            "sqs",
            "SendMessage",
            b'{"QueueUrl": "x", "MessageBody": []}',
            "SerializationException",
            "Start of list found where not expected.",
        ),
    ],
)
def test_a_bad_input_is_refused_in_the_words_of_aws(
    service: str, operation: str, body: bytes, code: str, sentence: str
) -> None:
    with pytest.raises(AwsError) as refused:
        compiled(service, operation, "json").parse(post(body))
    assert (refused.value.code, refused.value.message) == (code, sentence)


def test_a_null_member_is_an_absent_one_and_a_quoted_number_is_a_number() -> None:
    body = b'{"QueueUrl": "x", "MessageBody": "m", "DelaySeconds": "5", "MessageGroupId": null, "Unknown": 1}'
    parsed = compiled("sqs", "SendMessage", "json").parse(post(body))
    assert parsed == {"QueueUrl": "x", "MessageBody": "m", "DelaySeconds": 5}


MALFORMED_JSON = [
    b"",
    b"{",
    b"[]",
    b"1",
    b'"text"',
    b"\xff\xfe",
    b'{"QueueUrl": "\\ud800"}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"DelaySeconds": 1' + b"0" * 5_000 + b"}",
    b'{"DelaySeconds": 1e999}',
    b'{"MessageAttributes": {"a": {"BinaryValue": "%%%"}}}',
]
MALFORMED_FORMS = [
    b"\xff",
    b"Message=%ff",
    b"&&&=&",
    b"MessageAttributes.entry.x.Name=1",
    b"MessageAttributes=1",
    b"MessageAttributes.entry.1=1",
    b"a." * 10_000 + b"=1",
    b"&".join(b"a=1" for _ in range(30_000)),
    b"Message.1=a",
]
MALFORMED_XML = [
    b"",
    b"<",
    b"<a>",
    b"\xff\xff",
    b'<!DOCTYPE a [<!ENTITY x "y">]><Delete>&x;</Delete>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Delete/>',
    b"<a>" * 100_000,
    b'<?xml version="1.0" encoding="nonsense"?><Delete/>',
    b"<Delete><Object><Key>k</Key><Size>many</Size></Object></Delete>",
]
MALFORMED_CBOR = [
    b"\xff",
    b"\x9f" * 100_000,
    b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xa1\x80\x01",
    b"\x81" * 200_000,
    b"\xd9\xd9\xf7\x01",
    b"\x62\xff\xff",
    b"\xbf",
    b"\xa1\x69Namespace\xc2\x41\x01",
]


@pytest.mark.parametrize(
    ("service", "operation", "protocol", "bodies"),
    [
        ("sqs", "SendMessage", "json", MALFORMED_JSON),
        ("dynamodb", "PutItem", "json", MALFORMED_JSON),
        ("lambda", "CreateFunction", "rest-json", MALFORMED_JSON),
        ("sns", "Publish", "query", MALFORMED_FORMS),
        ("s3", "DeleteObjects", "rest-xml", MALFORMED_XML),
        ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", MALFORMED_CBOR),
    ],
)
def test_garbage_is_refused_with_a_client_error(
    service: str, operation: str, protocol: str, bodies: list[bytes]
) -> None:
    operation_compiled = compiled(service, operation, protocol)
    for body in bodies:
        with pytest.raises(AwsError) as refused:
            operation_compiled.parse(post(body))
        assert 400 <= refused.value.status < 500, body[:40]
        assert operation_compiled.serialize_error(refused.value, REQUEST_ID).status == refused.value.status


@pytest.mark.parametrize(
    ("service", "shape", "named"),
    [
        ("dynamodb", "ScalarAttributeType", "B, N, S"),
        ("dynamodb", "ReturnConsumedCapacity", "INDEXES, TOTAL, NONE"),
        ("dynamodb", "ReturnValue", "ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW"),
        (
            "dynamodb",
            "ComparisonOperator",
            "IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS",
        ),
        ("cloudwatch", "StateValue", "INSUFFICIENT_DATA, ALARM, OK"),
        ("apigateway", "IntegrationType", "HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS"),
        ("events", "ApiDestinationHttpMethod", "HEAD, POST, PATCH, DELETE, PUT, GET, OPTIONS"),
    ],
)
def test_the_values_of_an_enumeration_are_named_in_the_order_of_aws(service: str, shape: str, named: str) -> None:
    told = constraints(ServiceModel.load(service).shapes[shape], "other")
    assert told == [f"Member must satisfy enum value set: [{named}]"]
