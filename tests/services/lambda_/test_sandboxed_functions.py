"""What functions in sandboxes reach of the server that they run on."""

import json
import sys
import urllib.request
from typing import Any

import pytest

from tests.conftest import Aws, LiveServer
from tests.services.lambda_.test_invocation import create

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes are there on Linux only")

ASK = """
import json, os, urllib.error, urllib.request

def ask(method, path, headers={}):
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return str(error)
"""


def answer(client: Any, name: str) -> Any:
    given = client.invoke(FunctionName=name)
    document = json.load(given["Payload"])
    assert "FunctionError" not in given, document
    return document


def answer_of_an_untrusted_one(client: Any, name: str) -> Any:
    """None where this machine cannot isolate it."""
    try:
        return answer(client, name)
    except client.exceptions.InvalidRuntimeException as error:
        if "This machine cannot isolate functions that are not trusted: no " not in str(error):
            raise
        return None


def test_a_function_uses_the_cloud_and_cannot_administer_its_server(aws: Aws, server: LiveServer) -> None:
    source = ASK + (
        "def handler(event, context):\n"
        "    mine = {'X-Fogbank': '1'}\n"
        "    return [ask('GET', '/'), ask('POST', '/_fogbank/reset', mine), ask('GET', '/_fogbank/snapshot', mine),\n"
        "            ask('POST', '/_fogbank/clock', mine), ask('GET', '/_fogbank/status')]\n"
    )
    create(aws("lambda"), "f", source)
    first, *others = answer(aws("lambda"), "f")
    assert first == 200  # ListBuckets
    assert others == [403] * 4
    with urllib.request.urlopen(f"{server.endpoint}/_fogbank/status") as status:
        assert status.status == 200


def test_names_below_localhost_are_found(aws: Aws) -> None:
    source = (
        "import boto3, os\n"
        "from urllib.parse import urlsplit\n"
        "def handler(event, context):\n"
        "    port = urlsplit(os.environ['AWS_ENDPOINT_URL']).port\n"
        "    s3 = boto3.client('s3', endpoint_url=f'http://s3.localhost:{port}')\n"
        "    s3.create_bucket(Bucket=event)\n"
        "    s3.put_object(Bucket=event, Key='k', Body=b'v')\n"
        "    return s3.get_object(Bucket=event, Key='k')['Body'].read().decode()\n"
    )
    create(aws("lambda"), "f", source, Timeout=60)
    given = aws("lambda").invoke(FunctionName="f", Payload=b'"names-are-found"')
    assert json.load(given["Payload"]) == "v"


def test_nobody_is_trusted_and_there_is_no_network_where_the_server_says_so() -> None:
    server = LiveServer("--ephemeral", "--function-network", "none", "--untrusted", "strict")
    try:
        client = server.client("lambda", account="000000000000")
        create(client, "f", ASK + "def handler(event, context):\n    return ask('GET', '/')\n", Timeout=60)
        given = answer_of_an_untrusted_one(client, "f")
        assert given is None or "Connection refused" in given
    finally:
        server.stop()


def test_a_tag_says_that_a_function_is_not_trusted(aws: Aws) -> None:
    client = aws("lambda")
    source = (
        "import os\ndef handler(event, context):\n    return os.getpid(), open('/proc/self/stat').read().split()[21]\n"
    )
    arn = create(client, "f", source, Timeout=60)["FunctionArn"]
    before = answer(client, "f")
    assert answer(client, "f") == before
    client.tag_resource(Resource=arn, Tags={"fogbank:untrusted": "true"})
    assert answer_of_an_untrusted_one(client, "f") != before  # Another environment, which is held tighter.
