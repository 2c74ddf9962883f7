"""Converting records from JSON to Parquet or ORC, by the schema of a table in the Glue Data Catalog.

https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
"""

from typing import Any, NamedTuple

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank


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
    """The table or its version is not there now: the delivery is tried again. `code` and the message are as Firehose
    logs them, such as `DataFormatConversion.EntityNotFound`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check_conversion(configuration: dict[str, Any]) -> None:
    """Refuse an enabled DataFormatConversionConfiguration that Firehose would refuse, with its InvalidArgument, when a
    stream is made or changed; called with every default filled in by `with_defaults`. Whether the table is there is not
    asked here.
    """
    raise NotImplementedInFogbank("Fogbank's firehose does not implement DataFormatConversionConfiguration yet.")


def with_defaults(configuration: dict[str, Any]) -> dict[str, Any]:
    """The configuration as DescribeDeliveryStream shows it."""
    return configuration


async def read_schema(ctx: Context, configuration: dict[str, Any]) -> Schema:
    """The schema that SchemaConfiguration names; the context is the stream's. It is asked for with every batch, so what
    does not change should be remembered. Raises SchemaNotFound.
    """
    raise NotImplementedInFogbank("Fogbank's firehose does not implement DataFormatConversionConfiguration yet.")


def convert(schema: Schema, configuration: dict[str, Any], records: list[bytes]) -> Converted:
    """One file with the records in their order, as the serializer and deserializer of the configuration say.

    Each record is bytes as they were put, after all processing; what is not one JSON object by the deserializer's rules
    has failed. It is called on a thread, with up to 128 MB of records, and must touch nothing of the cloud.
    """
    raise NotImplementedInFogbank("Fogbank's firehose does not implement DataFormatConversionConfiguration yet.")


def file_extension(configuration: dict[str, Any]) -> str:
    """What the names of the files end with, such as `.parquet`."""
    raise NotImplementedInFogbank("Fogbank's firehose does not implement DataFormatConversionConfiguration yet.")
