"""Functions behind methods, as proxies and with mapped bodies."""

import json
from typing import Any

import pytest

from tests.services.apigateway.apis import Api, ask
from tests.services.apigateway.conftest import Aws, MakeFunction

ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""
ANSWER_THE_BODY = """
import json
def handler(event, context):
    return json.loads(event["body"])
"""
BROKEN = {"message": "Internal server error"}


def event_of(api: Api, path: str, **options: Any) -> dict[str, Any]:
    event: dict[str, Any] = api.ask(path, **options).json
    return event


def test_a_function_gets_the_request_as_an_event(api: Api, make_function: MakeFunction) -> None:
    api.function("/pets/{kind}/{rest+}", make_function(ECHO))
    deployment = api.deploy(variables={"colour": "blue"})
    headers = {"Host": f"{api.id}.execute-api.localhost", "X-Trace": "a", "User-Agent": "test", "Accept": "text/plain"}

    target = "/test/pets/dog/a/b?x=1&x=2&y=%20z"
    event = ask(api.endpoint, target, "POST", body='{"a": 1}', headers=headers).json

    assert event["resource"] == "/pets/{kind}/{rest+}"
    assert event["path"] == "/pets/dog/a/b"
    assert event["httpMethod"] == "POST"
    assert event["pathParameters"] == {"kind": "dog", "rest": "a/b"}
    assert event["queryStringParameters"] == {"x": "2", "y": " z"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": [" z"]}
    assert event["headers"]["X-Trace"] == "a"
    assert event["multiValueHeaders"]["X-Trace"] == ["a"]
    assert {"X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"} <= event["headers"].keys()
    assert "Content-Length" not in event["headers"]
    assert event["stageVariables"] == {"colour": "blue"}
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": 1}', False)
    context = event["requestContext"]
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"] == "test"
    expected = {
        "apiId": api.id,
        "deploymentId": deployment,
        "domainName": headers["Host"],
        "httpMethod": "POST",
        "path": "/test/pets/dog/a/b",
        "protocol": "HTTP/1.1",
        "resourcePath": "/pets/{kind}/{rest+}",
        "stage": "test",
    }
    assert {name: context[name] for name in expected} == expected


def test_what_a_request_does_not_have_is_null_in_the_event(api: Api, make_function: MakeFunction) -> None:
    api.function("/", make_function(ECHO))
    api.deploy()
    event = event_of(api, "")
    absent = ("body", "pathParameters", "queryStringParameters", "multiValueQueryStringParameters", "stageVariables")
    assert [event[name] for name in absent] == [None] * len(absent)
    assert event["path"] == "/"


@pytest.mark.parametrize(
    ("content_type", "encoded"), [("image/png", True), ("text/plain", False), ("application/json", False)]
)
def test_bodies_of_binary_types_are_in_base64(
    api: Api, make_function: MakeFunction, content_type: str, encoded: bool
) -> None:
    add = {"op": "add", "path": "/binaryMediaTypes/image~1*"}
    api.client.update_rest_api(restApiId=api.id, patchOperations=[add])
    api.function("/", make_function(ECHO))
    api.deploy()
    event = event_of(api, "", method="POST", body=b"abc", headers={"Content-Type": content_type})
    assert (event["body"], event["isBase64Encoded"]) == (("YWJj", True) if encoded else ("abc", False))


@pytest.mark.parametrize(
    ("answer", "status", "body", "headers"),
    [
        ({"statusCode": 201, "body": "made"}, 201, b"made", {"Content-Type": "application/json"}),
        ({"statusCode": "202"}, 202, b"", {}),
        ({"headers": {"X-A": "1", "X-B": True}}, 200, b"", {"X-A": "1", "X-B": "true"}),
        ({"multiValueHeaders": {"X-A": ["1", "2"]}, "headers": {"X-C": "3"}}, 200, b"", {"X-A": "2", "X-C": "3"}),
        ({"body": "YWJj", "isBase64Encoded": True}, 200, b"YWJj", {}),
        ({"headers": {"Content-Type": "text/html"}, "body": "<p>"}, 200, b"<p>", {"Content-Type": "text/html"}),
        ({"headers": {"Server": "mine"}}, 200, b"", {"x-amzn-Remapped-Server": "mine"}),
    ],
)
def test_a_functions_answer_is_the_methods(
    api: Api, make_function: MakeFunction, answer: Any, status: int, body: bytes, headers: dict[str, str]
) -> None:
    api.function("/", make_function(ANSWER_THE_BODY))
    api.deploy()
    found = api.ask("", "POST", body=json.dumps(answer))
    assert (found.status, found.body) == (status, body)
    assert headers.items() <= found.headers.items()


@pytest.mark.parametrize(
    "answer",
    [
        "text",
        [1],
        {"statusCode": "soon"},
        {"statusCode": 200, "message": "not a member"},
        {"multiValueHeaders": {"X-A": "1"}},
        {"body": {"not": "text"}},
    ],
)
def test_a_malformed_answer_is_a_bad_gateway(api: Api, make_function: MakeFunction, answer: Any) -> None:
    api.function("/", make_function(ANSWER_THE_BODY))
    api.deploy()
    found = api.ask("", "POST", body=json.dumps(answer))
    assert (found.status, found.json) == (502, BROKEN)
    assert found.headers["x-amzn-ErrorType"] == "InternalServerErrorException"


def test_a_function_that_fails_is_a_bad_gateway(api: Api, make_function: MakeFunction) -> None:
    api.function("/", make_function("def handler(event, context):\n    raise ValueError('no')\n"))
    api.deploy()
    assert api.ask("").status == 502


def test_a_function_that_takes_too_long_is_a_gateway_timeout(api: Api, make_function: MakeFunction) -> None:
    slow = "import time\ndef handler(event, context):\n    time.sleep(1)\n"
    api.function("/", make_function(slow), timeoutInMillis=50)
    api.deploy()
    found = api.ask("")
    assert (found.status, found.json) == (504, {"message": "Endpoint request timed out"})


def test_a_function_whose_policy_does_not_let_the_api_in_is_not_invoked(
    aws: Aws, api: Api, make_function: MakeFunction, account: str
) -> None:
    arn = make_function(ECHO, allowed=False)
    api.function("/pets", arn)
    api.function("/cats", arn)
    api.deploy()
    assert (api.ask("/pets").status, api.ask("/pets").json) == (500, BROKEN)

    aws("lambda").add_permission(
        FunctionName="f",
        StatementId="pets",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:{account}:{api.id}/*/GET/pets",
    )

    assert [api.ask("/pets").status, api.ask("/pets", "PUT").status, api.ask("/cats").status] == [200, 500, 500]


def test_a_stage_variable_names_the_function(api: Api, make_function: MakeFunction, account: str) -> None:
    make_function(ECHO, "blue")
    api.function("/", f"arn:aws:lambda:us-east-1:{account}:function:${{stageVariables.which}}")
    api.deploy(variables={"which": "blue"})
    assert api.ask("").status == 200


def test_a_mapped_body_and_the_functions_error_select_the_response(api: Api, make_function: MakeFunction) -> None:
    source = """
def handler(event, context):
    if event["n"] < 0:
        raise ValueError("negative: " + str(event["n"]))
    return {"double": event["n"] * 2}
"""
    template = {"application/json": '{"n": $input.params("n")}'}
    api.function("/", make_function(source), "GET", "AWS", requestTemplates=template)
    place = {"restApiId": api.id, "resourceId": api.resource("/"), "httpMethod": "GET"}
    for status, pattern, response in (
        ("200", "", '{"result": $input.json("$.double")}'),
        ("400", "negative.*", '{"refused": $input.json("$.errorMessage")}'),
    ):
        api.client.put_method_response(**place, statusCode=status)
        templates = {"application/json": response}
        api.client.put_integration_response(
            **place, statusCode=status, selectionPattern=pattern, responseTemplates=templates
        )
    api.deploy()

    good, bad = api.ask("?n=4"), api.ask("?n=-4")

    assert (good.status, good.json) == (200, {"result": 8})
    assert (bad.status, bad.json) == (400, {"refused": "negative: -4"})
