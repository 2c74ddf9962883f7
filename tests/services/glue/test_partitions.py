"""Partitions, the expressions that find them, their indexes and the statistics of their columns."""

import datetime
from typing import Any

import pytest

from tests.services.glue.conftest import Refusal, table_input

ORDERS = {"DatabaseName": "lake", "TableName": "orders"}
KEYS = [
    {"Name": "day", "Type": "date"},
    {"Name": "shop", "Type": "int"},
    {"Name": "kind", "Type": "string"},
    {"Name": "rate", "Type": "decimal(5,2)"},
    {"Name": "at", "Type": "timestamp"},
    {"Name": "weight", "Type": "double"},
]
ROWS = {
    "a": ["2026-01-01", "9", "red", "1.50", "2026-01-01 10:00:00", "1"],
    "b": ["2026-01-02", "10", "green", "2", "2026-01-01 11:30:00.5", "1"],
    "c": ["2026-02-01", "11", "it's 5%_", "2.0", "2026-03-01 00:00:00", "1"],
}


@pytest.fixture
def orders(glue: Any) -> Any:
    glue.create_table(DatabaseName="lake", TableInput=table_input(PartitionKeys=KEYS))
    inputs = [{"Values": values, "Parameters": {"row": row}} for row, values in ROWS.items()]
    assert glue.batch_create_partition(**ORDERS, PartitionInputList=inputs)["Errors"] == []
    return glue


def rows(answer: dict[str, Any]) -> str:
    return "".join(sorted(partition["Parameters"]["row"] for partition in answer["Partitions"]))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("shop > 9", "bc"),
        ("shop = '10'", "b"),
        ("10 <= shop", "bc"),
        ("SHOP<>9 and Kind<>'green'", "c"),
        ("shop != 9", "bc"),
        ("shop in (9, '11')", "ac"),
        ("shop NOT IN (9, 11)", "b"),
        ("shop between 9 and 10", "ab"),
        ("shop not between 9 and 10", "c"),
        ("day >= '2026-01-02'", "bc"),
        ("kind like '%e%'", "ab"),
        ("kind LIKE '_ed'", "a"),
        ("kind not like '%e%'", "c"),
        (r"kind like 'it''s 5\%\_'", "c"),
        ("kind like '%*'", ""),
        ("kind = 'it''s 5%_'", "c"),
        ("rate = 2", "bc"),
        ("rate < 1.6 or kind = 'green'", "ab"),
        ("at > '2026-01-01 11:00:00'", "bc"),
        ("not (shop = 9 or shop = 10)", "c"),
        ("not not shop = 9", "a"),
        ("((shop) = (9)) or ((shop = 11))", "ac"),
        ("shop = 9 or shop = 10 and kind = 'red'", "a"),
        ("kind is null", ""),
        ("kind is not null and `shop` = 9", "a"),
        ("shop = -9", ""),
        (" ", "abc"),
    ],
)
def test_partitions_are_found_by_expression(orders: Any, expression: str, expected: str) -> None:
    assert rows(orders.get_partitions(**ORDERS, Expression=expression)) == expected


INVALID = ("InvalidInputException", "Invalid partition expression!")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("nothing = 1", INVALID),
        ("id = 1", INVALID),
        ("day > 2026-01-01", INVALID),
        ('kind = "red"', INVALID),
        ("shop = ", INVALID),
        ("shop = 1 and", INVALID),
        ("shop ; 1", INVALID),
        ("(" * 500 + "shop = 1", INVALID),
        ("1 = 1", INVALID),
        ("shop in ()", INVALID),
        ("shop = 1 shop = 2", INVALID),
        ("shop = 'x'", ("InvalidInputException", 'For input string: "x" is not an integer.')),
        ("shop = 2.5", ("InvalidInputException", 'For input string: "2.5" is not an integer.')),
        ("rate = 'x'", ("InvalidInputException", 'For input string: "x" is not a decimal.')),
        ("rate > 'NaN'", ("InvalidInputException", 'For input string: "NaN" is not a decimal.')),
        ("shop like '1%'", ("InvalidInputException", "Integral data type doesn't support operation 'LIKE'")),
        ("rate like '1%'", ("InvalidInputException", "Decimal data type doesn't support operation 'LIKE'")),
        ("weight > 1", ("InvalidInputException", "Unknown type : 'double'")),
    ],
)
def test_an_expression_that_cannot_be_read_is_refused(
    orders: Any, refusal: Refusal, expression: str, expected: tuple[str, str]
) -> None:
    assert refusal(orders.get_partitions, **ORDERS, Expression=expression) == expected


def test_a_partition_that_is_not_of_its_key_s_type_fails_the_filter(orders: Any, refusal: Refusal) -> None:
    orders.create_partition(**ORDERS, PartitionInput={"Values": ["2026-01-01", "null", "k", "1", "x", "1"]})
    assert refusal(orders.get_partitions, **ORDERS, Expression="shop >= 0") == (
        "InvalidStateException",
        'For input string: "null" is not an integer.',
    )


def test_a_partition_is_what_it_was_made_as(orders: Any, account: str, refusal: Refusal) -> None:
    storage = {"Location": "s3://lake/x/", "Columns": [{"Name": "id", "Type": "bigint"}]}
    values = ["2026-05-05", "1", "k", "1", "2026-05-05 00:00:00", "1"]
    orders.create_partition(**ORDERS, PartitionInput={"Values": values, "StorageDescriptor": storage})
    found = orders.get_partition(**ORDERS, PartitionValues=values)["Partition"]
    assert found.pop("CreationTime")
    assert found["StorageDescriptor"].items() >= storage.items()
    assert (found["Values"], found["CatalogId"], found["TableName"]) == (values, account, "orders")
    (listed,) = orders.get_partitions(**ORDERS, Expression="shop = 1", ExcludeColumnSchema=True)["Partitions"]
    assert "Columns" not in listed["StorageDescriptor"]
    assert refusal(orders.create_partition, **ORDERS, PartitionInput={"Values": values}) == (
        "AlreadyExistsException",
        "Partition already exists.",
    )
    assert refusal(orders.create_partition, **ORDERS, PartitionInput={"Values": ["1"]}) == (
        "InvalidInputException",
        "The number of partition keys do not match the number of partition values",
    )
    orders.delete_partition(**ORDERS, PartitionValues=values)
    assert refusal(orders.get_partition, **ORDERS, PartitionValues=values) == (
        "EntityNotFoundException",
        "Cannot find partition.",
    )


def test_an_update_may_move_a_partition_and_never_onto_another(orders: Any, refusal: Refusal) -> None:
    moved = [*ROWS["a"][:5], "7"]
    orders.update_partition(**ORDERS, PartitionValueList=ROWS["a"], PartitionInput={"Values": moved})
    assert orders.get_partition(**ORDERS, PartitionValues=moved)["Partition"].get("Parameters") is None
    assert refusal(orders.get_partition, **ORDERS, PartitionValues=ROWS["a"])[0] == "EntityNotFoundException"
    onto = {"PartitionValueList": moved, "PartitionInput": {"Values": ROWS["b"]}}
    assert refusal(orders.update_partition, **ORDERS, **onto)[0] == "AlreadyExistsException"
    errors = orders.batch_update_partition(
        **ORDERS,
        Entries=[
            onto,
            {"PartitionValueList": ROWS["c"], "PartitionInput": {"Values": ROWS["c"], "Parameters": {"row": "z"}}},
        ],
    )["Errors"]
    assert [error["PartitionValueList"] for error in errors] == [moved]
    assert rows(orders.get_partitions(**ORDERS, Expression="shop = 11")) == "z"


def test_batches_do_what_they_can(orders: Any) -> None:
    unknown = ["2027-01-01", *ROWS["a"][1:]]
    got = orders.batch_get_partition(**ORDERS, PartitionsToGet=[{"Values": ROWS["b"]}, {"Values": unknown}])
    assert (rows(got), got["UnprocessedKeys"]) == ("b", [])
    errors = orders.batch_create_partition(
        **ORDERS, PartitionInputList=[{"Values": unknown, "Parameters": {"row": "u"}}, {"Values": ROWS["a"]}]
    )["Errors"]
    assert errors == [
        {
            "PartitionValues": ROWS["a"],
            "ErrorDetail": {"ErrorCode": "AlreadyExistsException", "ErrorMessage": "Partition already exists."},
        }
    ]
    gone = [{"Values": ROWS["a"]}, {"Values": ["x"]}]
    errors = orders.batch_delete_partition(**ORDERS, PartitionsToDelete=gone)["Errors"]
    assert [error["PartitionValues"] for error in errors] == [["x"]]
    assert rows(orders.get_partitions(**ORDERS)) == "bcu"


def test_segments_share_the_partitions_among_them(orders: Any, refusal: Refusal) -> None:
    inputs = [{"Values": [*ROWS["a"][:5], str(number)], "Parameters": {"row": "x"}} for number in range(90)]
    orders.batch_create_partition(**ORDERS, PartitionInputList=inputs)
    found: list[tuple[str, ...]] = []
    for number in range(4):
        segment = {"SegmentNumber": number, "TotalSegments": 4}
        pages = orders.get_paginator("get_partitions").paginate(
            **ORDERS, Segment=segment, PaginationConfig={"PageSize": 7}
        )
        found += [tuple(partition["Values"]) for page in pages for partition in page["Partitions"]]
    assert len(found) == len(set(found)) == 93 - 1  # Weight 1 was there already.
    beyond = {"SegmentNumber": 4, "TotalSegments": 4}
    assert refusal(orders.get_partitions, **ORDERS, Segment=beyond)[0] == "InvalidInputException"


def test_indexes_are_kept_and_limited(orders: Any, refusal: Refusal) -> None:
    for number, keys in enumerate((["day"], ["shop", "kind"], ["rate"])):
        orders.create_partition_index(**ORDERS, PartitionIndex={"IndexName": f"Index{number}", "Keys": keys})
    found = orders.get_partition_indexes(**ORDERS)["PartitionIndexDescriptorList"]
    assert found[1] == {
        "IndexName": "index1",
        "Keys": [{"Name": "shop", "Type": "int"}, {"Name": "kind", "Type": "string"}],
        "IndexStatus": "ACTIVE",
    }
    fourth = {"IndexName": "fourth", "Keys": ["at"]}
    refused = refusal(orders.create_partition_index, **ORDERS, PartitionIndex=fourth)
    assert refused[0] == "ResourceNumberLimitExceededException"
    orders.delete_partition_index(**ORDERS, IndexName="index0")
    unknown = {"IndexName": "i", "Keys": ["total"]}
    assert refusal(orders.create_partition_index, **ORDERS, PartitionIndex=unknown)[0] == "InvalidInputException"
    assert refusal(orders.delete_partition_index, **ORDERS, IndexName="index0")[0] == "EntityNotFoundException"


def test_statistics_of_columns_are_kept_for_the_table_and_each_partition(orders: Any, refusal: Refusal) -> None:
    statistics = {
        "ColumnName": "total",
        "ColumnType": "decimal(10,2)",
        "AnalyzedTime": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        "StatisticsData": {
            "Type": "DECIMAL",
            "DecimalColumnStatisticsData": {
                "MinimumValue": {"UnscaledValue": b"\x01", "Scale": 2},
                "NumberOfNulls": 0,
                "NumberOfDistinctValues": 3,
            },
        },
    }
    unknown = {**statistics, "ColumnName": "nothing"}
    answer = orders.update_column_statistics_for_table(**ORDERS, ColumnStatisticsList=[statistics, unknown])
    assert [error["ColumnStatistics"]["ColumnName"] for error in answer["Errors"]] == ["nothing"]
    found = orders.get_column_statistics_for_table(**ORDERS, ColumnNames=["total", "id"])
    assert found["ColumnStatisticsList"] == [statistics]
    assert [error["ColumnName"] for error in found["Errors"]] == ["id"]
    of_partition = {**ORDERS, "PartitionValues": ROWS["a"]}
    orders.update_column_statistics_for_partition(**of_partition, ColumnStatisticsList=[statistics])
    orders.delete_column_statistics_for_table(**ORDERS, ColumnName="total")
    assert orders.get_column_statistics_for_table(**ORDERS, ColumnNames=["total"])["ColumnStatisticsList"] == []
    got = orders.get_column_statistics_for_partition(**of_partition, ColumnNames=["total"])
    assert got["ColumnStatisticsList"] == [statistics]
    orders.delete_column_statistics_for_partition(**of_partition, ColumnName="total")
    refused = refusal(orders.delete_column_statistics_for_partition, **of_partition, ColumnName="total")
    assert refused[0] == "EntityNotFoundException"
