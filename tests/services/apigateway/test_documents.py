"""APIs of OpenAPI and Swagger documents."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.apigateway.apis import Api

MOCK = {
    "type": "mock",
    "requestTemplates": {"application/json": '{"statusCode": 200}'},
    "responses": {
        "default": {"statusCode": 200, "responseTemplates": {"application/json": '"well"'}},
        "4\\d\\d": {"statusCode": "400"},
    },
}
OPENAPI = {
    "openapi": "3.0.1",
    "info": {"title": "pets", "version": 2, "description": "all of them"},
    "servers": [{"url": "https://pets.example/v1/live"}],
    "paths": {
        "/pets/{id}": {
            "parameters": [{"in": "path", "name": "id", "required": True}],
            "post": {
                "operationId": "ChangePet",
                "parameters": [{"in": "query", "name": "q"}, {"in": "cookie", "name": "c"}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
                "responses": {
                    "200": {
                        "description": "done",
                        "headers": {"X-A": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
                    },
                    "400": {"description": "refused"},
                },
                "security": [{"key": []}],
                "x-amazon-apigateway-request-validator": "body",
                "x-amazon-apigateway-integration": MOCK,
            },
            "get": {
                "responses": {"200": {"description": "one"}},
                "security": [{"iam": []}],
                "x-amazon-apigateway-integration": MOCK,
            },
        }
    },
    "components": {
        "schemas": {
            "Pet": {"type": "object", "required": ["tag"], "properties": {"tag": {"$ref": "#/components/schemas/Tag"}}},
            "Tag": {"type": "string"},
        },
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            "iam": {"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"},
        },
    },
    "x-amazon-apigateway-request-validators": {"body": {"validateRequestBody": True}},
    "x-amazon-apigateway-binary-media-types": ["image/png"],
    "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"statusCode": 418}},
}


def imported(client: Any, document: dict[str, Any], **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer, and the API's resources with their methods by their paths."""
    answer = client.import_rest_api(body=json.dumps(document), **options)
    items = client.get_resources(restApiId=answer["id"], embed=["methods"])["items"]
    return answer, {item["path"]: item.get("resourceMethods", {}) for item in items}


def test_a_document_becomes_an_api(api: Api) -> None:
    answer, resources = imported(api.client, OPENAPI)

    assert (answer["name"], answer["version"], answer["description"]) == ("pets", "2", "all of them")
    assert answer["binaryMediaTypes"] == ["image/png"]
    assert answer["warnings"] == ["Parameters in cookie are not supported: c"]
    assert sorted(resources) == ["/", "/pets", "/pets/{id}"]
    post, get = resources["/pets/{id}"]["POST"], resources["/pets/{id}"]["GET"]
    assert (post["operationName"], post["apiKeyRequired"], post["authorizationType"]) == ("ChangePet", True, "NONE")
    assert (get["apiKeyRequired"], get["authorizationType"]) == (False, "AWS_IAM")
    assert post["requestParameters"] == {"method.request.path.id": True, "method.request.querystring.q": False}
    assert post["requestModels"] == {"application/json": "Pet"}
    assert post["methodResponses"]["200"] == {
        "statusCode": "200",
        "responseModels": {"application/json": "Pet"},
        "responseParameters": {"method.response.header.X-A": False},
    }
    responses = post["methodIntegration"]["integrationResponses"]
    assert responses["400"] == {"statusCode": "400", "selectionPattern": "4\\d\\d"}
    assert "selectionPattern" not in responses["200"]
    (validator,) = api.client.get_request_validators(restApiId=answer["id"])["items"]
    assert (validator["id"], validator["name"]) == (post["requestValidatorId"], "body")
    default = api.client.get_gateway_response(restApiId=answer["id"], responseType="DEFAULT_4XX")
    assert (default["statusCode"], default["defaultResponse"]) == ("418", False)
    flat = json.loads(api.client.get_model(restApiId=answer["id"], modelName="Pet", flatten=True)["schema"])
    assert flat["properties"]["tag"] == {"$ref": "#/definitions/Tag"}
    assert flat["definitions"]["Tag"] == {"type": "string"}


@pytest.mark.parametrize(
    ("basepath", "path"), [("ignore", "/pets/{id}"), ("prepend", "/v1/live/pets/{id}"), ("split", "/live/pets/{id}")]
)
def test_a_base_path_is_ignored_prepended_or_split(api: Api, basepath: str, path: str) -> None:
    _, resources = imported(api.client, OPENAPI, parameters={"basepath": basepath})
    assert path in resources


def test_a_document_is_merged_into_an_api_or_overwrites_it(api: Api) -> None:
    api.mock("/cats")
    client = api.client
    body = json.dumps({"swagger": "2.0", "info": {"title": "dogs"}, "paths": {"/dogs": {"get": {}}}})

    client.put_rest_api(restApiId=api.id, mode="merge", body=body)
    merged = {item["path"] for item in client.get_resources(restApiId=api.id)["items"]}
    answer = client.put_rest_api(restApiId=api.id, mode="overwrite", body=body)
    overwritten = {item["path"] for item in client.get_resources(restApiId=api.id)["items"]}

    assert merged == {"/", "/cats", "/dogs"}
    assert (answer["id"], answer["name"], overwritten) == (api.id, "dogs", {"/", "/dogs"})


@pytest.mark.parametrize("body", ["{'key: value}", "[1]", "{}", 'openapi: 3.0.1\npaths: "all"'])
def test_what_is_no_document_is_refused(api: Api, body: str) -> None:
    with pytest.raises(ClientError, match="Invalid OpenAPI input"):
        api.client.import_rest_api(body=body)


def test_warnings_may_be_failures_and_leave_nothing(api: Api) -> None:
    with pytest.raises(ClientError, match="cookie"):
        api.client.import_rest_api(body=json.dumps(OPENAPI), failOnWarnings=True)
    assert [each["id"] for each in api.client.get_rest_apis()["items"]] == [api.id]
