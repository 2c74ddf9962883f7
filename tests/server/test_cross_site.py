"""With `--auth off`: what a page of another site can have a browser send without asking first."""

import http.client
import secrets
from typing import Any

import pytest

from tests.conftest import Aws, LiveServer

FORM = {"content-type": "application/x-www-form-urlencoded"}
EVIL = {"origin": "https://evil.example"}
IMAGE = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}


def status(server: LiveServer, method: str, path: str, headers: dict[str, str], body: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request(method, path, body, {"host": f"localhost:{server.port}", **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("POST", "/", FORM, "Action=CreateQueue&Version=2012-11-05&QueueName={}"),
        ("POST", "/", {**FORM, "host": "sqs.us-east-1.localhost"}, "Action=CreateQueue&QueueName={}"),
        ("POST", "/?Action=CreateQueue&QueueName={}", {"content-type": "text/plain"}, ""),
        ("POST", "/?X-Amz-Credential=a/20260101/us-east-1/sqs/aws4_request&Action=CreateQueue&QueueName={}", {}, ""),
        ("GET", "/?Action=CreateQueue&Version=2012-11-05&QueueName={}", {}, ""),
        ("POST", "/2015-03-31/functions/{}/invocations", {"content-type": "text/plain"}, "{{}}"),
    ],
)
@pytest.mark.parametrize("page", [EVIL, {"origin": "null"}, {"origin": "http://localhost.evil.example"}, IMAGE])
def test_what_another_sites_page_sends_is_refused(
    server: LiveServer,
    aws: Aws,
    page: dict[str, str],
    method: str,
    path: str,
    headers: dict[str, str],
    body: str,
) -> None:
    name = f"q-{secrets.token_hex(4)}"
    assert status(server, method, path.format(name), {**headers, **page}, body.format(name)) == 403
    assert aws("sqs", account="000000000000").list_queues(QueueNamePrefix=name).get("QueueUrls", []) == []


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"origin": "http://localhost:3000"},
        {"origin": "http://127.0.0.1:8080"},
        {"origin": "http://app.localhost"},
        {"origin": "http://cloud.test:4566", "host": "cloud.test:4566"},
        {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "cross-site", "referer": "http://127.0.0.1:3000/page"},
    ],
)
def test_what_a_page_of_this_machine_or_of_the_endpoint_sends_is_taken(
    server: LiveServer, page: dict[str, str]
) -> None:
    form = f"Action=CreateQueue&Version=2012-11-05&QueueName=q-{secrets.token_hex(4)}"
    assert status(server, "POST", "/", {**FORM, **page}, form) == 200


def test_what_is_for_pages_is_there_for_all_pages(server: LiveServer, aws: Aws, account: str) -> None:
    bucket = f"b-{secrets.token_hex(4)}"
    aws("s3").create_bucket(Bucket=bucket)
    aws("s3").put_object(Bucket=bucket, Key="k", Body=b"text")
    assert status(server, "GET", f"/{bucket}/k", EVIL) == 200
    boundary = "--x\r\ncontent-disposition: form-data; name="
    form = f'{boundary}"key"\r\n\r\nposted\r\n{boundary}"file"\r\n\r\ntext\r\n--x--\r\n'
    headers = {**EVIL, "content-type": "multipart/form-data; boundary=x"}
    assert status(server, "POST", f"/{bucket}", headers, form) == 204


def test_links_in_mails_can_be_followed(server: LiveServer) -> None:
    arn = "arn:aws:sns:us-east-1:000000000000:never"
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    for link in (f"Action=ConfirmSubscription&TopicArn={arn}&Token=x", f"Action=Unsubscribe&SubscriptionArn={arn}:x"):
        assert status(server, "GET", f"/?{link}", followed) != 403


def test_signed_requests_are_taken_from_wherever_they_come(server: LiveServer, account: str) -> None:
    def with_origin(request: Any, **_: Any) -> None:
        request.headers.update({"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"})

    sqs = server.client("sqs", account=account)
    sqs.meta.events.register("before-send.sqs", with_origin)
    assert sqs.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
