"""Functions called over HTTP at their URLs."""

import http.client
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.services.lambda_.test_invocation import ECHO, create, damaged, package

Aws = Callable[..., Any]
CONTEXT = "def handler(event, context):\n    return event\n"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: list[tuple[str, str]] | None = None,
    *,
    host: str = "",
) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    connection.putrequest(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, skip_host=bool(host))
    for name, value in [*([("Host", host)] if host else []), *(headers or [])]:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    try:
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def let_everybody_in(client: Any, name: str, **place: str) -> None:
    client.add_permission(
        FunctionName=name,
        StatementId="public",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
        **place,
    )


def public_url(client: Any, source: str, **settings: Any) -> str:
    create(client, "f", source)
    let_everybody_in(client, "f")
    url: str = client.create_function_url_config(FunctionName="f", AuthType="NONE", **settings)["FunctionUrl"]
    return url


def test_a_url_is_described_changed_listed_and_removed(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", ECHO, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    made = client.create_function_url_config(FunctionName="f", AuthType="NONE", Cors={"AllowOrigins": ["*"]})
    of_alias = client.create_function_url_config(FunctionName="f", Qualifier="live", AuthType="AWS_IAM")
    assert of_alias["FunctionUrl"] != made["FunctionUrl"]
    assert of_alias["FunctionArn"].endswith(":f:live")
    client.update_function_url_config(FunctionName="f", AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM")
    found = client.get_function_url_config(FunctionName="f")
    assert (found["AuthType"], found["InvokeMode"]) == ("AWS_IAM", "RESPONSE_STREAM")
    assert found["Cors"] == {"AllowOrigins": ["*"]}
    assert found["FunctionUrl"] == made["FunctionUrl"]
    listed = client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"]
    assert [row["FunctionArn"].rpartition(":")[2] for row in listed] == ["f", "live"]
    client.delete_alias(FunctionName="f", Name="live")
    client.delete_function_url_config(FunctionName="f")
    assert client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"] == []
    assert ask(made["FunctionUrl"]).json == {"Message": None}


@pytest.mark.parametrize("qualifier", ["$LATEST", "1"])
def test_only_functions_and_aliases_have_urls(aws: Aws, qualifier: str) -> None:
    create(aws("lambda"), "f", ECHO, Publish=True)
    with pytest.raises(ClientError, match=r"ValidationException.*at 'qualifier'"):
        aws("lambda").create_function_url_config(FunctionName="f", Qualifier=qualifier, AuthType="NONE")
    with pytest.raises(ClientError, match=r"ValidationException.*at 'functionName'"):
        aws("lambda").get_function_url_config(FunctionName=f"f:{qualifier}")


def test_the_event_tells_the_whole_request(aws: Aws) -> None:
    url = public_url(aws("lambda"), CONTEXT)
    answer = ask(
        f"{url}/a%20b/c?x=1&y=2&x=3&empty=",
        "POST",
        b'{"a":1}',
        [("Content-Type", "application/json"), ("X-Two", "1"), ("X-Two", "2"), ("Cookie", "one=1; two=2")],
    )
    event = answer.json
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert (event["rawPath"], event["rawQueryString"]) == ("/a%20b/c", "x=1&y=2&x=3&empty=")
    assert event["queryStringParameters"] == {"x": "1,3", "y": "2", "empty": ""}
    assert event["cookies"] == ["one=1", "two=2"]
    assert (event["headers"]["x-two"], event["headers"]["x-forwarded-proto"]) == ("1,2", "http")
    assert "cookie" not in event["headers"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"a":1}', False)
    context = event["requestContext"]
    assert (context["accountId"], context["stage"]) == ("anonymous", "$default")
    assert context["requestId"] == answer.headers["x-amzn-RequestId"]
    assert context["domainName"] == event["headers"]["host"] == urlsplit(url).netloc
    assert context["domainPrefix"] == context["apiId"] == urlsplit(url).path.split("/")[-2]
    http = context["http"]
    assert (http["method"], http["path"], http["sourceIp"]) == ("POST", "/a b/c", "127.0.0.1")


@pytest.mark.parametrize(
    ("content_type", "body", "seen", "encoded"),
    [
        ("text/plain; charset=utf-8", "grün".encode(), "grün", False),
        ("application/vnd.api+json", b"{}", "{}", False),
        ("application/x-www-form-urlencoded", b"a=1", "YT0x", True),
        ("application/octet-stream", b"\xff\x00", "/wA=", True),
    ],
)
def test_a_body_is_text_if_its_type_says_so(aws: Aws, content_type: str, body: bytes, seen: str, encoded: bool) -> None:
    url = public_url(aws("lambda"), CONTEXT)
    event = ask(url, "PUT", body, [("Content-Type", content_type)]).json
    assert (event["body"], event["isBase64Encoded"]) == (seen, encoded)


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        ({"hello": "world"}, 200, "application/json", b'{"hello":"world"}'),
        ("hello", 200, "application/json", b"hello"),
        (3.1, 200, "application/json", b"3.1"),
        ({"statusCode": 201}, 201, "application/json", b""),
        ({"statusCode": 404, "headers": {"Content-Type": "text/html"}, "body": "<p>"}, 404, "text/html", b"<p>"),
        ({"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}, 200, "application/json", b"\xff\x00"),
        ({"statusCode": "much"}, 502, "application/json", b"Internal Server Error"),
        ({"statusCode": 200, "body": {"a": [1]}}, 200, "application/json", b'{"a":[1]}'),
        ({"statusCode": 200, "headers": {"a": "b\r\nc: d"}}, 502, "application/json", b"Internal Server Error"),
    ],
)
def test_a_result_is_an_answer(aws: Aws, result: Any, status: int, content_type: str, body: bytes) -> None:
    url = public_url(aws("lambda"), f"import json\ndef handler(e, c):\n    return json.loads({json.dumps(result)!r})\n")
    answer = ask(url)
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (status, content_type, body)


def test_cookies_are_set_one_by_one(aws: Aws) -> None:
    url = public_url(
        aws("lambda"), "def handler(e, c):\n    return {'statusCode': 204, 'cookies': ['a=1; Secure', 'b=2']}\n"
    )
    assert ask(url).headers.get_all("Set-Cookie") == ["a=1; Secure", "b=2"]


def test_a_failure_of_the_function_is_not_told(aws: Aws) -> None:
    url = public_url(aws("lambda"), "def handler(e, c):\n    raise ValueError('secret')\n")
    answer = ask(url)
    assert (answer.status, answer.body) == (502, b"Internal Server Error")


def test_why_a_function_cannot_be_run_is_told(aws: Aws) -> None:
    url = public_url(aws("lambda"), ECHO)
    aws("lambda").update_function_code(FunctionName="f", ZipFile=damaged(package(ECHO)))
    answer = ask(url)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (502, "InvalidZipFileException")


def test_a_throttled_function_is_told(aws: Aws) -> None:
    url = public_url(aws("lambda"), ECHO)
    aws("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    assert ask(url).status == 429


def test_an_alias_answers_with_its_version(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", "def handler(e, c):\n    return c.function_version\n", Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    url = client.create_function_url_config(FunctionName="f", Qualifier="live", AuthType="NONE")["FunctionUrl"]
    assert ask(url).status == 403  # The function's own policy says nothing of the alias.
    let_everybody_in(client, "f", Qualifier="live")
    assert ask(url).body == b"1"


def test_a_host_as_aws_has_it_leads_to_the_function(aws: Aws) -> None:
    url = public_url(aws("lambda"), CONTEXT)
    url_id = urlsplit(url).path.split("/")[-2]
    base = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
    for host in (f"{url_id}.lambda-url.us-east-1.on.aws", f"{url_id}.lambda-url.us-east-1.localhost:4566"):
        event = ask(f"{base}/some/path?a=b", host=host).json
        assert (event["rawPath"], event["rawQueryString"], event["headers"]["host"]) == ("/some/path", "a=b", host)


# ---- who may call


def test_without_a_permission_for_everybody_nobody_gets_in(aws: Aws) -> None:
    create(aws("lambda"), "f", ECHO)
    url = aws("lambda").create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    answer = ask(url)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert answer.json["Message"].startswith("Forbidden. ")
    let_everybody_in(aws("lambda"), "f")
    assert ask(url).status == 200
    aws("lambda").update_function_url_config(FunctionName="f", AuthType="AWS_IAM")
    assert ask(url).status == 403


def signed(url: str, access_key: str) -> list[tuple[str, str]]:
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(access_key, "secret"), "lambda", "us-east-1").add_auth(request)
    return list(request.headers.items())


def test_of_other_accounts_those_get_in_that_the_policy_names(aws: Aws, account: str) -> None:
    client = aws("lambda")
    create(client, "f", CONTEXT)
    url = client.create_function_url_config(FunctionName="f", AuthType="AWS_IAM")["FunctionUrl"]
    own = ask(url, headers=signed(url, account)).json["requestContext"]
    assert own["accountId"] == own["authorizer"]["iam"]["accountId"] == account
    assert own["authorizer"]["iam"]["userArn"] == f"arn:aws:iam::{account}:root"
    stranger = "555566667777"
    assert ask(url, headers=signed(url, stranger)).status == 403
    client.add_permission(
        FunctionName="f",
        StatementId="stranger",
        Action="lambda:InvokeFunctionUrl",
        Principal=stranger,
        FunctionUrlAuthType="AWS_IAM",
    )
    assert ask(url, headers=signed(url, stranger)).json["requestContext"]["accountId"] == stranger


# ---- other origins

CORS = {
    "AllowOrigins": ["https://app.example"],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["x-token"],
    "ExposeHeaders": ["x-total"],
    "MaxAge": 600,
    "AllowCredentials": True,
}


def preflight(url: str, origin: str, method: str) -> Answer:
    return ask(url, "OPTIONS", headers=[("Origin", origin), ("Access-Control-Request-Method", method)])


def test_a_preflight_request_is_answered_without_the_function(aws: Aws) -> None:
    url = public_url(aws("lambda"), "def handler(e, c):\n    raise ValueError\n", Cors=CORS)
    told = preflight(url, "https://app.example", "PUT").headers
    assert told["Access-Control-Allow-Origin"] == "https://app.example"
    assert told["Access-Control-Allow-Methods"] == "GET,PUT"
    assert told["Access-Control-Allow-Headers"] == "x-token"
    assert (told["Access-Control-Max-Age"], told["Access-Control-Allow-Credentials"]) == ("600", "true")
    for origin, method in (("https://other.example", "PUT"), ("https://app.example", "DELETE")):
        refused = preflight(url, origin, method)
        assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (200, None)


def test_what_the_url_is_configured_with_goes_before_what_the_function_says(aws: Aws) -> None:
    source = "def handler(e, c):\n    return {'statusCode': 200, 'headers': {'Access-Control-Allow-Origin': '*'}}\n"
    url = public_url(aws("lambda"), source, Cors=CORS)
    told = ask(url, headers=[("Origin", "https://app.example")]).headers
    assert told.get_all("Access-Control-Allow-Origin") == ["https://app.example"]
    assert told["Access-Control-Expose-Headers"] == "x-total"
    assert ask(url, headers=[("Origin", "https://other.example")]).headers["Access-Control-Allow-Origin"] is None


def test_without_a_configuration_the_function_answers_preflight_requests_itself(aws: Aws) -> None:
    source = "def handler(e, c):\n    return {'statusCode': 204, 'headers': {'Access-Control-Allow-Origin': '*'}}\n"
    told = preflight(public_url(aws("lambda"), source), "https://app.example", "PUT")
    assert (told.status, told.headers["Access-Control-Allow-Origin"]) == (204, "*")
