"""Databases of the Data Catalog, and what belongs to a catalog as a whole."""

import json
from typing import Any

import pytest

from tests.conftest import Aws, MovableClock
from tests.services.glue.conftest import Refusal, table_input


def test_a_database_is_what_it_was_made_as_with_its_name_in_lower_case(aws: Aws, account: str) -> None:
    glue = aws("glue")
    glue.create_database(
        DatabaseInput={"Name": "Sales", "Description": "d", "LocationUri": "s3://b/", "Parameters": {"k": "v"}}
    )
    found = glue.get_database(Name="SALES")["Database"]
    assert found.pop("CreateTime")
    assert found == {
        "Name": "sales",
        "Description": "d",
        "LocationUri": "s3://b/",
        "Parameters": {"k": "v"},
        "CatalogId": account,
        "CreateTableDefaultPermissions": [
            {"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}
        ],
    }
    assert glue.get_databases()["DatabaseList"][0]["Name"] == "sales"
    assert aws("glue", region="eu-west-1").get_databases()["DatabaseList"] == []


def test_an_update_replaces_the_whole_definition_but_the_name(glue: Any, refusal: Refusal) -> None:
    glue.update_database(Name="lake", DatabaseInput={"Name": "Lake", "Description": "new"})
    glue.update_database(Name="lake", DatabaseInput={"Name": "lake", "Parameters": {"a": "b"}})
    found = glue.get_database(Name="lake")["Database"]
    assert "Description" not in found
    assert found["Parameters"] == {"a": "b"}
    assert refusal(glue.update_database, Name="lake", DatabaseInput={"Name": "pond"})[0] == "InvalidInputException"


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        (
            "create_database",
            {"DatabaseInput": {"Name": "LAKE"}},
            ("AlreadyExistsException", "Database already exists."),
        ),
        ("get_database", {"Name": "Pond"}, ("EntityNotFoundException", "Database pond not found.")),
        ("delete_database", {"Name": "pond"}, ("EntityNotFoundException", "Database pond not found.")),
        ("get_tables", {"DatabaseName": "pond"}, ("EntityNotFoundException", "Database pond not found.")),
        ("get_databases", {"CatalogId": "s3tables"}, ("EntityNotFoundException", "Catalog s3tables not found.")),
        (
            "create_database",
            {"DatabaseInput": {"Name": "link", "TargetDatabase": {"CatalogId": "1", "DatabaseName": "x"}}},
            ("NotImplemented", "Fogbank's glue does not implement TargetDatabase."),
        ),
    ],
)
def test_what_is_not_there_or_there_already_is_refused(
    glue: Any, refusal: Refusal, operation: str, parameters: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert refusal(getattr(glue, operation), **parameters) == expected


def test_tables_go_with_their_database(glue: Any) -> None:
    glue.create_table(DatabaseName="lake", TableInput=table_input())
    glue.delete_database(Name="lake")
    glue.create_database(DatabaseInput={"Name": "lake"})
    assert glue.get_tables(DatabaseName="lake")["TableList"] == []


def test_databases_are_listed_page_by_page(glue: Any) -> None:
    for number in range(5):
        glue.create_database(DatabaseInput={"Name": f"d{number}"})
    pages = list(glue.get_paginator("get_databases").paginate(PaginationConfig={"PageSize": 2}))
    assert [[database["Name"] for database in page["DatabaseList"]] for page in pages] == [
        ["d0", "d1"],
        ["d2", "d3"],
        ["d4", "lake"],
    ]
    assert glue.get_databases(AttributesToGet=["NAME"])["DatabaseList"][0].keys() == {"Name", "CatalogId"}
    assert glue.get_databases(ResourceShareType="FOREIGN")["DatabaseList"] == []


def test_a_catalog_is_another_account_s_where_its_id_says_so(aws: Aws, account: str) -> None:
    aws("glue").create_database(DatabaseInput={"Name": "shared"})
    other = aws("glue", account="987654321098")
    assert other.get_database(Name="shared", CatalogId=account)["Database"]["CatalogId"] == account


def test_tags_of_databases_are_the_tagging_api_s_too(aws: Aws, glue: Any, account: str, refusal: Refusal) -> None:
    arn = f"arn:aws:glue:us-east-1:{account}:database/tagged"
    glue.create_database(DatabaseInput={"Name": "tagged"}, Tags={"team": "a"})
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"cost": "7"})
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "a", "cost": "7"}
    tagging = aws("resourcegroupstaggingapi")
    found = tagging.get_resources(ResourceTypeFilters=["glue"], TagFilters=[{"Key": "cost"}])
    assert [mapping["ResourceARN"] for mapping in found["ResourceTagMappingList"]] == [arn]
    tagging.untag_resources(ResourceARNList=[arn], TagKeys=["cost"])
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["team"])
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {}
    assert refusal(glue.get_tags, ResourceArn=arn.replace("tagged", "gone"))[0] == "EntityNotFoundException"


def test_the_catalog_s_policy_is_changed_on_conditions(glue: Any, refusal: Refusal, clock: MovableClock) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "glue:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert refusal(glue.get_resource_policy) == ("EntityNotFoundException", "Policy not found")
    must_exist = refusal(glue.put_resource_policy, PolicyInJson=policy, PolicyExistsCondition="MUST_EXIST")
    assert must_exist[0] == "ConditionCheckFailureException"
    put = glue.put_resource_policy(PolicyInJson=policy, PolicyExistsCondition="NOT_EXIST")
    assert glue.get_resource_policy()["PolicyInJson"] == policy
    other = json.dumps({"Version": "2012-10-17", "Statement": [statement], "Id": "2"})
    again = refusal(glue.put_resource_policy, PolicyInJson=other, PolicyHashCondition="f" * 64)
    assert again[0] == "ConditionCheckFailureException"
    clock.advance(s=5)
    glue.put_resource_policy(PolicyInJson=other, PolicyHashCondition=put["PolicyHash"])
    (found,) = glue.get_resource_policies()["GetResourcePoliciesResponseList"]
    assert found["PolicyInJson"] == other
    assert found["UpdateTime"] > found["CreateTime"]
    glue.delete_resource_policy()
    assert refusal(glue.delete_resource_policy)[0] == "EntityNotFoundException"
    assert refusal(glue.put_resource_policy, PolicyInJson="[]")[0] == "InvalidInputException"


def test_functions_are_kept_and_found_by_pattern(glue: Any, refusal: Refusal) -> None:
    for name in ("To_Upper", "to_lower", "count"):
        glue.create_user_defined_function(
            DatabaseName="lake",
            FunctionInput={
                "FunctionName": name,
                "ClassName": "com.example.F",
                "OwnerType": "USER",
                "FunctionType": "AGGREGATE_FUNCTION" if name == "count" else "REGULAR_FUNCTION",
            },
        )
    found = glue.get_user_defined_functions(Pattern="to_*")["UserDefinedFunctions"]
    assert [function["FunctionName"] for function in found] == ["to_lower", "to_upper"]
    found = glue.get_user_defined_functions(DatabaseName="lake", Pattern="*", FunctionType="AGGREGATE_FUNCTION")
    assert [function["FunctionName"] for function in found["UserDefinedFunctions"]] == ["count"]
    named = {"DatabaseName": "lake", "FunctionName": "COUNT"}
    glue.update_user_defined_function(**named, FunctionInput={"FunctionName": "count", "ClassName": "com.example.G"})
    assert glue.get_user_defined_function(**named)["UserDefinedFunction"]["ClassName"] == "com.example.G"
    glue.delete_user_defined_function(**named)
    assert refusal(glue.get_user_defined_function, **named) == (
        "EntityNotFoundException",
        "Function count not found.",
    )
    assert refusal(glue.create_user_defined_function, DatabaseName="lake", FunctionInput={"FunctionName": "to_lower"})[
        0
    ] == ("AlreadyExistsException")
