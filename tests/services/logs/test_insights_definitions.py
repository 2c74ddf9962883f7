"""Saved queries of Logs Insights, also those of templates."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def logs(aws: Any) -> Any:
    return aws("logs")


def names(answer: Any) -> list[str]:
    return [definition["name"] for definition in answer["queryDefinitions"]]


def test_a_definition_is_kept_changed_and_deleted(logs: Any, clock: Any) -> None:
    parameters = [{"name": "level", "defaultValue": "ERROR", "description": "how bad"}]
    made = logs.put_query_definition(
        name="errors", queryString="filter level = '{{level}}'", logGroupNames=["/app"], parameters=parameters
    )
    (found,) = logs.describe_query_definitions()["queryDefinitions"]
    assert abs(found.pop("lastModified") - clock.now_ms()) < 60_000
    assert found == {
        "queryLanguage": "CWLI",
        "queryDefinitionId": made["queryDefinitionId"],
        "name": "errors",
        "queryString": "filter level = '{{level}}'",
        "logGroupNames": ["/app"],
        "parameters": parameters,
    }
    logs.put_query_definition(name="all", queryString="fields @message", **made_id(made))
    (changed,) = logs.describe_query_definitions()["queryDefinitions"]
    assert (changed["name"], changed["logGroupNames"], "parameters" in changed) == ("all", [], False)
    assert logs.delete_query_definition(**made_id(made))["success"] is True
    assert logs.describe_query_definitions()["queryDefinitions"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.delete_query_definition(**made_id(made))
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.put_query_definition(name="all", queryString="fields @message", **made_id(made))


def made_id(made: Any) -> dict[str, str]:
    return {"queryDefinitionId": made["queryDefinitionId"]}


def test_definitions_are_found_by_prefix_and_language_page_by_page(logs: Any) -> None:
    for name in ("a/one", "a/two", "b/one"):
        logs.put_query_definition(name=name, queryString="fields @message")
    logs.put_query_definition(name="a/sql", queryString="SELECT 1", queryLanguage="SQL")
    assert names(logs.describe_query_definitions(queryDefinitionNamePrefix="a/")) == ["a/one", "a/sql", "a/two"]
    assert names(logs.describe_query_definitions(queryLanguage="SQL")) == ["a/sql"]
    first = logs.describe_query_definitions(maxResults=3)
    rest = logs.describe_query_definitions(maxResults=3, nextToken=first["nextToken"])
    assert (names(first), names(rest)) == (["a/one", "a/sql", "a/two"], ["b/one"])


def test_a_repeated_request_makes_one_definition(logs: Any) -> None:
    given = {"name": "once", "queryString": "fields @message", "clientToken": "t" * 36}
    first, again = logs.put_query_definition(**given), logs.put_query_definition(**given)
    assert first["queryDefinitionId"] == again["queryDefinitionId"]
    assert names(logs.describe_query_definitions()) == ["once"]


@pytest.mark.parametrize(
    "given",
    [
        {"queryLanguage": "SQL", "parameters": [{"name": "a"}]},
        {"parameters": [{"name": "a"}, {"name": "a"}]},
        {"parameters": [{"name": "1a"}]},
    ],
)
def test_definitions_with_wrong_parameters_are_refused(logs: Any, given: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.put_query_definition(name="x", queryString="fields @message", **given)


def test_a_template_makes_changes_and_deletes_a_definition(aws: Any, logs: Any) -> None:
    cloudformation = aws("cloudformation")

    def template(**properties: Any) -> str:
        query = {"Type": "AWS::Logs::QueryDefinition", "Properties": properties}
        return json.dumps(
            {
                "Resources": {"Query": query},
                "Outputs": {
                    "Id": {"Value": {"Ref": "Query"}},
                    "Att": {"Value": {"Fn::GetAtt": "Query.QueryDefinitionId"}},
                },
            }
        )

    cloudformation.create_stack(
        StackName="s", TemplateBody=template(Name="q", QueryString="fields @message", LogGroupNames=["/app"])
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    (made,) = logs.describe_query_definitions()["queryDefinitions"]
    outputs = {one["OutputValue"] for one in cloudformation.describe_stacks(StackName="s")["Stacks"][0]["Outputs"]}
    assert (made["name"], made["logGroupNames"], outputs) == ("q", ["/app"], {made["queryDefinitionId"]})
    cloudformation.update_stack(StackName="s", TemplateBody=template(Name="q", QueryString="limit 5"))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    (changed,) = logs.describe_query_definitions()["queryDefinitions"]
    assert (changed["queryDefinitionId"], changed["queryString"]) == (made["queryDefinitionId"], "limit 5")
    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    assert logs.describe_query_definitions()["queryDefinitions"] == []
