"""Where an API is reached, and what is said where there is none."""

import pytest

from tests.services.apigateway.apis import Api, ask

FORBIDDEN = {"message": "Forbidden"}
MISSING = {"message": "Missing Authentication Token"}


@pytest.fixture
def pets(api: Api) -> Api:
    api.mock("/pets", response='{"path": "$context.resourcePath", "stage": "$context.stage"}')
    api.deploy()
    return api


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("{id}.execute-api.us-east-1.amazonaws.com", "/test/pets"),
        ("{id}.execute-api.localhost", "/test/pets"),
        ("{id}.execute-api.localhost.localstack.cloud:4566", "/test/pets"),
        ("{id}.execute-api.localhost", "//test/pets"),
        ("{id}.execute-api.localhost", "/test/pets/"),
        ("localhost", "/restapis/{id}/test/_user_request_/pets"),
        ("localhost", "/_aws/execute-api/{id}/test/pets"),
    ],
)
def test_an_api_is_reached_by_its_host_and_by_paths(pets: Api, host: str, path: str) -> None:
    answer = ask(pets.endpoint, path.format(id=pets.id), headers={"Host": host.format(id=pets.id)})
    assert (answer.status, answer.json) == (200, {"path": "/pets", "stage": "test"})
    assert answer.headers["x-amzn-RequestId"]
    assert answer.headers["x-amz-apigw-id"]


@pytest.mark.parametrize(
    ("target", "message", "kind"),
    [
        ("/_aws/execute-api/{id}/nowhere/pets", FORBIDDEN, "ForbiddenException"),
        ("/_aws/execute-api/nothere000/test/pets", FORBIDDEN, "ForbiddenException"),
        ("/_aws/execute-api/{id}/test/cats", MISSING, "MissingAuthenticationTokenException"),
        ("/_aws/execute-api/{id}/test", MISSING, "MissingAuthenticationTokenException"),
    ],
)
def test_what_is_not_there_is_forbidden_or_asks_for_a_token(
    pets: Api, target: str, message: dict[str, str], kind: str
) -> None:
    answer = ask(pets.endpoint, target.format(id=pets.id))
    assert (answer.status, answer.json) == (403, message)
    assert answer.headers["x-amzn-ErrorType"] == kind


def test_a_method_that_a_resource_does_not_have_asks_for_a_token(pets: Api) -> None:
    answer = pets.ask("/pets", "POST")
    assert (answer.status, answer.json) == (403, MISSING)


def test_a_change_is_seen_once_it_is_deployed(pets: Api) -> None:
    pets.mock("/cats", response='"meow"')
    assert pets.ask("/cats").status == 403

    pets.deploy()

    assert pets.ask("/cats").json == "meow"


def test_an_api_without_its_default_endpoint_is_forbidden(pets: Api) -> None:
    disable = {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "True"}
    pets.client.update_rest_api(restApiId=pets.id, patchOperations=[disable])
    assert pets.ask("/pets").status == 403


def test_a_literal_path_goes_before_a_variable_and_that_before_a_greedy_one(api: Api) -> None:
    for path in ("/pets/dog", "/pets/{kind}", "/{proxy+}"):
        api.mock(path, response='{"path": "$context.resourcePath", "params": "$input.params().path"}')
    api.deploy()

    found = {path: api.ask(path).json for path in ("/pets/dog", "/pets/cat", "/pets/cat/food", "/shop")}

    assert found == {
        "/pets/dog": {"path": "/pets/dog", "params": "{}"},
        "/pets/cat": {"path": "/pets/{kind}", "params": "{kind=cat}"},
        "/pets/cat/food": {"path": "/{proxy+}", "params": "{proxy=pets/cat/food}"},
        "/shop": {"path": "/{proxy+}", "params": "{proxy=shop}"},
    }


def test_a_method_with_iam_authorization_wants_a_signature(api: Api) -> None:
    api.mock("/pets", authorizationType="AWS_IAM", response='"$context.identity.accessKey"')
    api.deploy()
    scope = "111122223333/20260101/us-east-1/execute-api/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}

    assert api.ask("/pets").json == MISSING
    assert api.ask("/pets", headers=signed).json == "111122223333"


def test_a_method_that_needs_an_api_key_lets_nobody_in_without(api: Api) -> None:
    api.mock("/pets", apiKeyRequired=True)
    api.deploy()
    answer = api.ask("/pets", headers={"x-api-key": "guessed-guessed-guessed"})
    assert (answer.status, answer.json) == (403, FORBIDDEN)


def test_an_upgrade_that_the_connection_does_not_name_is_no_offer(pets: Api) -> None:
    """https://www.rfc-editor.org/rfc/rfc9110#section-7.8"""
    answer = pets.ask("/pets", headers={"Upgrade": "HTTP/2.0", "Connection": "keep-alive"})
    assert answer.status == 200
