"""APIs of API Gateway as targets: what arrives behind them, and what becomes of refusals."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.patience import PATIENCE_S, eventually
from tests.services.events.test_api_destinations import Endpoint, endpoint

__all__ = ["endpoint"]
RULE = {"Name": "r", "EventPattern": '{"source": ["s"]}'}


def api_to(aws: Aws, url: str, *, path: str = "{proxy+}") -> str:
    """The ARN of a stage whose method hands on what it gets."""
    gateway = aws("apigateway")
    api = gateway.create_rest_api(name="a")
    part = gateway.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart=path)
    at = {"restApiId": api["id"], "resourceId": part["id"], "httpMethod": "POST"}
    gateway.put_method(**at, authorizationType="NONE")
    gateway.put_integration(**at, type="HTTP_PROXY", integrationHttpMethod="POST", uri=f"{url}/behind")
    gateway.create_deployment(restApiId=api["id"], stageName="live")
    account = aws("sts").get_caller_identity()["Account"]
    return f"arn:aws:execute-api:us-east-1:{account}:{api['id']}/live"


def send(aws: Aws, **target: Any) -> None:
    events = aws("events")
    events.put_rule(**RULE)
    assert events.put_targets(Rule="r", Targets=[{"Id": "1", **target}])["FailedEntryCount"] == 0
    events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": '{"n": 1}'}])


def test_an_api_is_called_with_the_event_and_what_the_target_adds(aws: Aws, endpoint: Endpoint) -> None:
    parameters = {
        "PathParameterValues": ["a b"],
        "HeaderParameters": {"X-Own": "mine"},
        "QueryStringParameters": {"q": "1"},
    }
    arn = f"{api_to(aws, endpoint.url)}/POST/orders/*"
    send(aws, Arn=arn, InputPath="$.detail", HttpParameters=parameters)
    call = endpoint.calls.get(timeout=PATIENCE_S)
    assert (call.method, json.loads(call.body)) == ("POST", {"n": 1})
    assert call.path.startswith("/behind")
    assert call.path.endswith("?q=1")
    assert call.headers["x-own"] == "mine"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["x-amz-source-arn"].endswith(":rule/r")
    (shown,) = aws("events").list_targets_by_rule(Rule="r")["Targets"]
    assert shown["HttpParameters"] == parameters


def test_what_an_api_refuses_is_a_dead_letter(aws: Aws, endpoint: Endpoint) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    arn = f"{api_to(aws, endpoint.url, path='there')}/POST/elsewhere"
    send(aws, Arn=arn, DeadLetterConfig={"Arn": dead})
    (letter,) = eventually(lambda: sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages"))
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (attributes["ERROR_CODE"], attributes["TARGET_ARN"]) == ("SDK_CLIENT_ERROR", arn)
    assert "HTTP status 403" in attributes["ERROR_MESSAGE"]


def test_an_api_that_fails_is_called_again(aws: Aws, endpoint: Endpoint, clock: Any) -> None:
    endpoint.statuses[:] = [500]
    send(aws, Arn=f"{api_to(aws, endpoint.url, path='there')}/POST/there")
    endpoint.calls.get(timeout=PATIENCE_S)

    def again() -> bool:
        clock.advance(s=10)
        return not endpoint.calls.empty()

    assert eventually(again)


@pytest.mark.parametrize("rest", ["api", "api/live", "api/live/FETCH/orders", "/live/GET/orders"])
def test_an_arn_that_names_no_method_is_no_target(aws: Aws, rest: str) -> None:
    aws("events").put_rule(**RULE)
    target = {"Id": "1", "Arn": f"arn:aws:execute-api:us-east-1:000000000000:{rest}"}
    with pytest.raises(ClientError, match=r"Provided Arn is not in correct format"):
        aws("events").put_targets(Rule="r", Targets=[target])
