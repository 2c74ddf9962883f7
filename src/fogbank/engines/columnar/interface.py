"""What a service needs to write files of Parquet and ORC: the types of their columns, and an engine that writes them.

How values are given: booleans, integers, floats, `Decimal`, texts and bytes as they are; a date as the days and a
timestamp as the nanoseconds since 1970; an array as a list, a map as a list of pairs, a struct as a dict with all of
its fields. None is NULL in every type. A value must fit its type.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

Plain = Literal[
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "binary", "date", "timestamp"
]


class Scalar(NamedTuple):
    name: Plain


class Text(NamedTuple):
    """`char` or `varchar`: a string of at most so many characters."""

    length: int


class DecimalType(NamedTuple):
    precision: int
    scale: int


class Array(NamedTuple):
    element: "Type"


class Map(NamedTuple):
    key: "Type"
    value: "Type"


class Field(NamedTuple):
    name: str
    type: "Type"


class Struct(NamedTuple):
    fields: tuple[Field, ...]


Type = Scalar | Text | DecimalType | Array | Map | Struct


class Parquet(NamedTuple):
    """A file of Parquet. `block_bytes` is about how much lies in one row group."""

    compression: Literal["SNAPPY", "GZIP", "UNCOMPRESSED"]
    block_bytes: int
    page_bytes: int
    dictionary: bool
    pages: Literal["V1", "V2"]
    """The form of data pages."""


class Orc(NamedTuple):
    """A file of ORC. `bloom_columns` are names of columns."""

    compression: Literal["NONE", "ZLIB", "SNAPPY"]
    stripe_bytes: int
    row_index_stride: int
    dictionary_threshold: float
    bloom_columns: tuple[str, ...]
    bloom_fpp: float
    version: Literal["V0_11", "V0_12"]


Slice = Sequence[list[Any]]
"""Some rows: a list of their values for each column."""


class ColumnarEngine(Protocol):
    """Any thread may call it, and it is slow: not the one that serves requests."""

    def write(self, fields: Sequence[Field], slices: Iterable[Slice], form: Parquet | Orc) -> bytes:
        """The file with these columns and the rows of the slices, which are asked for one after the other."""
