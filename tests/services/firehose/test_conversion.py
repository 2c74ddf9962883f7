"""Record format conversion: JSON that is put becomes Parquet or ORC by the schema of a table."""

import base64
import io
import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow.orc
import pyarrow.parquet
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from fogbank.engines.columnar.hive_types import parse_hive_type
from fogbank.engines.columnar.interface import Array, DecimalType, Map, Scalar, Struct, Text, Type
from fogbank.services.firehose.conversion import Column, Converted, Schema, convert
from tests.conftest import Aws, MovableClock
from tests.services.firehose.conftest import TRUST, MakeStream, Objects, describe, put

OPENX: dict[str, Any] = {"OpenXJsonSerDe": {}}
HIVE: dict[str, Any] = {"HiveJsonSerDe": {}}
PARQUET: dict[str, Any] = {"ParquetSerDe": {}}
ORC: dict[str, Any] = {"OrcSerDe": {}}

COLUMNS = {"id": "bigint", "at": "timestamp", "Total": "decimal(10,2)", "tags": "array<string>"}


def configuration(
    deserializer: dict[str, Any] = OPENX, serializer: dict[str, Any] = PARQUET, **schema: str
) -> dict[str, Any]:
    return {
        "SchemaConfiguration": schema,
        "InputFormatConfiguration": {"Deserializer": deserializer},
        "OutputFormatConfiguration": {"Serializer": serializer},
    }


def converted(
    columns: dict[str, str], *records: Any, deserializer: dict[str, Any] = OPENX, serializer: dict[str, Any] = PARQUET
) -> Converted:
    schema = Schema(tuple(Column(name, kind) for name, kind in columns.items()), {})
    data = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    return convert(schema, configuration(deserializer, serializer), data)


def rows(file: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(file)).to_pylist()
    return found


def value(kind: str, given: Any, deserializer: dict[str, Any] = OPENX) -> Any:
    """What a value of JSON becomes in a column of the type; of what fails, the code and message."""
    record = given if isinstance(given, bytes) else json.dumps({"v": given}).encode()
    answer = converted({"v": kind}, record, deserializer=deserializer)
    if answer.failed:
        return answer.failed[0][1:]
    (row,) = rows(answer.file)
    return row["v"]


def malformed(why: str) -> tuple[str, str]:
    return "DataFormatConversion.MalformedData", f"Data does not match the schema. {why}"


NOT_NUMERIC = malformed("Current token (VALUE_STRING) not numeric, can not use numeric value accessors")
OUT_OF_RANGE = malformed("Numeric value (2147483648) out of range of int")
TOO_LARGE = malformed("Numeric value (1E+1000000) out of range of decimal(5,2)")
LONG = Decimal("1234567890123456789012345678.0123456789")
NO_SCALAR = (
    "DataFormatConversion.MalformedData",
    "One or more fields have incorrect format. Exception when validating field (root)",
)
at = datetime.fromisoformat
MOMENT = at("2018-02-07 19:58:48")


@pytest.mark.parametrize(
    ("kind", "given", "openx", "hive"),
    [
        ("int", 7, 7, 7),
        ("int", None, None, None),
        ("int", "7", 7, NOT_NUMERIC),
        ("int", "seven", malformed('For input string: "seven"'), NOT_NUMERIC),
        ("int", 1 << 31, malformed('For input string: "2147483648"'), OUT_OF_RANGE),
        ("int", 1.5, malformed('For input string: "1.5"'), 1),
        ("tinyint", -128, -128, -128),
        ("bigint", 9007199254740993, 9007199254740993, 9007199254740993),
        ("double", 3, 3.0, 3.0),
        ("double", "2.5", 2.5, NOT_NUMERIC),
        ("float", 1e39, malformed('For input string: "1e+39"'), malformed('For input string: "1e+39"')),
        ("boolean", "TRUE", True, malformed("Current token (VALUE_STRING) not of boolean type")),
        ("decimal(5,2)", b'{"v": 1.005}', Decimal("1.01"), Decimal("1.01")),
        ("decimal(5,2)", "1.5", Decimal("1.50"), NOT_NUMERIC),
        ("decimal(5,2)", b'{"v": 1e1000000}', TOO_LARGE, TOO_LARGE),
        ("decimal(38,10)", b'{"v": 1234567890123456789012345678.0123456789}', LONG, LONG),
        ("string", 1.5, "1.5", "1.5"),
        ("string", True, "true", "true"),
        ("string", {"a": [1]}, '{"a":[1]}', NO_SCALAR),
        ("varchar(2)", "abc", "ab", "ab"),
        ("binary", "ö", "ö".encode(), "ö".encode()),
        ("date", "2018-2-7", date(2018, 2, 7), date(2018, 2, 7)),
        ("date", "7.2.2018", *[malformed('For input string: "7.2.2018"')] * 2),
        ("timestamp", "2018-2-7 19:58:48", MOMENT, MOMENT),
        ("timestamp", 1518033528, MOMENT, malformed("Timestamp format must be yyyy-mm-dd hh:mm:ss[.fffffffff]")),
        ("array<int>", 5, [5], malformed("java.io.IOException: Start of Array expected")),
        ("array<int>", [1, None], [1, None], [1, None]),
        ("map<string,int>", {"B": 2}, [("B", 2)], [("B", 2)]),
        ("map<int,int>", {"1": 2}, [(1, 2)], [(1, 2)]),
        ("struct<a:int,b:string>", {"B": "x", "c": 1}, {"a": None, "b": "x"}, {"a": None, "b": "x"}),
        ("struct<a:int>", 5, None, malformed("java.io.IOException: Start of Object expected")),
        ("struct<a:array<struct<b:int>>>", {"a": [{"b": "x"}]}, malformed('For input string: "x"'), NOT_NUMERIC),
    ],
)  # fmt: skip
def test_openx_takes_what_can_be_made_fit_and_hive_what_fits(kind: str, given: Any, openx: Any, hive: Any) -> None:
    assert value(kind, given, OPENX) == openx
    assert value(kind, given, HIVE) == hive


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2017-02-07T15:13:01.39256Z", at("2017-02-07 15:13:01.392560")),
        ("2017-2-7 5:3:1.5", at("2017-02-07 05:03:01.500000")),
        (1518033528, MOMENT),
        ("1518033528", MOMENT),
        (1518033528.123, MOMENT.replace(microsecond=123000)),
        (1518033528123, MOMENT.replace(microsecond=123000)),
        ("2017-2-7T5:3:1Z", malformed('For input string: "2017-2-7T5:3:1Z"')),
        ("2017-02-30 05:03:01", malformed('For input string: "2017-02-30 05:03:01"')),
        (999999999999, malformed('For input string: "999999999999"')),
        ([1], malformed('For input string: "[1]"')),
    ],
)
def test_openx_reads_timestamps_as_aws_does(given: Any, expected: Any) -> None:
    assert value("timestamp", given) == expected


@pytest.mark.parametrize(
    ("formats", "given", "expected"),
    [
        (["millis"], 1518033528123, MOMENT.replace(microsecond=123000)),
        (["millis"], "2018-02-07 19:58:48", MOMENT),
        (["dd/MMM/yyyy:HH:mm:ss Z"], "07/Feb/2018:20:58:48 +0100", MOMENT),
        (["yyyyMMdd", "yyyy-MM-dd'T'HH:mm:ss.SSSZZ"], "2018-02-07T19:58:48.5Z", MOMENT.replace(microsecond=500000)),
        (["yyyyMMdd", "yyyy"], "20180207", at("2018-02-07 00:00:00")),
        (["M/d/yy h:mm:ss a"], "2/7/18 7:58:48 PM", MOMENT),
        (["EEE, dd MMM yyyy HH:mm:ss 'o''clock'"], "Wed, 07 Feb 2018 19:58:48 o'clock", MOMENT),
    ],
)
def test_hive_reads_timestamps_in_the_formats_that_are_given(formats: list[str], given: Any, expected: Any) -> None:
    assert value("timestamp", given, {"HiveJsonSerDe": {"TimestampFormats": formats}}) == expected


@pytest.mark.parametrize(
    ("options", "document", "expected"),
    [
        ({}, {"A": 1, "x.y": 2}, {"a": 1, "x_y": None}),
        ({"CaseInsensitive": False}, {"A": 1, "x_y": 2}, {"a": None, "x_y": 2}),
        ({"ConvertDotsInJsonKeysToUnderscores": True}, {"x.y": 2}, {"a": None, "x_y": 2}),
        ({"ColumnToJsonKeyMappings": {"a": "The Key"}}, {"the key": 1, "a": 3}, {"a": 1, "x_y": None}),
    ],
)
def test_openx_finds_keys_as_its_options_say(options: dict[str, Any], document: Any, expected: Any) -> None:
    answer = converted({"a": "int", "x_y": "int"}, document, deserializer={"OpenXJsonSerDe": options})
    assert rows(answer.file) == [expected]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b'{"v":1}{"v":2}\n {"v":3} ', [1, 2, 3]),
        (b'{"v":1}{"v":', "ParseError"),
        (b'[{"v":1}]', "MalformedData"),
        (b"", "ParseError"),
        (b'{"v":NaN}', "ParseError"),
        (b"\xff", "ParseError"),
        (b"[" * 100_000, "ParseError"),
        (b'{"v":' + b"9" * 5000 + b"}", "ParseError"),
        (b'{"v":1e99999999999999999999}', "ParseError"),
    ],
)  # fmt: skip
def test_a_record_is_one_or_more_objects(record: bytes, expected: Any) -> None:
    answer = converted({"v": "int"}, record)
    if isinstance(expected, str):
        assert [failed.code for failed in answer.failed] == [f"DataFormatConversion.{expected}"]
        assert answer.file == b""
    else:
        assert [row["v"] for row in rows(answer.file)] == expected


def test_what_fails_leaves_the_others_in_their_order() -> None:
    answer = converted({"v": "int"}, *({"v": "x" if number % 10 == 3 else number} for number in range(3_000)))
    assert [failed.place for failed in answer.failed] == list(range(3, 3_000, 10))
    assert [row["v"] for row in rows(answer.file)] == [number for number in range(3_000) if number % 10 != 3]


# ---- every value of every schema ---------------------------------------------------------------------------------

SCALARS = {
    "boolean": st.booleans(),
    "tinyint": st.integers(-(1 << 7), (1 << 7) - 1),
    "smallint": st.integers(-(1 << 15), (1 << 15) - 1),
    "int": st.integers(-(1 << 31), (1 << 31) - 1),
    "bigint": st.integers(-(1 << 63), (1 << 63) - 1),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(st.characters(exclude_categories=["Cs"])),
    "binary": st.text(st.characters(exclude_categories=["Cs"])),
    "date": st.dates(),
    "timestamp": st.datetimes(at("1700-01-01 00:00:00"), at("2200-01-01 00:00:00")),
    "decimal(12,3)": st.decimals(-(10**8), 10**8, places=3),
}
NAMES = st.text(st.sampled_from("abcdefg_0"), min_size=1, max_size=4).filter(lambda name: name[0] != "0")


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("array<{}>".format, inner),
        st.builds("map<string,{}>".format, inner),
        st.dictionaries(NAMES, inner, min_size=1, max_size=3).map(
            lambda fields: f"struct<{','.join(f'{name}:{kind}' for name, kind in fields.items())}>"
        ),
    )


TYPES = st.recursive(st.sampled_from(sorted(SCALARS)), _nested, max_leaves=4)


def values(kind: Type) -> st.SearchStrategy[Any]:
    """Values as they are read from the file."""
    match kind:
        case Array(element):
            some: st.SearchStrategy[Any] = st.lists(values(element), max_size=3)
        case Map(_, inner):
            some = st.dictionaries(SCALARS["string"], values(inner), max_size=3)
        case Struct(fields):
            some = st.fixed_dictionaries({field.name: values(field.type) for field in fields})
        case DecimalType():
            some = SCALARS["decimal(12,3)"]
        case Scalar(name):
            some = SCALARS[name]
        case Text():
            raise AssertionError("not drawn")
    return st.none() | some


def written(found: Any) -> Any:
    """A value as JSON has it."""
    match found:
        case dict():
            return {key: written(inner) for key, inner in found.items()}
        case list():
            return [written(inner) for inner in found]
        case datetime():
            return found.isoformat(sep=" ")
        case date():
            return found.isoformat()
        case Decimal():
            return float(found)
    return found


def expected(kind: Type, found: Any) -> Any:
    """A value as Arrow gives it."""
    match kind, found:
        case _, None:
            return None
        case Array(element), list():
            return [expected(element, inner) for inner in found]
        case Map(_, inner_kind), dict():
            return [(key, expected(inner_kind, inner)) for key, inner in found.items()]
        case Struct(fields), dict():
            return {field.name: expected(field.type, found[field.name]) for field in fields}
        case Scalar("binary"), str():
            return found.encode()
    return found


@given(st.data())
def test_any_json_of_a_schema_comes_back_equal(data: st.DataObject) -> None:
    schema = data.draw(st.dictionaries(NAMES, TYPES, min_size=1, max_size=4))
    kinds = {name: parse_hive_type(kind) for name, kind in schema.items()}
    documents = data.draw(
        st.lists(st.fixed_dictionaries({name: values(kind) for name, kind in kinds.items()}), min_size=1)
    )
    for deserializer in (OPENX, HIVE):
        answer = converted(schema, *(written(document) for document in documents), deserializer=deserializer)
        assert answer.failed == []
        wanted = [{name: expected(kind, document[name]) for name, kind in kinds.items()} for document in documents]
        assert rows(answer.file) == wanted


# ---- streams -----------------------------------------------------------------------------------------------------

MakeTable = Callable[..., None]


@pytest.fixture
def make_table(aws: Aws) -> MakeTable:
    """Makes the table, or another version of it."""
    glue = aws("glue")

    def make(columns: dict[str, str]) -> None:
        listed = [{"Name": name, "Type": kind} for name, kind in columns.items()]
        table = {"Name": "orders", "StorageDescriptor": {"Columns": listed}}
        if glue.get_databases()["DatabaseList"]:
            glue.update_table(DatabaseName="lake", TableInput=table)
        else:
            glue.create_database(DatabaseInput={"Name": "lake"})
            glue.create_table(DatabaseName="lake", TableInput=table)

    return make


@pytest.fixture
def schema(role: str) -> dict[str, str]:
    return {"RoleARN": role, "DatabaseName": "lake", "TableName": "orders"}


def test_records_are_delivered_as_parquet_and_failures_as_error_output(
    make_table: MakeTable, make_stream: MakeStream, firehose: Any, objects: Objects, schema: dict[str, str],
    account: str, role: str, clock: MovableClock,
) -> None:  # fmt: skip
    make_table(COLUMNS)
    make_stream(
        DataFormatConversionConfiguration=configuration(**schema),
        BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 60},
        Prefix="data/",
        ErrorOutputPrefix="bad/!{firehose:error-output-type}/",
    )
    put(
        firehose, '{"ID": 1, "at": "2026-01-01 10:00:00", "total": 1.5, "tags": ["a"]}', '{"id": "x"}', "{", '{"id": 2}'
    )
    put_ms = clock.now_ms()
    clock.advance(s=61)
    found = objects(1)
    (key,) = found
    assert key.startswith("data/")
    assert key.endswith(".parquet")
    assert rows(found[key]) == [
        {"id": 1, "at": at("2026-01-01 10:00:00"), "Total": Decimal("1.50"), "tags": ["a"]},
        {"id": 2, "at": None, "Total": None, "tags": None},
    ]
    clock.advance(s=61)
    (failures,) = [body for key, body in objects(2).items() if key.startswith("bad/format-conversion-failed/")]
    first, second = [json.loads(line) for line in failures.splitlines()]
    assert base64.b64decode(first["rawData"]) == b'{"id": "x"}'
    assert first["lastErrorCode"] == "DataFormatConversion.MalformedData"
    assert first["dataCatalogTable"] == {
        "catalogId": account,
        "databaseName": "lake",
        "tableName": "orders",
        "region": "us-east-1",
        "versionId": "LATEST",
        "roleArn": role,
    }
    assert abs(first["arrivalTimestamp"] - put_ms) < 5_000
    assert second["lastErrorCode"] == "DataFormatConversion.ParseError"


def test_the_schema_is_the_table_s_latest_version_or_the_one_that_is_named(
    make_table: MakeTable, make_stream: MakeStream, firehose: Any, objects: Objects, schema: dict[str, str],
    clock: MovableClock,
) -> None:  # fmt: skip
    make_table({"id": "int"})
    for name, version in (("latest", "LATEST"), ("first", "0")):
        conversion = configuration(serializer=ORC, VersionId=version, **schema)
        make_stream(name, DataFormatConversionConfiguration=conversion, Prefix=f"{name}/")
    make_table({"id": "string", "more": "int"})
    for name in ("latest", "first"):
        put(firehose, '{"id": 7, "more": 8}', stream=name)
    clock.advance(s=301)
    found = objects(2)
    assert all(key.endswith(".orc") for key in found)
    read = {key[0]: pyarrow.orc.read_table(io.BytesIO(body)).to_pylist() for key, body in found.items()}
    assert read == {"l": [{"id": "7", "more": 8}], "f": [{"id": 7}]}


def test_a_schema_that_is_not_there_is_refused(
    make_table: MakeTable, make_stream: MakeStream, schema: dict[str, str], aws: Aws
) -> None:
    trust = json.dumps(TRUST).replace("firehose", "lambda")
    nobody = aws("iam").create_role(RoleName="nobody", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    make_table({"id": "int"})
    for change, start in (
        ({"TableName": "gone"}, "The specified table/database could not be found."),
        ({"VersionId": "7"}, "Could not find a matching schema from glue."),
        ({"RoleARN": nobody}, "Firehose is unable to assume role"),
    ):
        with pytest.raises(ClientError) as refused:
            make_stream(DataFormatConversionConfiguration=configuration(**(schema | change)))
        assert refused.value.response["Error"]["Code"] == "InvalidArgumentException"
        assert refused.value.response["Error"]["Message"].startswith(start)


def test_records_wait_for_a_table_that_is_gone(
    aws: Aws, make_table: MakeTable, make_stream: MakeStream, firehose: Any, objects: Objects, schema: dict[str, str],
    clock: MovableClock,
) -> None:  # fmt: skip
    make_table({"id": "int"})
    make_stream(DataFormatConversionConfiguration=configuration(**schema))
    aws("glue").delete_database(Name="lake")
    put(firehose, '{"id": 7}')
    clock.advance(s=400)
    make_table({"id": "int"})
    (body,) = objects(1, step_s=30).values()
    assert rows(body) == [{"id": 7}]


MADE_LARGER = {"BufferingHints": {"SizeInMBs": 128, "IntervalInSeconds": 300}}


def test_a_stream_that_converts_buffers_128_mb_unless_it_is_told_otherwise(
    make_table: MakeTable, make_stream: MakeStream, firehose: Any, schema: dict[str, str]
) -> None:
    make_table({"id": "int"})
    given = configuration(**schema)
    make_stream(DataFormatConversionConfiguration=given)
    (destination,) = describe(firehose)["Destinations"]
    described = destination["ExtendedS3DestinationDescription"]
    assert described.items() >= MADE_LARGER.items()
    assert described["DataFormatConversionConfiguration"] == {**given, "Enabled": True}


def test_an_update_of_a_conversion_keeps_what_it_does_not_name(
    make_table: MakeTable, make_stream: MakeStream, firehose: Any, schema: dict[str, str]
) -> None:
    make_table({"id": "int"})
    make_table({"id": "string"})
    made = {**configuration(**schema), "Enabled": True}
    make_stream(DataFormatConversionConfiguration=made)
    wanted: dict[str, Any] = made
    changes: list[dict[str, Any]] = [
        {"SchemaConfiguration": {"VersionId": "0"}},
        {"OutputFormatConfiguration": {"Serializer": ORC}},
        {"Enabled": False},
    ]
    for version, change in enumerate(changes, 1):
        firehose.update_destination(
            DeliveryStreamName="clicks",
            CurrentDeliveryStreamVersionId=str(version),
            DestinationId="destinationId-000000000001",
            ExtendedS3DestinationUpdate={"DataFormatConversionConfiguration": change},
        )
        if "SchemaConfiguration" in change:
            change = {"SchemaConfiguration": schema | {"VersionId": "0"}}
        wanted = wanted | change
        described = describe(firehose)["Destinations"][0]["ExtendedS3DestinationDescription"]
        assert described["DataFormatConversionConfiguration"] == wanted


@pytest.mark.parametrize(
    ("change", "settings", "code"),
    [
        ({}, {"CompressionFormat": "GZIP"}, "InvalidArgumentException"),
        ({}, {"BufferingHints": {"SizeInMBs": 63, "IntervalInSeconds": 60}}, "InvalidArgumentException"),
        ({"SchemaConfiguration": {"DatabaseName": "lake"}}, {}, "InvalidArgumentException"),
        ({"InputFormatConfiguration": {"Deserializer": {}}}, {}, "InvalidArgumentException"),
        ({"InputFormatConfiguration": {"Deserializer": {**OPENX, **HIVE}}}, {}, "InvalidArgumentException"),
        ({"OutputFormatConfiguration": {"Serializer": {}}}, {}, "InvalidArgumentException"),
        (
            {"InputFormatConfiguration": {"Deserializer": {"HiveJsonSerDe": {"TimestampFormats": ["yyyy-QQ"]}}}},
            {},
            "InvalidArgumentException",
        ),
        ({"OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"MaxPaddingBytes": 1}}}}, {}, "NotImplemented"),
        ({"OutputFormatConfiguration": {"Serializer": {"OrcSerDe": {"EnablePadding": True}}}}, {}, "NotImplemented"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(
    make_stream: MakeStream, schema: dict[str, str], change: dict[str, Any], settings: dict[str, Any], code: str
) -> None:
    given = configuration(**schema) | change
    with pytest.raises(ClientError) as refused:
        make_stream(DataFormatConversionConfiguration=given, **settings)
    assert refused.value.response["Error"]["Code"] == code
    # What is not enabled is kept and not looked at.
    if code == "InvalidArgumentException" and not settings:
        make_stream(DataFormatConversionConfiguration={**given, "Enabled": False})
