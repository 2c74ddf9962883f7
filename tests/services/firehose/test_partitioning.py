"""Dynamic partitioning: records are delivered under prefixes that are made of what is in them."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.services.firehose.conftest import MakeStream, Objects, put
from tests.services.firehose.test_transformation import function, processing, processor

QUERY = '{customer: .id, year: (.at | strftime("%Y"))}'
BY_SHOP = """
import base64, json
def handler(event, context):
    def one(record):
        keys = {"partitionKeys": {"shop": json.loads(base64.b64decode(record["data"]))["shop"]}}
        return {"recordId": record["recordId"], "result": "Ok", "data": record["data"], "metadata": keys}
    return {"records": [one(record) for record in event["records"]]}
"""
# A prefix that names no time gets one behind it.
PREFIX = "!{timestamp:'in'}/c=!{partitionKeyFromQuery:customer}/y=!{partitionKeyFromQuery:year}/"


def extraction(query: str = QUERY) -> dict[str, Any]:
    return processor("MetadataExtraction", MetadataExtractionQuery=query, JsonParsingEngine="JQ-1.6")


def partitioned(*processors: dict[str, Any], prefix: str = PREFIX, **more: Any) -> dict[str, Any]:
    return {
        "Prefix": prefix,
        "ErrorOutputPrefix": "failed/!{firehose:error-output-type}/",
        "DynamicPartitioningConfiguration": {"Enabled": True},
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
        "ProcessingConfiguration": processing(*processors),
        **more,
    }


def by_prefix(found: dict[str, bytes]) -> dict[str, bytes]:
    return {key.rpartition("/")[0]: body for key, body in found.items()}


def test_records_go_where_their_query_says(
    make_stream: MakeStream, firehose: Any, objects: Objects, clock: MovableClock
) -> None:
    make_stream(**partitioned(extraction()))
    records = [{"id": "a", "at": 1700000000}, {"id": 7, "at": 0}, {"id": "a", "at": 1700000001}, {"id": True, "at": 0}]
    put(firehose, *(json.dumps(record) + "\n" for record in records))
    clock.advance(s=61)
    assert by_prefix(objects(3, step_s=10)) == {
        "in/c=a/y=2023": b'{"id": "a", "at": 1700000000}\n{"id": "a", "at": 1700000001}\n',
        "in/c=7/y=1970": b'{"id": 7, "at": 0}\n',
        "in/c=true/y=1970": b'{"id": true, "at": 0}\n',
    }


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("no json", "Non JSON record provided"),
        ('{"id": "", "at": 0}', "The partition key customer is null, empty, or no scalar"),
        ('{"at": 0}', "The partition key customer is null, empty, or no scalar"),
        ('{"id": {"x": 1}, "at": 0}', "The partition key customer is null, empty, or no scalar"),
        ('{"id": 1, "at": "x"}', "The query failed: strftime/1 requires parsed datetime inputs"),
    ],
)
def test_a_record_without_keys_is_error_output(
    make_stream: MakeStream, firehose: Any, objects: Objects, clock: MovableClock, record: str, message: str
) -> None:
    make_stream(**partitioned(extraction()))
    put(firehose, record)
    clock.advance(s=61)
    ((key, body),) = objects(1, step_s=10).items()
    assert key.startswith("failed/processing-failed/")
    failure = json.loads(body)
    assert base64.b64decode(failure["rawData"]) == record.encode()
    assert failure["errorCode"] == "DynamicPartitioning.MetadataExtractionFailed"
    assert failure["errorMessage"] == message


@pytest.mark.parametrize(
    ("aggregated", "parameters"),
    [
        ('{"id": 1, "at": 0}{"id": 2, "at": 0}\n{"id": 1, "at": 0}', {"SubRecordType": "JSON"}),
        (
            '{"id": 1, "at": 0}####{"id": 2, "at": 0}####{"id": 1, "at": 0}####',
            {"SubRecordType": "DELIMITED", "Delimiter": base64.b64encode(b"####").decode()},
        ),
    ],
)
def test_records_are_taken_apart_before_their_keys_are_looked_for(
    make_stream: MakeStream,
    firehose: Any,
    objects: Objects,
    clock: MovableClock,
    aggregated: str,
    parameters: dict[str, str],
) -> None:
    make_stream(**partitioned(processor("RecordDeAggregation", **parameters), extraction()))
    put(firehose, aggregated)
    clock.advance(s=61)
    found = by_prefix(objects(2, step_s=10))
    assert found == {"in/c=1/y=1970": b'{"id": 1, "at": 0}' * 2, "in/c=2/y=1970": b'{"id": 2, "at": 0}'}


def test_keys_of_a_function_and_of_a_query_make_one_prefix_of_parquet(
    aws: Aws,
    make_stream: MakeStream,
    firehose: Any,
    objects: Objects,
    clock: MovableClock,
    role: str,
) -> None:
    glue = aws("glue")
    glue.create_database(DatabaseInput={"Name": "lake"})
    columns = [{"Name": "id", "Type": "int"}, {"Name": "shop", "Type": "string"}]
    glue.create_table(DatabaseName="lake", TableInput={"Name": "t", "StorageDescriptor": {"Columns": columns}})
    make_stream(
        **partitioned(
            function(aws, BY_SHOP),
            extraction("{id: .id}"),
            prefix="!{timestamp:'in'}/!{partitionKeyFromLambda:shop}/!{partitionKeyFromQuery:id}/",
        ),
        DataFormatConversionConfiguration={
            "SchemaConfiguration": {"RoleARN": role, "DatabaseName": "lake", "TableName": "t"},
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
        },
    )
    put(firehose, '{"id": 1, "shop": "x"}', '{"id": 2, "shop": "x"}')
    clock.advance(s=61)
    found = objects(2, step_s=10)
    assert sorted(key.rpartition("/")[0] for key in found) == ["in/x/1", "in/x/2"]
    assert all(key.endswith(".parquet") for key in found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ErrorOutputPrefix": None}, "ErrorOutputPrefix must be specified"),
        ({"Prefix": "x/"}, "S3 Prefix should contain Dynamic Partitioning namespaces"),
        (
            {"BufferingHints": {"SizeInMBs": 63, "IntervalInSeconds": 60}},
            "BufferingHints.SizeInMBs must be at least 64",
        ),
        ({"DynamicPartitioningConfiguration": None}, "Dynamic Partitioning Namespaces can only be part of a prefix"),
        ({"ProcessingConfiguration": None}, "MetadataExtraction processor should be present"),
        (
            {"ProcessingConfiguration": processing(extraction("{customer: "))},
            "MetadataExtractionQuery is no JQ expression",
        ),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(
    make_stream: MakeStream, change: dict[str, Any], message: str
) -> None:
    settings = {name: value for name, value in (partitioned(extraction()) | change).items() if value is not None}
    with pytest.raises(ClientError) as refused:
        make_stream(**settings)
    assert refused.value.response["Error"]["Code"] == "InvalidArgumentException"
    assert refused.value.response["Error"]["Message"].startswith(message)


def test_it_cannot_be_switched_on_later(make_stream: MakeStream, firehose: Any) -> None:
    name = make_stream()
    with pytest.raises(ClientError) as refused:
        firehose.update_destination(
            DeliveryStreamName=name,
            CurrentDeliveryStreamVersionId="1",
            DestinationId="destinationId-000000000001",
            ExtendedS3DestinationUpdate=partitioned(extraction()),
        )
    assert refused.value.response["Error"]["Code"] == "InvalidArgumentException"
