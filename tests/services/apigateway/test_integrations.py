"""What is behind methods beside functions: mocks, HTTP endpoints and other services."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.services.apigateway.apis import Api, ask
from tests.services.apigateway.conftest import Aws

BROKEN = {"message": "Internal server error"}


class Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body.decode()}
        answer = json.dumps(seen).encode()
        self.send_response(302 if self.path.startswith("/moved") else 404 if self.path.startswith("/no") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("X-Back", "back")
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815  # the base class's name

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as listener:
        thread = Thread(target=listener.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}"
        listener.shutdown()
        thread.join()


def respond(api: Api, path: str, http_method: str, status: str, pattern: str = "", **response: Any) -> None:
    place = {"restApiId": api.id, "resourceId": api.resource(path), "httpMethod": http_method}
    declared = dict.fromkeys(response.get("responseParameters", {}), False)
    api.client.put_method_response(**place, statusCode=status, responseParameters=declared)
    api.client.put_integration_response(**place, statusCode=status, selectionPattern=pattern, **response)


def test_a_mock_maps_headers_and_overrides_its_status(api: Api) -> None:
    request = '#set($context.responseOverride.status = 418)\n{"statusCode": 200}'
    api.mock("/tea", request=request, response='{"q": "$input.params("q")"}', headers={"X-A": "'pot'"})
    api.deploy()
    answer = api.ask("/tea?q=short")
    assert (answer.status, answer.json, answer.headers["X-A"]) == (418, {"q": "short"}, "pot")


def test_a_mock_whose_status_has_no_response_is_broken(api: Api) -> None:
    place = api.method("/")
    templates = {"application/json": '{"statusCode": 500}'}
    api.client.put_integration(**place, type="MOCK", requestTemplates=templates)
    respond(api, "/", "GET", "200", "2\\d{2}")
    api.deploy()
    answer = api.ask("")
    assert (answer.status, answer.json) == (500, BROKEN)


@pytest.mark.parametrize(
    ("behaviour", "content_type", "status"),
    [
        ("WHEN_NO_MATCH", "text/plain", 200),
        ("WHEN_NO_TEMPLATES", "text/plain", 415),
        ("NEVER", "text/plain", 415),
        ("NEVER", "application/json; charset=utf-8", 200),
    ],
)
def test_a_body_without_a_template_passes_through_or_is_refused(
    api: Api, behaviour: str, content_type: str, status: int
) -> None:
    api.mock("/", "POST", integration={"passthroughBehavior": behaviour})
    api.deploy()
    answer = api.ask("", "POST", body='{"statusCode": 200}', headers={"Content-Type": content_type})
    assert answer.status == status


def test_a_proxy_hands_the_request_on_and_the_answer_back(api: Api, endpoint: str) -> None:
    place = api.method("/{proxy+}", "ANY")
    api.client.put_integration(**place, type="HTTP_PROXY", integrationHttpMethod="ANY", uri=f"{endpoint}/{{proxy}}")
    api.deploy()

    answer = api.ask("/a/b?x=1&x=2", "POST", body="hello", headers={"X-Mine": "1"})

    assert answer.status == 200
    assert (answer.json["method"], answer.json["path"], answer.json["body"]) == ("POST", "/a/b?x=1&x=2", "hello")
    assert answer.json["headers"]["X-Mine"] == "1"
    assert answer.json["headers"]["X-Amzn-Apigateway-Api-Id"] == api.id
    assert answer.headers["X-Back"] == "back"
    assert answer.headers["x-amzn-Remapped-Server"]
    assert api.ask("/no").status == 404
    assert api.ask("/moved").status == 302


def test_an_endpoint_gets_what_is_mapped_and_its_status_selects_the_response(api: Api, endpoint: str) -> None:
    place = api.method("/{kind}", "POST", requestParameters={"method.request.header.X-In": False})
    api.client.put_integration(
        **place,
        type="HTTP",
        integrationHttpMethod="POST",
        uri=f"{endpoint}/{{k}}",
        requestParameters={
            "integration.request.path.k": "method.request.path.kind",
            "integration.request.header.X-Out": "method.request.header.X-In",
            "integration.request.header.X-Api": "context.apiId",
            "integration.request.querystring.from": "'gateway'",
            "integration.request.querystring.name": "method.request.body.name",
        },
        requestTemplates={"application/json": '{"kind": "$input.params("kind")"}'},
    )
    respond(
        api,
        "/{kind}",
        "POST",
        "200",
        responseParameters={
            "method.response.header.X-Back": "integration.response.header.X-Back",
            "method.response.header.X-Path": "integration.response.body.path",
        },
    )
    respond(api, "/{kind}", "POST", "410", "4\\d{2}", responseTemplates={"application/json": '{"gone": true}'})
    api.deploy()

    answer = api.ask("/dog", "POST", body='{"name": "Rex"}', headers={"X-In": "in", "X-Other": "no"})
    gone = api.ask("/no", "POST", body="{}")

    seen = answer.json
    assert (answer.status, seen["path"]) == (200, "/dog?from=gateway&name=Rex")
    assert json.loads(seen["body"]) == {"kind": "dog"}
    assert (seen["headers"]["X-Out"], seen["headers"]["X-Api"]) == ("in", api.id)
    assert "X-Other" not in seen["headers"]
    assert (answer.headers["X-Back"], answer.headers["X-Path"]) == ("back", "/dog?from=gateway&name=Rex")
    assert (gone.status, gone.json) == (410, {"gone": True})


def test_an_endpoint_that_is_not_there_is_a_gateway_timeout(api: Api) -> None:
    place = api.method("/")
    api.client.put_integration(**place, type="HTTP_PROXY", integrationHttpMethod="GET", uri="http://127.0.0.1:1/")
    api.deploy()
    assert api.ask("").status == 504


def test_an_api_behind_an_api_is_asked_within_the_cloud(aws: Aws, api: Api) -> None:
    api.mock("/inner", response='"from $context.stage"')
    api.mock("/locked", authorizationType="AWS_IAM")
    api.deploy()
    outer = Api(api.client, api.endpoint)
    place = outer.method("/{proxy+}", "ANY")
    uri = f"https://{api.id}.execute-api.us-east-1.amazonaws.com/test/{{proxy}}"
    outer.client.put_integration(**place, type="HTTP_PROXY", integrationHttpMethod="ANY", uri=uri)
    outer.deploy()
    assert outer.ask("/inner").json == "from test"
    assert outer.ask("/locked").status == 403


@pytest.fixture
def role(aws: Aws) -> str:
    trust = {"Principal": {"Service": "apigateway.amazonaws.com"}, "Effect": "Allow", "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = aws("iam").create_role(RoleName="api", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    return arn


def test_a_record_is_put_into_a_stream_and_a_message_into_a_queue(aws: Aws, api: Api, role: str, account: str) -> None:
    kinesis, sqs = aws("kinesis"), aws("sqs")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    sqs.create_queue(QueueName="jobs")
    record = '{"StreamName": "clicks", "PartitionKey": "$input.params("k")", "Data": "$util.base64Encode($input.body)"}'
    for path, service, template, mapped in (
        ("/clicks", "kinesis:action/PutRecord", record, {}),
        (
            "/jobs",
            f"sqs:path/{account}/jobs",
            "Action=SendMessage&MessageBody=$util.urlEncode($input.body)",
            {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        ),
    ):
        place = api.method(path, "POST")
        api.client.put_integration(
            **place,
            type="AWS",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:us-east-1:{service}",
            credentials=role,
            requestTemplates={"application/json": template},
            requestParameters=mapped,
        )
        respond(api, path, "POST", "200", responseTemplates={"application/json": ""})
    api.deploy()

    put, sent = api.ask("/clicks?k=a", "POST", body="click"), api.ask("/jobs", "POST", body='{"a": "b c"}')

    assert put.json["ShardId"] == "shardId-000000000000"
    assert sent.json["SendMessageResponse"]["SendMessageResult"]["MessageId"]
    shard = kinesis.get_shard_iterator(
        StreamName="clicks", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )
    (kept,) = kinesis.get_records(ShardIterator=shard["ShardIterator"])["Records"]
    assert (kept["Data"], kept["PartitionKey"]) == (b"click", "a")
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == '{"a": "b c"}'


def test_a_service_is_not_asked_without_a_role(api: Api) -> None:
    place = api.method("/", "POST")
    uri = "arn:aws:apigateway:us-east-1:kinesis:action/ListStreams"
    api.client.put_integration(**place, type="AWS", integrationHttpMethod="POST", uri=uri)
    respond(api, "/", "POST", "200")
    api.deploy()
    assert api.ask("", "POST", body="{}").status == 500


def test_a_binary_body_is_text_for_templates_and_binary_again(api: Api, endpoint: str) -> None:
    add = {"op": "add", "path": "/binaryMediaTypes/image~1png"}
    api.client.update_rest_api(restApiId=api.id, patchOperations=[add])
    place = api.method("/", "POST")
    api.client.put_integration(
        **place,
        type="HTTP",
        integrationHttpMethod="POST",
        uri=endpoint,
        contentHandling="CONVERT_TO_TEXT",
        requestTemplates={"image/png": '{"image": "$input.body"}'},
    )
    template = {"application/json": "$util.parseJson($input.path('$.body')).image"}
    respond(api, "/", "POST", "200", responseTemplates=template)
    api.deploy()
    answer = api.ask("", "POST", body=b"\x00\xff", headers={"Content-Type": "image/png"})
    assert base64.b64decode(answer.body) == b"\x00\xff"


def test_gateway_responses_are_in_the_apis_own_words(api: Api) -> None:
    api.mock("/")
    api.client.put_gateway_response(
        restApiId=api.id,
        responseType="MISSING_AUTHENTICATION_TOKEN",
        statusCode="404",
        responseParameters={
            "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
            "gatewayresponse.header.X-Asked": "method.request.querystring.q",
        },
        responseTemplates={"application/json": '{"no": $context.error.messageString, "at": "$context.stage"}'},
    )
    api.deploy()
    answer = api.ask("/nowhere?q=1")
    assert (answer.status, answer.json) == (404, {"no": "Missing Authentication Token", "at": "test"})
    assert (answer.headers["Access-Control-Allow-Origin"], answer.headers["X-Asked"]) == ("*", "1")


def test_a_body_larger_than_ten_megabytes_is_refused(api: Api) -> None:
    api.mock("/", "POST")
    api.deploy()
    target = f"/_aws/execute-api/{api.id}/test"
    answer = ask(api.endpoint, target, "POST", body=b"x" * (10 * 1024 * 1024 + 1))
    assert (answer.status, answer.json) == (413, {"message": "Request Entity Too Large"})
