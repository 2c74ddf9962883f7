"""Who may call: authorizers, API keys and their usage plans; what is throttled, counted and logged."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import MovableClock
from tests.services.apigateway.apis import Api
from tests.services.apigateway.conftest import Aws, MakeFunction

AUTHORIZER = """
calls = 0
def handler(event, context):
    global calls
    calls += 1
    token = event.get("authorizationToken") or event["headers"]["X-Who"]
    if token == "nobody":
        raise Exception("Unauthorized")
    if token == "broken":
        return {"principalId": "x"}
    effect = "Allow" if token.startswith("friend") else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {
        "principalId": token,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"calls": calls, "vip": True},
        "usageIdentifierKey": "key-of-a-friend-0123456789",
    }
"""


def authorizer(api: Api, function: str, kind: str = "TOKEN", **settings: Any) -> str:
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    made: str = api.client.create_authorizer(
        restApiId=api.id,
        name="doorman",
        type=kind,
        authorizerUri=uri,
        **{"identitySource": "method.request.header.X-Who", **settings},
    )["id"]
    return made


@pytest.mark.parametrize("kind", ["TOKEN", "REQUEST"])
def test_an_authorizer_lets_in_whom_its_policy_allows(api: Api, make_function: MakeFunction, kind: str) -> None:
    door = authorizer(api, make_function(AUTHORIZER), kind, authorizerResultTtlInSeconds=0)
    response = '{"who": "$context.authorizer.principalId", "vip": "$context.authorizer.vip"}'
    api.mock("/", authorizationType="CUSTOM", authorizerId=door, response=response)
    api.deploy()

    def ask(who: str) -> tuple[int, Any]:
        answer = api.ask("", headers={"X-Who": who})
        return answer.status, answer.json

    assert ask("friend") == (200, {"who": "friend", "vip": "true"})
    refusal = {"Message": "User is not authorized to access this resource with an explicit deny"}
    assert ask("stranger") == (403, refusal)
    assert ask("nobody") == (401, {"message": "Unauthorized"})
    assert ask("broken") == (500, {"message": None})


def test_who_says_nothing_or_nothing_valid_is_not_asked_about(api: Api, make_function: MakeFunction) -> None:
    door = authorizer(api, make_function(AUTHORIZER), identityValidationExpression="friend-\\d+")
    api.mock("/", authorizationType="CUSTOM", authorizerId=door)
    api.deploy()
    assert api.ask("").status == 401
    assert api.ask("", headers={"X-Who": "friend"}).status == 401
    assert api.ask("", headers={"X-Who": "friend-1"}).status == 200


def test_a_verdict_is_kept_for_its_time(api: Api, make_function: MakeFunction, clock: MovableClock) -> None:
    door = authorizer(api, make_function(AUTHORIZER), authorizerResultTtlInSeconds=60)
    api.mock("/", authorizationType="CUSTOM", authorizerId=door, response="$context.authorizer.calls")
    api.deploy()

    def calls() -> int:
        found: int = api.ask("", headers={"X-Who": "friend"}).json
        return found

    assert [calls(), calls()] == [1, 1]
    clock.advance(s=61)
    assert calls() == 2
    api.client.flush_stage_authorizers_cache(restApiId=api.id, stageName="test")
    assert calls() == 3


def test_a_proxied_function_sees_what_the_authorizer_said(api: Api, make_function: MakeFunction) -> None:
    door = authorizer(api, make_function(AUTHORIZER, "door"))
    echo = "import json\ndef handler(e, c):\n    return {'body': json.dumps(e['requestContext']['authorizer'])}\n"
    api.function("/", make_function(echo, "echo"), "GET")
    place = {"restApiId": api.id, "resourceId": api.resource("/"), "httpMethod": "GET"}
    changes = [
        {"op": "replace", "path": "/authorizationType", "value": "CUSTOM"},
        {"op": "replace", "path": "/authorizerId", "value": door},
    ]
    api.client.update_method(**place, patchOperations=changes)
    api.deploy()
    said = api.ask("", headers={"X-Who": "friend"}).json
    assert (said["principalId"], said["vip"]) == ("friend", "true")


def metered(api: Api, **plan: Any) -> tuple[str, str]:
    """A metered method, a plan and a key for it; the key's value and the plan's id."""
    api.mock("/", apiKeyRequired=True, response='"$context.identity.apiKeyId"')
    api.deploy()
    client = api.client
    stages = [{"apiId": api.id, "stage": "test"}]
    plan_id: str = client.create_usage_plan(name="basic", apiStages=stages, **plan)["id"]
    key = client.create_api_key(name="k", enabled=True)
    client.create_usage_plan_key(usagePlanId=plan_id, keyId=key["id"], keyType="API_KEY")
    return key["value"], plan_id


def test_a_key_opens_what_its_plan_has(api: Api) -> None:
    value, _ = metered(api)
    (key,) = api.client.get_api_keys()["items"]
    assert api.ask("", headers={"x-api-key": value}).json == key["id"]
    assert [api.ask("").status, api.ask("", headers={"x-api-key": value + "x"}).status] == [403, 403]

    disable = {"op": "replace", "path": "/enabled", "value": "false"}
    api.client.update_api_key(apiKey=key["id"], patchOperations=[disable])

    assert api.ask("", headers={"x-api-key": value}).status == 403


def test_a_quota_is_used_up_until_the_next_period(api: Api, clock: MovableClock) -> None:
    value, plan = metered(api, quota={"limit": 2, "period": "DAY"})

    def statuses(times: int) -> list[int]:
        return [api.ask("", headers={"x-api-key": value}).status for _ in range(times)]

    assert statuses(3) == [200, 200, 429]
    assert api.ask("", headers={"x-api-key": value}).json == {"message": "Limit Exceeded"}
    clock.advance(s=86_400)
    assert statuses(1) == [200]
    (days,) = api.client.get_usage(usagePlanId=plan, startDate="2020-01-01", endDate="2020-01-01")["items"].values()
    assert days == [[0, 2]]


def test_a_plan_and_a_stage_are_throttled(api: Api, clock: MovableClock) -> None:
    value, _ = metered(api, throttle={"burstLimit": 2, "rateLimit": 0.01})
    api.mock("/open")
    api.deploy()
    for path, limit in (("throttling/burstLimit", "1"), ("throttling/rateLimit", "0.01")):
        change = {"op": "replace", "path": f"/~1open/GET/{path}", "value": limit}
        api.client.update_stage(restApiId=api.id, stageName="test", patchOperations=[change])

    assert [api.ask("", headers={"x-api-key": value}).status for _ in range(3)] == [200, 200, 429]
    assert [api.ask("/open").status for _ in range(2)] == [200, 429]
    assert api.ask("/open").json == {"message": "Too Many Requests"}
    clock.advance(s=100)
    assert [api.ask("/open").status for _ in range(2)] == [200, 429]


def test_the_authorizer_names_the_key(api: Api, make_function: MakeFunction) -> None:
    change = {"op": "replace", "path": "/apiKeySource", "value": "AUTHORIZER"}
    api.client.update_rest_api(restApiId=api.id, patchOperations=[change])
    door = authorizer(api, make_function(AUTHORIZER))
    api.mock("/", apiKeyRequired=True, authorizationType="CUSTOM", authorizerId=door)
    api.deploy()
    assert api.ask("", headers={"X-Who": "friend"}).status == 403

    plan = api.client.create_usage_plan(name="p", apiStages=[{"apiId": api.id, "stage": "test"}])["id"]
    key = api.client.create_api_key(value="key-of-a-friend-0123456789", enabled=True)["id"]
    api.client.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")

    assert api.ask("", headers={"X-Who": "friend"}).status == 200


def test_requests_are_counted_and_written_to_the_access_log(aws: Aws, api: Api, clock: MovableClock) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="/api")
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/api")["logGroups"]
    api.mock("/pets")
    api.deploy()
    changes = [
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": group["arn"]},
        {
            "op": "replace",
            "path": "/accessLogSettings/format",
            "value": "$context.httpMethod $context.resourcePath $context.status $context.authorizer.principalId",
        },
    ]
    api.client.update_stage(restApiId=api.id, stageName="test", patchOperations=changes)

    api.ask("/pets")
    api.ask("/nowhere")

    events = logs.filter_log_events(logGroupName="/api")["events"]
    assert [event["message"] for event in events] == ["GET /pets 200 -", "GET - 403 -"]
    now = clock.now_ms() / 1000
    dimensions = [{"Name": "ApiName", "Value": "shop"}, {"Name": "Stage", "Value": "test"}]
    sums = {
        name: sum(
            point["Sum"]
            for point in aws("cloudwatch").get_metric_statistics(
                Namespace="AWS/ApiGateway",
                MetricName=name,
                Dimensions=dimensions,
                StartTime=now - 600,
                EndTime=now + 600,
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
        )
        for name in ("Count", "4XXError", "5XXError")
    }
    assert sums == {"Count": 2, "4XXError": 1, "5XXError": 0}


def test_how_requests_were_executed_is_logged_as_far_as_a_stage_wants(aws: Aws, api: Api) -> None:
    api.mock("/good", response='"well"')
    api.mock("/bad", request="no status")
    api.deploy()
    level = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"}
    with pytest.raises(ClientError, match="role ARN must be set"):
        api.client.update_stage(restApiId=api.id, stageName="test", patchOperations=[level])
    role = {"op": "replace", "path": "/cloudwatchRoleArn", "value": "arn:aws:iam::000000000000:role/logs"}
    api.client.update_account(patchOperations=[role])
    errors = {"op": "replace", "path": "/~1bad/GET/logging/loglevel", "value": "ERROR"}
    api.client.update_stage(restApiId=api.id, stageName="test", patchOperations=[level, errors])

    api.ask("/good")
    api.ask("/bad")

    group = f"API-Gateway-Execution-Logs_{api.id}/test"
    events = aws("logs").filter_log_events(logGroupName=group)["events"]
    said = [event["message"].partition(") ")[2] for event in events]
    assert said[1:] == [
        "HTTP Method: GET, Resource Path: /good",
        "Successfully completed execution",
        "Method completed with status: 200",
        "Execution failed due to configuration error: Unable to parse statusCode",
    ]


def test_what_is_not_there_is_refused_by_name(api: Api) -> None:
    place = api.method("/")
    refusals = [
        lambda: api.client.create_authorizer(
            restApiId=api.id, name="pool", type="COGNITO_USER_POOLS", providerARNs=["arn:aws:cognito-idp:x"]
        ),
        lambda: api.client.create_rest_api(name="x", policy="{}"),
        lambda: api.client.put_integration(
            **place, type="HTTP", integrationHttpMethod="GET", uri="http://a.b", connectionType="VPC_LINK"
        ),
        lambda: api.client.create_domain_name(domainName="a.b"),
        lambda: api.client.put_integration(**place, type="MOCK", requestTemplates={"a/b": "#macro(x)#end"}),
    ]
    for refusal in refusals:
        with pytest.raises(ClientError) as refused:
            refusal()
        assert refused.value.response["Error"]["Code"] == "NotImplemented"
