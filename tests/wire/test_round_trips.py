"""botocore serializes and the wire parses; the wire serializes and botocore parses: every operation of many
models.
"""

from typing import Any, cast
from urllib.parse import quote, urlencode

import pytest
from botocore import xform_name
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import OperationModel, Shape
from botocore.model import ServiceModel as BotocoreModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from fogbank.wire.model import ServiceModel, snake_case
from fogbank.wire.protocols import RequestData, compile_operation
from fogbank.wire.route import Route, Router
from tests.wire.samples import as_numbers, sample

CASES = [
    ("sqs", "json"),
    ("sns", "query"),
    ("dynamodb", "json"),
    ("dynamodbstreams", "json"),
    ("lambda", "rest-json"),
    ("apigatewayv2", "rest-json"),
    ("events", "json"),
    ("logs", "json"),
    ("cloudwatch", "smithy-rpc-v2-cbor"),
    ("cloudwatch", "json"),
    ("cloudwatch", "query"),
    ("s3", "rest-xml"),
    ("cloudformation", "query"),
    ("iam", "query"),
    ("sts", "query"),
    ("kinesis", "json"),
    ("glue", "json"),
    ("secretsmanager", "json"),
    ("ssm", "json"),
    ("ec2", "ec2"),
]
# Of EC2's 800 operations these, because the others look like them.
EC2 = {
    "RunInstances",
    "DescribeInstances",
    "DescribeVpcs",
    "CreateSecurityGroup",
    "CreateTags",
    "DescribeImages",
}
# S3's odd ones (a root with text, two members with one name), and those whose answer is a stream of events.
UNEVEN = {
    "GetBucketLocation",
    "GetBucketNotification",
    "PutBucketNotification",
    "SelectObjectContent",
    "StartLiveTail",
    "SubscribeToShard",
    "WriteGetObjectResponse",
}
REQUEST_ID = "4f2e1f0e-f1a3-4b5d-8a7c-0123456789ab"


def operations(service: str) -> list[OperationModel]:
    model = BotocoreModel(Loader().load_service_model(service, "service-2"), service)
    names = EC2 if service == "ec2" else model.operation_names
    return [model.operation_model(name) for name in names if name not in UNEVEN]


def streams(shape: Shape) -> bool:
    """Whether botocore hands the body on as it is; it is told from a document by not being `bytes`."""
    payload = shape.serialization.get("payload")
    return payload is not None and shape.members[payload].type_name == "blob"


def to_request(operation: OperationModel, protocol: str, parameters: dict[str, Any]) -> RequestData:
    serialized = create_serializer(protocol, include_validation=False).serialize_to_request(parameters, operation)
    headers = {name.lower(): str(value) for name, value in serialized["headers"].items()}
    body = serialized["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    if isinstance(body, str):
        body = body.encode()
    path, _, literal = serialized["url_path"].partition("?")
    query = serialized["query_string"]
    text = urlencode(query, doseq=True, quote_via=quote) if isinstance(query, dict) else query
    return RequestData(serialized["method"], path, "&".join(part for part in (literal, text) if part), headers, body)


@pytest.mark.parametrize(("service", "protocol"), CASES)
def test_every_operation_parses_what_botocore_sends(service: str, protocol: str) -> None:
    model = ServiceModel.load(service)
    wrong = []
    for operation in operations(service):
        shape = operation.input_shape
        parameters = sample(shape) if shape is not None else {}
        if service == "s3":
            parameters.pop("Expires", None)  # botocore turns it into a timestamp; S3 keeps any text
        compiled = compile_operation(model, operation.name, protocol, validates=False)
        parsed = compiled.parse(to_request(operation, protocol, parameters))
        if parsed != as_numbers(parameters):
            wrong.append((operation.name, parsed, as_numbers(parameters)))
    assert wrong == []


@pytest.mark.parametrize(("service", "protocol"), CASES)
def test_botocore_reads_every_answer(service: str, protocol: str) -> None:
    model = ServiceModel.load(service)
    wrong = []
    for operation in operations(service):
        shape = operation.output_shape
        if shape is None or operation.has_event_stream_output:
            continue
        answer = sample(shape)
        compiled = compile_operation(model, operation.name, protocol, validates=False)
        response = compiled.serialize(as_numbers(answer), REQUEST_ID)
        parsed = create_parser(protocol).parse(
            {
                "status_code": 200,
                "headers": HeadersDict(response.headers),
                "body": bytearray(cast(bytes, response.body)) if streams(shape) else response.body,
                "context": {"operation_name": operation.name},
            },
            shape,
        )
        assert parsed.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        if as_numbers(parsed) != as_numbers(answer):
            wrong.append((operation.name, parsed, answer))
    assert wrong == []


@pytest.mark.parametrize("service", sorted({service for service, _ in CASES} - {"ec2"}))
def test_every_request_finds_its_operation(service: str) -> None:
    model = ServiceModel.load(service)
    protocol = model.protocols[0]
    router = Router(tuple({name for name, _ in CASES}))
    scope = f"AKIA/20260101/us-east-1/{model.signing_name}/aws4_request"
    wrong = []
    for operation in operations(service):
        shape = operation.input_shape
        required = {name: sample(shape)[name] for name in shape.required_members} if shape is not None else {}
        request = to_request(operation, protocol, required)
        request.headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        if protocol == "smithy-rpc-v2-cbor":
            request.headers["smithy-protocol"] = "rpc-v2-cbor"
        route = router.route(request)
        if route != Route(service, operation.name, protocol):
            wrong.append((operation.name, route))
    # Older twins of an operation share its request line; ListDirectoryBuckets has a host of its own.
    twins = {"GetBucketLifecycle", "PutBucketLifecycle", "GetBucketNotification", "PutBucketNotification"}
    assert [pair for pair in wrong if pair[0] not in twins | {"ListDirectoryBuckets"}] == []


def test_operations_have_the_names_that_boto3_gives_them() -> None:
    loader = Loader()
    names = {
        name
        for service in loader.list_available_services("service-2")[::6]
        for name in ServiceModel.load(service).operations
    }
    assert {name: snake_case(name) for name in names} == {name: xform_name(name) for name in names}
