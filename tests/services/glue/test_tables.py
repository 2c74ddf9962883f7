"""Tables of the Data Catalog and their versions."""

from typing import Any

import pytest

from tests.conftest import MovableClock
from tests.services.glue.conftest import Refusal, table_input


def test_a_table_is_what_it_was_made_as_with_its_name_in_lower_case(glue: Any, account: str) -> None:
    given = table_input("Orders", PartitionKeys=[{"Name": "day", "Type": "date"}], Parameters={"a": "1"})
    glue.create_table(DatabaseName="Lake", TableInput=given)
    found = glue.get_table(DatabaseName="lake", Name="ORDERS")["Table"]
    assert found.pop("CreateTime") == found.pop("UpdateTime")
    assert found == {
        **given,
        "Name": "orders",
        "DatabaseName": "lake",
        "Retention": 0,
        "StorageDescriptor": {
            **given["StorageDescriptor"],
            "Compressed": False,
            "NumberOfBuckets": 0,
            "SortColumns": [],
            "StoredAsSubDirectories": False,
        },
        "CreatedBy": f"arn:aws:iam::{account}:root",
        "IsRegisteredWithLakeFormation": False,
        "IsMultiDialectView": False,
        "CatalogId": account,
        "VersionId": "0",
    }


def test_an_update_replaces_the_definition_and_makes_a_version(glue: Any, clock: MovableClock) -> None:
    glue.create_table(DatabaseName="lake", TableInput=table_input(Description="first"))
    clock.advance(s=60)
    glue.update_table(DatabaseName="lake", TableInput=table_input(Owner="me"))
    found = glue.get_table(DatabaseName="lake", Name="orders")["Table"]
    assert (found.get("Description"), found["Owner"], found["VersionId"]) == (None, "me", "1")
    assert (found["UpdateTime"] - found["CreateTime"]).total_seconds() >= 60
    first = glue.get_table_version(DatabaseName="lake", TableName="orders", VersionId="0")["TableVersion"]
    assert first["Table"]["Description"] == "first"


def test_versions_are_listed_from_the_latest_and_skipped_ones_are_gone(glue: Any, refusal: Refusal) -> None:
    named = {"DatabaseName": "lake", "TableName": "orders"}
    glue.create_table(DatabaseName="lake", TableInput=table_input())
    for number in range(5):
        glue.update_table(DatabaseName="lake", TableInput=table_input(), SkipArchive=number == 2)
    pages = glue.get_paginator("get_table_versions").paginate(**named, PaginationConfig={"PageSize": 1})
    assert [version["VersionId"] for page in pages for version in page["TableVersions"]] == ["5", "4", "3", "1", "0"]
    glue.delete_table_version(**named, VersionId="1")
    errors = glue.batch_delete_table_version(**named, VersionIds=["0", "1", "5"])["Errors"]
    assert [(error["VersionId"], error["ErrorDetail"]["ErrorCode"]) for error in errors] == [
        ("1", "EntityNotFoundException"),
        ("5", "InvalidInputException"),
    ]
    left = glue.get_table_versions(**named)["TableVersions"]
    assert [version["VersionId"] for version in left] == ["5", "4", "3"]
    assert refusal(glue.get_table_version, **named, VersionId="x")[0] == "InvalidInputException"


def test_an_update_of_another_version_than_the_latest_is_refused(glue: Any, refusal: Refusal) -> None:
    glue.create_table(DatabaseName="lake", TableInput=table_input())
    glue.update_table(DatabaseName="lake", TableInput=table_input(), VersionId="0")
    assert refusal(glue.update_table, DatabaseName="lake", TableInput=table_input(), VersionId="0") == (
        "ConcurrentModificationException",
        "Update table failed due to concurrent modifications.",
    )


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        (
            "create_table",
            {"TableInput": table_input("ORDERS")},
            ("AlreadyExistsException", "Table already exists."),
        ),
        ("get_table", {"Name": "gone"}, ("EntityNotFoundException", "Entity Not Found")),
        ("delete_table", {"Name": "Gone"}, ("EntityNotFoundException", "Table gone not found.")),
        ("update_table", {"TableInput": table_input("gone")}, ("EntityNotFoundException", "Table gone not found.")),
        ("get_partitions", {"TableName": "gone"}, ("EntityNotFoundException", "Table gone not found.")),
        ("create_table", {}, ("InvalidInputException", "TableInput must be given.")),
        (
            "create_table",
            {"TableInput": table_input("v", ViewDefinition={})},
            ("NotImplemented", "Fogbank's glue does not implement ViewDefinition."),
        ),
    ],
)
def test_what_is_not_there_or_there_already_is_refused(
    glue: Any, refusal: Refusal, operation: str, parameters: dict[str, Any], expected: tuple[str, str]
) -> None:
    glue.create_table(DatabaseName="lake", TableInput=table_input())
    assert refusal(getattr(glue, operation), DatabaseName="lake", **parameters) == expected


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("orders*", ["orders", "orders_2"]),
        ("*2", ["items_2", "orders_2"]),
        ("*ite*", ["items_2"]),
        ("o.*", ["orders", "orders_2"]),
        ("orders", ["orders"]),
        ("items_[0-9]|orders", ["items_2", "orders"]),
        ("(or|it).{3,4}(_2)?", ["items_2", "orders", "orders_2"]),
        ("ORDERS", []),
    ],
)
def test_tables_are_found_by_pattern(glue: Any, expression: str, names: list[str]) -> None:
    for name in ("orders", "orders_2", "items_2"):
        glue.create_table(DatabaseName="lake", TableInput=table_input(name))
    found = glue.get_tables(DatabaseName="lake", Expression=expression)["TableList"]
    assert [table["Name"] for table in found] == names


def test_a_pattern_that_tries_to_take_for_ever_does_not(glue: Any, refusal: Refusal) -> None:
    glue.create_table(DatabaseName="lake", TableInput=table_input("a" * 200))
    assert glue.get_tables(DatabaseName="lake", Expression="(a|aa)+" * 20 + "b")["TableList"] == []
    assert refusal(glue.get_tables, DatabaseName="lake", Expression="(" * 200)[0] == "InvalidInputException"
    assert refusal(glue.get_tables, DatabaseName="lake", Expression="((a{99}){99}){99}")[0] == "InvalidInputException"


def test_lists_may_have_the_names_alone(glue: Any) -> None:
    glue.create_table(DatabaseName="lake", TableInput=table_input())
    found = glue.get_tables(DatabaseName="lake", AttributesToGet=["NAME", "TABLE_TYPE"])["TableList"]
    assert found == [{"Name": "orders", "TableType": "EXTERNAL_TABLE"}]


def test_a_batch_deletes_what_is_there_and_tells_what_is_not(glue: Any) -> None:
    for name in ("a", "b"):
        glue.create_table(DatabaseName="lake", TableInput=table_input(name))
    errors = glue.batch_delete_table(DatabaseName="lake", TablesToDelete=["a", "x", "b"])["Errors"]
    assert errors == [
        {
            "TableName": "x",
            "ErrorDetail": {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Table x not found."},
        }
    ]
    assert glue.get_tables(DatabaseName="lake")["TableList"] == []


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ({"SearchText": "order"}, ["customer-orders", "orders"]),
        ({"SearchText": '"orders"'}, ["orders"]),
        ({"SearchText": "decimal street"}, []),
        ({"SearchText": "street"}, ["people"]),
        ({"Filters": [{"Key": "Name", "Value": "orders"}]}, ["customer-orders", "orders"]),
        ({"Filters": [{"Key": "DatabaseName", "Value": "lake"}, {"Key": "Name", "Value": "people"}]}, ["people"]),
        ({"Filters": [{"Key": "classification", "Value": "parquet"}]}, ["people"]),
        ({"Filters": [{"Key": "CreateTime", "Value": "2020-01-01", "Comparator": "LESS_THAN"}]}, []),
        (
            {
                "Filters": [{"Key": "UpdateTime", "Value": "2020-01-01", "Comparator": "GREATER_THAN"}],
                "SortCriteria": [{"FieldName": "Name", "Sort": "DESC"}],
            },
            ["people", "orders", "customer-orders"],
        ),
    ],
)
def test_tables_are_searched_through_the_catalog(glue: Any, search: dict[str, Any], names: list[str]) -> None:
    glue.create_database(DatabaseInput={"Name": "other"})
    glue.create_table(DatabaseName="other", TableInput=table_input("orders"))
    glue.create_table(DatabaseName="lake", TableInput=table_input("customer-orders"))
    people = table_input("people", Description="by street", Parameters={"classification": "parquet"})
    glue.create_table(DatabaseName="lake", TableInput=people)
    pages = [glue.search_tables(**search, MaxResults=1)]
    while "NextToken" in pages[-1]:
        pages.append(glue.search_tables(**search, MaxResults=1, NextToken=pages[-1]["NextToken"]))
    assert [table["Name"] for page in pages for table in page["TableList"]] == names
