"""What APIs are made of: the operations, their patches and their refusals."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.apigateway.apis import Api


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    answer: dict[str, str] = error.value.response["Error"]
    return answer["Code"], answer["Message"]


def patch(op: str, path: str, value: str | None = None) -> list[dict[str, str]]:
    return [{"op": op, "path": path, **({} if value is None else {"value": value})}]


def test_resources_move_with_all_below_them(api: Api) -> None:
    api.resource("/a/b/c")
    api.resource("/d")
    api.client.update_resource(
        restApiId=api.id,
        resourceId=api.resource("/a/b"),
        patchOperations=[*patch("replace", "/parentId", api.resource("/d")), *patch("replace", "/pathPart", "x")],
    )
    paths = [item["path"] for item in api.client.get_resources(restApiId=api.id)["items"]]
    assert paths == ["/", "/a", "/d", "/d/x", "/d/x/c"]


@pytest.mark.parametrize(
    ("parent", "part", "sentence"),
    [
        ("/", "pets", "Another resource with the same parent already has this name: pets"),
        (
            "/pets",
            "{name}",
            "A sibling ({id}) of this resource already has a variable path part -- only one is allowed",
        ),
        ("/files/{all+}", "more", "Cannot create a child of a resource with a greedy path variable: {all+}"),
    ],
)
def test_a_resource_that_cannot_be_there_is_refused(api: Api, parent: str, part: str, sentence: str) -> None:
    api.resource("/pets/{id}")
    api.resource("/files/{all+}")
    _, said = refused(api.client.create_resource, restApiId=api.id, parentId=api.resource(parent), pathPart=part)
    assert said == sentence


def test_a_resource_goes_with_all_below_it(api: Api) -> None:
    api.resource("/a/b/c")
    api.client.delete_resource(restApiId=api.id, resourceId=api.resource("/a"))
    assert [item["path"] for item in api.client.get_resources(restApiId=api.id)["items"]] == ["/"]


@pytest.mark.parametrize(
    ("operations", "sentence"),
    [
        (patch("add", "/authorizationType", "NONE"), "Invalid patch operation specified. Must be one of: [replace]"),
        (patch("replace", "/httpMethod", "PUT"), "Invalid patch path /httpMethod"),
        (
            patch("replace", "/requestModels/application/json", "x"),
            "Invalid patch path /requestModels/application/json",
        ),
        (patch("replace", "/requestValidatorId", "no"), "Invalid Request Validator identifier specified"),
        (patch("add", "/requestModels/application~1json", "No"), "Invalid model identifier specified: No"),
        (patch("remove", "/requestParameters/method.request.header.x"), "Invalid parameter name specified"),
    ],
)
def test_a_patch_that_a_method_does_not_take_is_refused(
    api: Api, operations: list[dict[str, str]], sentence: str
) -> None:
    place = api.method("/")
    assert refused(api.client.update_method, **place, patchOperations=operations)[1] == sentence


def test_patches_change_a_method_and_what_it_declares(api: Api) -> None:
    place, client = api.method("/"), api.client
    client.put_integration(**place, type="MOCK")
    client.put_method_response(**place, statusCode="200")
    client.put_integration_response(**place, statusCode="200")

    client.update_method(**place, patchOperations=patch("add", "/requestParameters/method.request.header.x", "true"))
    client.update_method_response(
        **place, statusCode="200", patchOperations=patch("add", "/responseModels/application~1json", "Empty")
    )
    client.update_integration(**place, patchOperations=patch("add", "/requestTemplates/text~1plain", "t"))
    client.update_integration_response(
        **place, statusCode="200", patchOperations=patch("replace", "/selectionPattern", "2..")
    )

    method = client.get_method(**place)
    assert method["requestParameters"] == {"method.request.header.x": True}
    assert method["methodResponses"]["200"]["responseModels"] == {"application/json": "Empty"}
    integration = method["methodIntegration"]
    assert integration["requestTemplates"] == {"text/plain": "t"}
    assert integration["integrationResponses"]["200"]["selectionPattern"] == "2.."
    client.delete_integration(**place)
    assert refused(client.get_integration, **place)[1] == "Invalid Integration identifier specified"


@pytest.mark.parametrize(
    ("expression", "code", "sentence"),
    [
        ("(", "BadRequestException", "Invalid selection pattern specified: ("),
        (r"(?!x).*", "NotImplemented", r"Fogbank does not take this regular expression: (?!x).* is not"),
    ],
)
def test_what_cannot_be_matched_in_time_is_refused(api: Api, expression: str, code: str, sentence: str) -> None:
    place = api.method("/")
    api.client.put_integration(**place, type="MOCK")
    said = refused(api.client.put_integration_response, **place, statusCode="200", selectionPattern=expression)
    assert said[0] == code
    assert said[1].startswith(sentence)


def test_a_body_is_held_to_its_models_pattern_however_many_ways_that_has(api: Api) -> None:
    schema = {"type": "object", "properties": {"tag": {"type": "string", "pattern": "^(a+)+$"}}}
    api.client.create_model(restApiId=api.id, name="Pet", contentType="application/json", schema=json.dumps(schema))
    validator = api.client.create_request_validator(restApiId=api.id, name="body", validateRequestBody=True)["id"]
    api.mock("/pets", "POST", requestModels={"application/json": "Pet"}, requestValidatorId=validator)
    api.deploy()
    headers = {"Content-Type": "application/json"}
    assert api.ask("/pets", "POST", body=json.dumps({"tag": "a" * 5_000}), headers=headers).status == 200
    assert api.ask("/pets", "POST", body=json.dumps({"tag": "a" * 5_000 + "b"}), headers=headers).status == 400


def test_a_model_that_a_method_uses_stays(api: Api) -> None:
    api.client.create_model(restApiId=api.id, name="Pet", contentType="application/json", schema='{"type": "object"}')
    api.method("/pets", requestModels={"application/json": "Pet"})
    code, said = refused(api.client.delete_model, restApiId=api.id, modelName="Pet")
    assert (code, said) == (
        "ConflictException",
        "Cannot delete model 'Pet', is referenced in method request: /pets/GET",
    )


def test_a_deployment_that_a_stage_serves_stays(api: Api) -> None:
    api.mock("/")
    first, second = api.deploy(), api.deploy()
    assert refused(api.client.delete_deployment, restApiId=api.id, deploymentId=second)[1] == (
        "Active stages pointing to this deployment must be moved or deleted"
    )
    api.client.delete_deployment(restApiId=api.id, deploymentId=first)
    (left,) = api.client.get_deployments(restApiId=api.id)["items"]
    assert left["id"] == second
    summary = api.client.get_deployment(restApiId=api.id, deploymentId=second, embed=["apisummary"])["apiSummary"]
    assert summary == {"/": {"GET": {"authorizationType": "NONE", "apiKeyRequired": False}}}


def test_an_api_without_methods_or_integrations_is_not_deployed(api: Api) -> None:
    assert refused(api.client.create_deployment, restApiId=api.id)[1] == "The REST API doesn't contain any methods"
    api.method("/")
    assert refused(api.client.create_deployment, restApiId=api.id)[1] == "No integration defined for method"


def test_an_api_and_its_stages_have_tags(api: Api) -> None:
    api.mock("/")
    api.deploy()
    for place in (f"/restapis/{api.id}", f"/restapis/{api.id}/stages/test"):
        arn = f"arn:aws:apigateway:us-east-1::{place}"
        api.client.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
        api.client.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert api.client.get_tags(resourceArn=arn)["tags"] == {"b": "2"}
    assert api.client.get_rest_api(restApiId=api.id)["tags"] == {"b": "2"}


def test_a_method_is_tried_without_a_deployment(api: Api) -> None:
    api.mock("/pets/{id}", response='{"id": "$input.params("id")"}')
    place = {"restApiId": api.id, "resourceId": api.resource("/pets/{id}"), "httpMethod": "GET"}
    tried = api.client.test_invoke_method(**place, pathWithQueryString="/pets/7?x=1")
    assert (tried["status"], tried["body"]) == (200, '{"id": "7"}')
    assert "Method request path: {id=7}" in tried["log"]
    assert tried["log"].endswith("Method completed with status: 200\n")


def test_what_is_wrong_in_a_body_is_told_first_and_below_its_name(api: Api) -> None:
    method = {"restApiId": api.id, "resourceId": api.resource("/"), "httpMethod": "GET"}
    wrong = [{"op": "shift", "path": "/x"}]
    assert refused(api.client.update_method_response, **method, statusCode="none", patchOperations=wrong) == (
        "ValidationException",
        "2 validation errors detected: Value 'shift' at 'updateMethodResponseInput.patchOperations.1.member.op' failed "
        "to satisfy constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]; Value "
        "'none' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: "
        r"[1-5]\d\d",
    )
    assert refused(api.client.create_rest_api, name="a", endpointConfiguration={"types": ["LOCAL"]}) == (
        "ValidationException",
        "1 validation error detected: Value '[LOCAL]' at 'createRestApiInput.endpointConfiguration.types' failed to "
        "satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: "
        "[PRIVATE, EDGE, REGIONAL]]",
    )
