"""Valid requests of every protocol, as bytes: what botocore would have sent."""

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import boto3
import cbor2
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

from fogbank.core.root_key import KEY_VARIABLE, SECRET_VARIABLE

ACCOUNT = "444455556666"


@dataclass(frozen=True)
class Request:
    """A request in parts, so that a mutation can aim at one of them."""

    name: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def encode(self) -> bytes:
        """As sent; a Content-Length that is not among the headers is added."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not any(name.lower() == "content-length" for name, _ in self.headers):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + self.body

    def with_body(self, body: bytes) -> "Request":
        """With another body and with its digests: S3 looks at no body that is not what its headers promise."""
        digests = {
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-amz-checksum-crc32": base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode(),
        }
        headers = tuple((name, digests.get(name.lower(), value)) for name, value in self.headers)
        return replace(self, headers=headers, body=body)


class _Kept(Exception):
    """Ends botocore's call where it would have sent the request."""


def client(service: str, endpoint: str, **config: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        # Where requests are authenticated it is the root that asks.
        aws_access_key_id=os.environ.get(KEY_VARIABLE, ACCOUNT),
        aws_secret_access_key=os.environ.get(SECRET_VARIABLE, "secret"),
        config=Config(
            retries={"max_attempts": 0},
            s3={"addressing_style": "path"},
            read_timeout=30,
            inject_host_prefix=False,  # An address takes no prefix.
            **config,
        ),
    )


def recorder(endpoint: str) -> Callable[..., Request]:
    """`record("sqs", "send_message", QueueUrl=…)` is the request, unsent."""
    clients: dict[str, Any] = {}
    kept: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest, **_: object) -> None:
        kept.append(request)
        raise _Kept

    def record(service: str, operation: str, **parameters: Any) -> Request:
        if service not in clients:
            clients[service] = client(service, endpoint)
            clients[service].meta.events.register("before-send", keep)
        kept.clear()
        with suppress(_Kept):
            getattr(clients[service], operation)(**parameters)
        sent = kept[0]
        url = urlsplit(sent.url)
        body = sent.body or b""
        headers = [("Host", url.netloc)]
        for name, value in sent.headers.items():
            text = value.decode() if isinstance(value, bytes) else str(value)
            if name.lower() not in ("host", "content-length", "expect"):
                headers.append((name, text))
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        if hasattr(body, "read"):
            body = body.read()
        raw = body.encode() if isinstance(body, str) else bytes(body)
        return Request(f"{service}.{operation}", str(sent.method), target, tuple(headers), raw)

    return record


def corpus(endpoint: str, queue_url: str, topic: str, table: str, bucket: str) -> list[Request]:
    """One or more requests of every protocol; all aim at things that exist."""
    record = recorder(endpoint)
    key = {"pk": {"S": "fuzz"}}
    requests = [
        record(
            "sqs",
            "send_message",
            QueueUrl=queue_url,
            MessageBody="hello",
            MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}},
        ),
        record(
            "sqs",
            "send_message_batch",
            QueueUrl=queue_url,
            Entries=[{"Id": str(n), "MessageBody": "x", "DelaySeconds": 1} for n in range(3)],
        ),
        record("sqs", "receive_message", QueueUrl=queue_url, MaxNumberOfMessages=2),
        record("sqs", "set_queue_attributes", QueueUrl=queue_url, Attributes={"DelaySeconds": "0"}),
        record(
            "dynamodb",
            "put_item",
            TableName=table,
            Item=key | {"n": {"N": "1.5"}, "b": {"B": b"\x00\xff"}, "l": {"L": [{"NULL": True}]}},
            ConditionExpression="attribute_not_exists(#n) OR #n >= :zero",
            ExpressionAttributeNames={"#n": "n"},
            ExpressionAttributeValues={":zero": {"N": "0"}},
        ),
        record(
            "dynamodb",
            "update_item",
            TableName=table,
            Key=key,
            UpdateExpression="SET a.b[1] = if_not_exists(c, :v) REMOVE d ADD n :one",
            ExpressionAttributeValues={":v": {"SS": ["x", "y"]}, ":one": {"N": "1"}},
        ),
        record(
            "dynamodb",
            "query",
            TableName=table,
            KeyConditionExpression="pk = :p",
            FilterExpression="contains(a, :x) AND NOT size(b) BETWEEN :p AND :p",
            ExpressionAttributeValues={":p": {"S": "fuzz"}, ":x": {"S": "x"}},
        ),
        record("dynamodb", "transact_write_items", TransactItems=[{"Delete": {"TableName": table, "Key": key}}]),
        record("sns", "publish", TopicArn=topic, Message="hello", Subject="s"),
        record(
            "sns",
            "publish",
            TopicArn=topic,
            Message="hello",
            MessageAttributes={"k": {"DataType": "Number", "StringValue": "3"}},
        ),
        record("sns", "list_subscriptions_by_topic", TopicArn=topic),
        record("events", "put_events", Entries=[{"Source": "s", "DetailType": "d", "Detail": '{"a": 1}'}]),
        record("events", "put_rule", Name="fuzz", EventPattern=json.dumps({"source": [{"prefix": "x"}]})),
        record(
            "lambda",
            "create_function",
            FunctionName="fuzz",
            Runtime="python3.11",
            Role=f"arn:aws:iam::{ACCOUNT}:role/fuzz",
            Handler="index.handler",
            Code={"ZipFile": b"PK\x03\x04 this is no zip"},
        ),
        record("lambda", "list_functions", MaxItems=5),
        record("s3", "put_object", Bucket=bucket, Key="a/b", Body=b"hello", Metadata={"m": "n"}),
        record("s3", "list_objects_v2", Bucket=bucket, Prefix="a", MaxKeys=3),
        record(
            "s3",
            "put_bucket_tagging",
            Bucket=bucket,
            Tagging={"TagSet": [{"Key": "k", "Value": "v"}]},
        ),
        record("s3", "delete_objects", Bucket=bucket, Delete={"Objects": [{"Key": "gone"}]}),
        record("iam", "list_roles", MaxItems=10),
        record("sts", "get_caller_identity"),
        record("logs", "describe_log_groups", limit=5),
        record(
            "cloudformation",
            "validate_template",
            TemplateBody=json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}),
        ),
        record(
            "cloudwatch",
            "put_metric_data",
            Namespace="Fuzz",
            MetricData=[{"MetricName": "m", "Value": 1.0, "Dimensions": [{"Name": "d", "Value": "e"}]}],
        ),
    ]
    return [*requests, _query_sqs(endpoint, queue_url), *_cbor(endpoint)]


def _query_sqs(endpoint: str, queue_url: str) -> Request:
    host = urlsplit(endpoint).netloc
    body = f"Action=SendMessage&Version=2012-11-05&MessageBody=hello&QueueUrl={queue_url}"
    form = ("Content-Type", "application/x-www-form-urlencoded")
    return Request("sqs-query", "POST", "/", (("Host", host), form, _signed("sqs")), body.encode())


def _cbor(endpoint: str) -> list[Request]:
    host = urlsplit(endpoint).netloc
    calls = {
        "PutMetricData": {"Namespace": "Fuzz", "MetricData": [{"MetricName": "m", "Value": 2.0}]},
        "ListMetrics": {"Namespace": "Fuzz"},
    }
    shared = (("Host", host), ("Smithy-Protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor"))
    return [
        Request(
            f"cbor-{operation}",
            "POST",
            f"/service/GraniteServiceVersion20100801/operation/{operation}",
            (*shared, _signed("monitoring")),
            cbor2.dumps(parameters),
        )
        for operation, parameters in calls.items()
    ]


def _signed(service: str) -> tuple[str, str]:
    scope = f"{ACCOUNT}/20260101/us-east-1/{service}/aws4_request"
    return "Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
