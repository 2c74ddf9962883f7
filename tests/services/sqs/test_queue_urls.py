import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.services.sqs.urls import QueueAddress, parse_queue_url
from tests.conftest import Aws, LiveServer

ID = "123456789012"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("jobs", ("jobs", "", "")),
        (f"http://localhost:4566/{ID}/jobs", ("jobs", ID, "")),
        (f"http://[::1]:4566/{ID}/jobs.fifo", ("jobs.fifo", ID, "")),
        (f"https://sqs.eu-west-1.amazonaws.com/{ID}/jobs", ("jobs", ID, "eu-west-1")),
        (f"https://sqs.us-gov-west-1.amazonaws.com/{ID}/jobs", ("jobs", ID, "us-gov-west-1")),
        (f"https://vpce-1-a.sqs.eu-west-1.vpce.amazonaws.com/{ID}/jobs", ("jobs", ID, "eu-west-1")),
        (f"https://eu-west-1.queue.amazonaws.com/{ID}/jobs", ("jobs", ID, "eu-west-1")),
        (f"https://queue.amazonaws.com/{ID}/jobs", ("jobs", ID, "us-east-1")),
        (f"http://queue:4566/{ID}/jobs", ("jobs", ID, "")),
        (f"http://localhost:4566/queue/eu-west-1/{ID}/jobs", ("jobs", ID, "eu-west-1")),
    ],
)
def test_every_form_of_a_queue_url_is_read(url: str, expected: tuple[str, str, str]) -> None:
    assert parse_queue_url(url)[:3] == expected
    assert isinstance(parse_queue_url(url), QueueAddress)


def _called_as(host: str, client: Any) -> Any:
    """The client reaches the server under another name."""
    client.meta.events.register("before-send.sqs", lambda request, **_: request.headers.__setitem__("Host", host))
    return client


def test_a_url_carries_the_region_where_the_host_has_subdomains(aws: Aws, account: str) -> None:
    for host in ("localhost.localstack.cloud:4566", "sqs.eu-west-1.localhost.localstack.cloud:4566"):
        sqs = _called_as(host, aws("sqs", region="eu-west-1"))
        url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
        assert url == f"http://sqs.eu-west-1.localhost.localstack.cloud:4566/{account}/jobs"
        sqs.send_message(QueueUrl=url, MessageBody="here")


def test_a_url_of_another_region_is_not_valid_at_this_endpoint(aws: Aws, account: str) -> None:
    aws("sqs", region="eu-west-1").create_queue(QueueName="jobs")
    url = f"https://sqs.eu-west-1.amazonaws.com/{account}/jobs"
    aws("sqs", region="eu-west-1").get_queue_attributes(QueueUrl=url)
    with pytest.raises(ClientError, match=r"The address https://sqs\.eu-west-1\.amazonaws\.com/ is not valid"):
        aws("sqs").get_queue_attributes(QueueUrl=url)


# ---- the query protocol --------------------------------------------------------------------------------------------


def _ask(server: LiveServer, account: str, path: str, **form: str) -> tuple[int, str]:
    credential = f"AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/sqs/aws4_request"
    request = urllib.request.Request(
        server.endpoint + path,
        data=urllib.parse.urlencode(form).encode() or None,
        headers={"Authorization": f"{credential}, SignedHeaders=host, Signature=0"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_form_names_its_queue_by_the_path(server: LiveServer, aws: Aws, account: str) -> None:
    aws("sqs").create_queue(QueueName="jobs")
    path = f"/{account}/jobs"
    assert _ask(server, account, path, Action="SendMessage", MessageBody="a")[0] == 200
    assert "<Body>a</Body>" in _ask(server, account, path, Action="ReceiveMessage")[1]
    assert "<ReceiveMessageResult/>" in _ask(server, account, path, Action="ReceiveMessage")[1]
    assert f"/{account}/jobs</QueueUrl>" in _ask(server, account, path, Action="GetQueueUrl", QueueName="jobs")[1]


@pytest.mark.parametrize(
    ("form", "status", "text"),
    [
        ({"Action": "CreateQueue", "QueueName": "x"}, 400, "<Code>InvalidAction</Code>"),
        ({"Action": "ListQueues"}, 400, "The action ListQueues is not valid for this endpoint.</Message><Detail/>"),
        ({"Action": "SendMessageBatch"}, 400, "<Code>AWS.SimpleQueueService.EmptyBatchRequest</Code>"),
        ({"Action": "PurgeQueue", "QueueUrl": "none"}, 400, "does not exist for this wsdl version.</Message>"),
        ({}, 404, "<UnknownOperationException/>"),
    ],
)
def test_a_forms_mistakes_are_worded_as_aws_does(
    server: LiveServer, aws: Aws, account: str, form: dict[str, str], status: int, text: str
) -> None:
    aws("sqs").create_queue(QueueName="jobs")
    answer = _ask(server, account, f"/{account}/jobs", **form)
    assert answer[0] == status
    assert text in answer[1]
