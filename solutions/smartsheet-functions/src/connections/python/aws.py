"""Requests to AWS, signed and over connections that stay open.

The SDK would do, but to load its models takes more of a processor than all else that an initialization does, and a
surge initializes many environments at once.
"""

import contextlib
import json
import os
from typing import Any, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

REGION = os.environ["AWS_REGION"]
RETRIES = 2

http = URLLib3Session()


class Key(NamedTuple):
    access_key: str
    secret_key: str
    token: str


def credentials() -> Any:
    """Those of the environment; on AWS, one that starts from a snapshot asks for its own."""
    if "AWS_ACCESS_KEY_ID" in os.environ:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return Key(*(os.environ[name] for name in names))
    from botocore.session import get_session

    return get_session().get_credentials()


class Refused(Exception):
    """An answer that is none of those hoped for, and the document that came with it."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        super().__init__(f"{status}: {document}")
        self.kind = str(document.get("__type", "")).rpartition("#")[2]
        self.document = document


CREDENTIALS = credentials()


def dynamodb(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    return post("dynamodb", f"DynamoDB_20120810.{operation}", "1.0", request)


def secret(arn: str) -> str:
    return str(post("secretsmanager", "secretsmanager.GetSecretValue", "1.1", {"SecretId": arn})["SecretString"])


def post(service: str, target: str, version: str, document: dict[str, Any]) -> dict[str, Any]:
    """The answer's document. Raises Refused."""
    headers = {"X-Amz-Target": target, "Content-Type": f"application/x-amz-json-{version}"}
    body = json.dumps(document).encode()
    for _ in range(RETRIES):
        with contextlib.suppress(HTTPClientError):
            answer = send(service, headers, body)
            if answer.status_code < 500:
                break
    else:
        answer = send(service, headers, body)
    found: dict[str, Any] = json.loads(answer.content)
    if answer.status_code != 200:
        raise Refused(answer.status_code, found)
    return found


def send(service: str, headers: dict[str, str], body: bytes) -> AWSResponse:
    endpoint = os.environ.get("AWS_ENDPOINT_URL", f"https://{service}.{REGION}.amazonaws.com")
    request = AWSRequest("POST", f"{endpoint.rstrip('/')}/", headers, body)
    SigV4Auth(CREDENTIALS, service, REGION).add_auth(request)
    return http.send(request.prepare())
