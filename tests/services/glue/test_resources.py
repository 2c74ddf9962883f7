"""CloudFormation's types of the Data Catalog."""

import json
from typing import Any

from tests.conftest import Aws
from tests.services.cloudformation.test_stacks import create, wait

TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Lake": {
            "Type": "AWS::Glue::Database",
            "Properties": {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": "lake"}},
        },
        "Orders": {
            "Type": "AWS::Glue::Table",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseName": {"Ref": "Lake"},
                "TableInput": {
                    "Retention": "3",
                    "Parameters": {"has_encrypted_data": False, "skip.header.line.count": 1},
                    "PartitionKeys": [{"Name": "day", "Type": "date"}],
                    "StorageDescriptor": {
                        "Columns": [{"Name": "id", "Type": "bigint"}],
                        "Compressed": "true",
                        "SortColumns": [{"Column": "id", "SortOrder": "1"}],
                    },
                },
            },
        },
        "Day": {
            "Type": "AWS::Glue::Partition",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseName": {"Ref": "Lake"},
                "TableName": {"Ref": "Orders"},
                "PartitionInput": {"Values": ["2026-01-01"], "StorageDescriptor": {"Location": "s3://lake/1/"}},
            },
        },
    },
    "Outputs": {"Table": {"Value": {"Ref": "Orders"}}, "Database": {"Value": {"Ref": "Lake"}}},
}


def test_a_stack_makes_changes_and_deletes_a_catalog(aws: Aws) -> None:
    cloudformation, glue = aws("cloudformation"), aws("glue")
    stack = create(cloudformation, TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    name = outputs["Table"]
    assert outputs["Database"] == "lake"
    assert name.startswith("shop-orders-")
    table = glue.get_table(DatabaseName="lake", Name=name)["Table"]
    assert table["Retention"] == 3
    assert table["Parameters"] == {"has_encrypted_data": "false", "skip.header.line.count": "1"}
    assert table["StorageDescriptor"]["Compressed"] is True
    assert table["StorageDescriptor"]["SortColumns"] == [{"Column": "id", "SortOrder": 1}]
    (partition,) = glue.get_partitions(DatabaseName="lake", TableName=name)["Partitions"]
    assert partition["StorageDescriptor"]["Location"] == "s3://lake/1/"

    changed = json.loads(json.dumps(TEMPLATE))
    changed["Resources"]["Lake"]["Properties"]["DatabaseInput"]["Description"] = "all of it"
    changed["Resources"]["Orders"]["Properties"]["TableInput"]["Owner"] = "me"
    changed["Resources"]["Day"]["Properties"]["PartitionInput"]["Parameters"] = {"a": "b"}
    cloudformation.update_stack(StackName="shop", TemplateBody=json.dumps(changed))
    assert wait(cloudformation)["StackStatus"] == "UPDATE_COMPLETE"
    assert glue.get_database(Name="lake")["Database"]["Description"] == "all of it"
    assert glue.get_table(DatabaseName="lake", Name=name)["Table"]["Owner"] == "me"
    (partition,) = glue.get_partitions(DatabaseName="lake", TableName=name)["Partitions"]
    assert partition["Parameters"] == {"a": "b"}

    cloudformation.delete_stack(StackName=stack["StackId"])
    assert wait(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert glue.get_databases()["DatabaseList"] == []
