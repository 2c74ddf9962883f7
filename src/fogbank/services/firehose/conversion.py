"""Converting records from JSON to Parquet or ORC, by the schema of a table in the Glue Data Catalog.

https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
How JSON becomes values is in `conversion_records.py`; the file is the columnar engine's.
"""

import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from fogbank.core.context import Context
from fogbank.core.delegation import permit
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.engines.columnar.arrow import Arrow
from fogbank.engines.columnar.hive_types import BadType, parse_hive_type
from fogbank.engines.columnar.interface import ColumnarEngine, Field, Orc, Parquet, Slice
from fogbank.services.firehose.conversion_records import DoesNotFit, NotJson, RecordReader, Rules
from fogbank.services.firehose.conversion_times import BadFormat, compile_format
from fogbank.services.firehose.errors import InvalidArgument

LATEST = "LATEST"
_MIB = 1024 * 1024
_BLOCK_BYTES = 256 * _MIB
# Rows that are Python's values at a time; beyond them they are Arrow's, which take a fraction.
_SLICE_ROWS = 1_000
# A thread that computes keeps the others waiting for 5 ms; after so many bytes it lets go of its own accord.
_TURN_BYTES = 16 * 1024
_READERS_MAX = 64
_SCHEMA_MEMBERS = ("DatabaseName", "RoleARN", "TableName")

_engine: ColumnarEngine = Arrow()


class Column(NamedTuple):
    name: str
    type: str
    """In Hive's words, such as `array<struct<a:int>>`."""


class Schema(NamedTuple):
    """The columns of a table's version, and what tells them in the records of failures (`dataCatalogTable`)."""

    columns: tuple[Column, ...]
    table: dict[str, str]


class Failed(NamedTuple):
    """A record that cannot be converted: its place in the list, and why."""

    place: int
    code: str
    """Such as `DataFormatConversion.ParseError`."""
    message: str


class Converted(NamedTuple):
    """`file` is empty if no record could be converted."""

    file: bytes
    failed: list[Failed]


class SchemaNotFound(Exception):
    """There is no schema now that records could be converted by: the delivery is tried again. `code` and the message
    are as Firehose logs them, such as `DataFormatConversion.EntityNotFound`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = f"DataFormatConversion.{code}"


# ---- the configuration -------------------------------------------------------------------------------------------


def check_conversion(configuration: dict[str, Any]) -> None:
    """Refuse an enabled DataFormatConversionConfiguration that Firehose would refuse, with its InvalidArgument. Whether
    the table is there is for `check_schema` to say. Most of AWS's sentences are not recorded.
    """
    deserializer = configuration.get("InputFormatConfiguration", {}).get("Deserializer", {})
    serializer = configuration.get("OutputFormatConfiguration", {}).get("Serializer", {})
    schema = configuration.get("SchemaConfiguration", {})
    for what, given in (("deserializer", deserializer), ("serializer", serializer)):
        if len(given) != 1:
            raise InvalidArgument(f"Exactly one {what} must be specified when data format conversion is enabled.")
    for name in _SCHEMA_MEMBERS:
        if name not in schema:
            raise InvalidArgument(
                f"SchemaConfiguration.{name} must be specified when data format conversion is enabled."
            )
    for text in deserializer.get("HiveJsonSerDe", {}).get("TimestampFormats", ()):
        try:
            compile_format(text)
        except BadFormat:
            raise InvalidArgument(f"Invalid deserializer option(s): {text} is no timestamp format") from None
    if serializer.get("ParquetSerDe", {}).get("MaxPaddingBytes", 0) > 0:
        raise NotImplementedInFogbank("Fogbank's firehose does not implement MaxPaddingBytes of ParquetSerDe.")
    if serializer.get("OrcSerDe", {}).get("EnablePadding", False):
        raise NotImplementedInFogbank("Fogbank's firehose does not implement EnablePadding of OrcSerDe.")


def updated(configuration: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    """The configuration with an update over it: what it does not name stays as it is, also of the schema."""
    schema = configuration.get("SchemaConfiguration", {}) | update.get("SchemaConfiguration", {})
    return configuration | update | ({"SchemaConfiguration": schema} if schema else {})


def file_extension(configuration: dict[str, Any]) -> str:
    """What the names of the files end with."""
    return ".parquet" if isinstance(_form(configuration, ()), Parquet) else ".orc"


def _form(configuration: dict[str, Any], columns: tuple[Column, ...]) -> Parquet | Orc:
    """What the serializer says, with its defaults. Of ORC's names of columns those that are there count."""
    serializer = configuration["OutputFormatConfiguration"]["Serializer"]
    if "ParquetSerDe" in serializer:
        given = serializer["ParquetSerDe"]
        return Parquet(
            compression=given.get("Compression", "SNAPPY"),
            block_bytes=given.get("BlockSizeBytes", _BLOCK_BYTES),
            page_bytes=given.get("PageSizeBytes", _MIB),
            dictionary=given.get("EnableDictionaryCompression", False),
            pages=given.get("WriterVersion", "V1"),
        )
    given = serializer["OrcSerDe"]
    # Its blocks and its tolerance say how stripes are padded, and there is no padding.
    return Orc(
        compression=given.get("Compression", "SNAPPY"),
        stripe_bytes=given.get("StripeSizeBytes", 64 * _MIB),
        row_index_stride=given.get("RowIndexStride", 10_000),
        dictionary_threshold=given.get("DictionaryKeyThreshold", 0.0),
        bloom_columns=tuple(column.name for column in columns if column.name in given.get("BloomFilterColumns", ())),
        bloom_fpp=given.get("BloomFilterFalsePositiveProbability", 0.05),
        version=given.get("FormatVersion", "V0_12"),
    )


def _rules(configuration: dict[str, Any]) -> Rules:
    deserializer = configuration["InputFormatConfiguration"]["Deserializer"]
    if "HiveJsonSerDe" in deserializer:
        formats = deserializer["HiveJsonSerDe"].get("TimestampFormats", ())
        return Rules(lenient=False, timestamp_formats=tuple(formats))
    given = deserializer["OpenXJsonSerDe"]
    return Rules(
        lenient=True,
        case_insensitive=given.get("CaseInsensitive", True),
        dots_to_underscores=given.get("ConvertDotsInJsonKeysToUnderscores", False),
        keys_of_columns=tuple(sorted(given.get("ColumnToJsonKeyMappings", {}).items())),
    )


# ---- the schema --------------------------------------------------------------------------------------------------


def check_schema(ctx: Context, configuration: dict[str, Any] | None) -> None:
    """Refuse a configuration that is enabled and whose table is not there; in the caller's transaction."""
    if configuration is None or not configuration["Enabled"]:
        return
    try:
        _table(ctx, configuration["SchemaConfiguration"])
    except SchemaNotFound as error:
        # AWS wraps the answer that Glue gave it; the sentence is not recorded.
        raise InvalidArgument(str(error)) from error


async def read_schema(ctx: Context, configuration: dict[str, Any]) -> Schema:
    """The schema that SchemaConfiguration names; the context is its role's. Raises SchemaNotFound, NotPermitted."""
    where = configuration["SchemaConfiguration"]
    found = await ctx.run(_table, ctx, where)
    columns = tuple(
        Column(column["Name"], column.get("Type", ""))
        for column in found.get("StorageDescriptor", {}).get("Columns", ())
    )
    if not columns:
        raise SchemaNotFound(
            "NonExistentColumns",
            "Could not find a matching schema from glue. Please make sure the table is configured with a non-null "
            "storage descriptor containing the target columns.",
        )
    for column in columns:
        try:
            parse_hive_type(column.type)
        except BadType:
            raise SchemaNotFound(
                "InvalidSchema", f"The schema is invalid. Column {column.name} has the type {column.type}."
            ) from None
    table = {
        "catalogId": where.get("CatalogId", ctx.account),
        "databaseName": where["DatabaseName"],
        "tableName": where["TableName"],
        "region": where.get("Region", ctx.region),
        "versionId": where.get("VersionId", LATEST),
        "roleArn": where["RoleARN"],
    }
    return Schema(columns, table)


def _table(ctx: Context, where: dict[str, str]) -> dict[str, Any]:
    """The table or its version, as Glue answers it. Raises SchemaNotFound."""
    glue, there = ctx.cloud.glue, ctx.at(region=where.get("Region"))
    name, version = where["TableName"], where.get("VersionId", LATEST)
    named = {"CatalogId": where.get("CatalogId"), "DatabaseName": where["DatabaseName"]}
    catalog, database = there.at(account=where.get("CatalogId")), where["DatabaseName"].lower()
    for resource in ("catalog", f"database/{database}", f"table/{database}/{name.lower()}"):
        permit(there, "glue:GetTable" if version == LATEST else "glue:GetTableVersion", catalog.arn("glue", resource))
    try:
        table: dict[str, Any] = glue.get_table(there, Name=name, **named)["Table"]
    except AwsError as error:
        raise SchemaNotFound(
            "EntityNotFound",
            "The specified table/database could not be found. Please ensure that the table/database exists and that "
            "the values provided in the schema configuration are correct, especially with regards to casing.",
        ) from error
    if version == LATEST:
        return table
    try:
        versioned: dict[str, Any] = glue.get_table_version(there, TableName=name, VersionId=version, **named)[
            "TableVersion"
        ]["Table"]
    except AwsError as error:
        raise SchemaNotFound(
            "InvalidVersionId",
            "Could not find a matching schema from glue. Please make sure the specified version of the table exists.",
        ) from error
    return versioned


# ---- the conversion ----------------------------------------------------------------------------------------------


def convert(schema: Schema, configuration: dict[str, Any], records: list[bytes]) -> Converted:
    """One file with the records in their order, as the serializer and deserializer of the configuration say.

    Each record is bytes as they were put, after all processing. It is called on a thread, with up to 128 MB of records,
    and touches nothing of the cloud.
    """
    reader = _reader(schema.columns, _rules(configuration))
    failed: list[Failed] = []
    file = _engine.write(reader.fields, _slices(reader, records, failed), _form(configuration, schema.columns))
    return Converted(file if len(failed) < len(records) else b"", failed)


@lru_cache(maxsize=_READERS_MAX)
def _reader(columns: tuple[Column, ...], rules: Rules) -> RecordReader:
    return RecordReader([Field(column.name, parse_hive_type(column.type)) for column in columns], rules)


def _slices(reader: RecordReader, records: list[bytes], failed: list[Failed]) -> Iterator[Slice]:
    """The rows of the records; those that have none are added to `failed`."""
    rows: list[list[Any]] = []
    turn = 0
    for place, record in enumerate(records):
        turn += len(record)
        if turn >= _TURN_BYTES:
            turn = 0
            time.sleep(0)
        try:
            rows += reader.rows(record)
        except NotJson as error:
            failed.append(Failed(place, "DataFormatConversion.ParseError", f"Encountered malformed JSON. {error}"))
        except DoesNotFit as error:
            failed.append(Failed(place, "DataFormatConversion.MalformedData", str(error)))
        if len(rows) >= _SLICE_ROWS:
            yield [list(column) for column in zip(*rows, strict=True)]
            rows = []
    if rows:
        yield [list(column) for column in zip(*rows, strict=True)]
