"""Connections and API destinations, against a small HTTP server."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES
from fogbank.services.events.records import Connection
from tests.patience import PATIENCE_S, eventually
from tests.queues import taken

Aws = Callable[..., Any]


class Call(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: str


class Endpoint:
    """Notes the calls, and answers with the statuses it is given, then with 200; /token gives tokens."""

    def __init__(self) -> None:
        self.calls: Queue[Call] = Queue()
        self.token_calls: Queue[Call] = Queue()
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                call = Call(self.command, self.path, headers, body)
                document = b"{}"
                if self.path.startswith("/token"):
                    outer.token_calls.put(call)
                    document = json.dumps({"access_token": "t0ken", "expires_in": 3600}).encode()
                    status = 200
                else:
                    outer.calls.put(call)
                    status = outer.statuses.pop(0) if outer.statuses else 200
                self.send_response(status)
                self.send_header("Content-Length", str(len(document)))
                self.end_headers()
                self.wfile.write(document)

            do_POST = do_PUT = do_GET = _answer  # noqa: N815, the names that http.server calls

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


def rule_to(aws: Aws, connection: dict[str, Any], url: str, **target: Any) -> None:
    events = aws("events")
    made = events.create_connection(Name="c", **connection)
    destination = events.create_api_destination(
        Name="d", ConnectionArn=made["ConnectionArn"], InvocationEndpoint=url, HttpMethod="POST"
    )
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "d", "Arn": destination["ApiDestinationArn"], **target}])


def sell(aws: Aws) -> None:
    aws("events").put_events(Entries=[{"Source": "shop", "DetailType": "sold", "Detail": '{"n":1}'}])


BASIC = {
    "AuthorizationType": "BASIC",
    "AuthParameters": {"BasicAuthParameters": {"Username": "u", "Password": "p"}},
}


@pytest.mark.parametrize(
    ("connection", "header", "value"),
    [
        (BASIC, "authorization", "Basic dTpw"),
        (
            {
                "AuthorizationType": "API_KEY",
                "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "v"}},
            },
            "x-key",
            "v",
        ),
    ],
)
def test_an_event_is_posted_with_the_connections_credentials(
    aws: Aws, endpoint: Endpoint, connection: dict[str, Any], header: str, value: str
) -> None:
    rule_to(aws, connection, endpoint.url + "/in")
    sell(aws)
    call = endpoint.calls.get(timeout=PATIENCE_S)
    assert (call.method, call.path, call.headers[header]) == ("POST", "/in", value)
    assert json.loads(call.body)["detail"] == {"n": 1}


def test_a_token_is_fetched_once_and_sent_with_each_call(aws: Aws, endpoint: Endpoint) -> None:
    oauth = {
        "ClientParameters": {"ClientID": "id", "ClientSecret": "secret"},
        "AuthorizationEndpoint": endpoint.url + "/token",
        "HttpMethod": "POST",
        "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
    }
    connection = {"AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": {"OAuthParameters": oauth}}
    rule_to(aws, connection, endpoint.url + "/in")
    eventually(lambda: aws("events").describe_connection(Name="c")["ConnectionState"] == "AUTHORIZED")
    asked = endpoint.token_calls.get(timeout=PATIENCE_S)
    assert asked.body == "grant_type=client_credentials&client_id=id&client_secret=secret&scope=all"
    for _ in range(2):
        sell(aws)
        assert endpoint.calls.get(timeout=PATIENCE_S).headers["authorization"] == "Bearer t0ken"
    assert "secret" not in json.dumps(aws("events").describe_connection(Name="c")["AuthParameters"])
    assert endpoint.token_calls.empty()


def test_parameters_of_target_and_connection_are_in_the_request(aws: Aws, endpoint: Endpoint) -> None:
    auth = {
        **BASIC["AuthParameters"],  # type: ignore[dict-item]
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "X-Both", "Value": "connection"}],
            "QueryStringParameters": [{"Key": "q", "Value": "1"}],
            "BodyParameters": [{"Key": "added", "Value": "yes", "IsValueSecret": True}],
        },
    }
    http = {
        "PathParameterValues": ["a b"],
        "HeaderParameters": {"X-Both": "target", "X-Own": "1"},
        "QueryStringParameters": {"p": "2"},
    }
    rule_to(aws, {**BASIC, "AuthParameters": auth}, endpoint.url + "/in/*", HttpParameters=http)
    sell(aws)
    call = endpoint.calls.get(timeout=PATIENCE_S)
    assert call.path == "/in/a%20b?p=2&q=1"
    assert (call.headers["x-both"], call.headers["x-own"]) == ("connection", "1")
    assert json.loads(call.body)["added"] == "yes"


def test_what_may_pass_is_tried_again_and_what_may_not_is_a_dead_letter(
    aws: Aws, endpoint: Endpoint, clock: Any
) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule_to(aws, BASIC, endpoint.url + "/in", DeadLetterConfig={"Arn": arn})
    endpoint.statuses = [503, 400]
    sell(aws)
    endpoint.calls.get(timeout=PATIENCE_S)

    def refused() -> list[dict[str, Any]]:
        clock.advance(s=2)
        return taken(sqs, url)

    (message,) = eventually(refused)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "SDK_CLIENT_ERROR"
    assert "400" in attributes["ERROR_MESSAGE"]
    assert attributes["TARGET_ARN"].split(":")[-1].startswith("api-destination/d/")


def test_an_update_of_a_connection_keeps_what_it_leaves_out(aws: Aws, endpoint: Endpoint) -> None:
    rule_to(aws, BASIC, endpoint.url + "/in")
    auth = {"BasicAuthParameters": {"Username": "new"}}
    aws("events").update_connection(Name="c", AuthParameters=auth)
    sell(aws)
    assert endpoint.calls.get(timeout=PATIENCE_S).headers["authorization"] == "Basic bmV3OnA="


def test_a_connection_needs_the_parameters_of_its_type(aws: Aws) -> None:
    with pytest.raises(ClientError, match="ApiKeyAuthParameters must be specified"):
        aws("events").create_connection(Name="c", **{**BASIC, "AuthorizationType": "API_KEY"})


def test_a_template_makes_archive_connection_and_destination(aws: Aws, endpoint: Endpoint) -> None:
    template = {
        "Resources": {
            "Archive": {
                "Type": "AWS::Events::Archive",
                "Properties": {
                    "SourceArn": {"Fn::Sub": "arn:aws:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"},
                    "RetentionDays": 3,
                    "EventPattern": {"source": ["shop"]},
                },
            },
            "Connection": {"Type": "AWS::Events::Connection", "Properties": BASIC},
            "Destination": {
                "Type": "AWS::Events::ApiDestination",
                "Properties": {
                    "ConnectionArn": {"Fn::GetAtt": ["Connection", "Arn"]},
                    "HttpMethod": "PUT",
                    "InvocationEndpoint": endpoint.url,
                },
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {"source": ["shop"]},
                    "Targets": [
                        {"Id": "d", "Arn": {"Fn::GetAtt": ["Destination", "Arn"]}, "RoleArn": "arn:aws:iam::1:role/r"}
                    ],
                },
            },
        }
    }
    cloudformation, events = aws("cloudformation"), aws("events")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    sell(aws)
    assert endpoint.calls.get(timeout=PATIENCE_S).method == "PUT"
    (archive,) = events.list_archives()["Archives"]
    assert (archive["RetentionDays"], archive["EventCount"]) == (3, 1)
    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert events.list_connections()["Connections"] == events.list_archives()["Archives"] == []


@pytest.mark.parametrize(
    ("connection", "secret"),
    [
        (BASIC, {"username": "u", "password": "p"}),
        (
            {
                "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
                "AuthParameters": {
                    "OAuthParameters": {
                        "ClientParameters": {"ClientID": "id", "ClientSecret": "hush"},
                        "AuthorizationEndpoint": "http://127.0.0.1:9/token",
                        "HttpMethod": "POST",
                        "OAuthHttpParameters": {"BodyParameters": [{"Key": "k", "Value": "v", "IsValueSecret": True}]},
                    },
                    "InvocationHttpParameters": {"HeaderParameters": [{"Key": "X-A", "Value": "1"}]},
                },
            },
            {
                "client_id": "id",
                "client_secret": "hush",
                "authorization_endpoint": "http://127.0.0.1:9/token",
                "http_method": "POST",
                "oauth_http_parameters": {"body_parameters": [{"key": "k", "value": "v", "is_value_secret": True}]},
                "invocation_http_parameters": {"header_parameters": [{"key": "X-A", "value": "1"}]},
            },
        ),
    ],
)
def test_a_connections_secret_can_be_read_and_not_be_changed(
    aws: Aws, connection: dict[str, Any], secret: dict[str, Any]
) -> None:
    events, manager = aws("events"), aws("secretsmanager")
    events.create_connection(Name="c", **connection)
    arn = events.describe_connection(Name="c")["SecretArn"]
    found = manager.get_secret_value(SecretId=arn)
    assert found["Name"].startswith("events!connection/c/")
    assert json.loads(found["SecretString"]) == secret
    secret = manager.describe_secret(SecretId=arn)
    assert secret["OwningService"] == "events"
    assert secret["Tags"] == [{"Key": "aws:secretsmanager:owningService", "Value": "events"}]
    for change in (
        lambda: manager.put_secret_value(SecretId=arn, SecretString="x"),
        lambda: manager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True),
    ):
        with pytest.raises(manager.exceptions.InvalidRequestException, match="managed by events"):
            change()
    events.delete_connection(Name="c")
    with pytest.raises(manager.exceptions.ResourceNotFoundException):
        manager.describe_secret(SecretId=arn)


def test_a_connection_that_changes_changes_its_secret(aws: Aws, endpoint: Endpoint) -> None:
    events, manager = aws("events"), aws("secretsmanager")
    rule_to(aws, BASIC, endpoint.url + "/in")
    arn = events.describe_connection(Name="c")["SecretArn"]
    events.update_connection(Name="c", AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "new"}})
    assert json.loads(manager.get_secret_value(SecretId=arn)["SecretString"])["password"] == "new"
    sell(aws)
    assert endpoint.calls.get(timeout=PATIENCE_S).headers["authorization"] == "Basic dTpuZXc="
    events.deauthorize_connection(Name="c")
    assert "SecretArn" not in events.describe_connection(Name="c")
    with pytest.raises(manager.exceptions.ResourceNotFoundException):
        manager.describe_secret(SecretId=arn)


def test_secrets_that_an_earlier_version_kept_in_records_move_to_secrets_manager(tmp_path: Path) -> None:
    async def take_over() -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
        cloud = Cloud(tmp_path, services=SERVICES)
        ctx = cloud.context(account="123456789012", region="us-east-1")
        events = cloud.events
        auth = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
        old = Connection("id", "BASIC", auth, "", "AUTHORIZED", 1, 1, 1, "unique-abcdef")
        place = (ctx.account, ctx.region, "c")
        await ctx.run(events.connections.put, place, old)
        await ctx.run(events.take_over_secrets)
        kept = events.connections.get(place)
        secret = await ctx.call(cloud.secretsmanager.get_secret_value, SecretId=kept.secret_arn)
        _, headers = await events.authorization(ctx, "c")
        await cloud.stop()
        return kept.auth, json.loads(secret["SecretString"]), headers

    auth, secret, headers = asyncio.run(take_over())
    assert auth == {"BasicAuthParameters": {"Username": "u"}}
    assert secret == {"username": "u", "password": "p"}
    assert headers == {"Authorization": "Basic dTpw"}
