"""Files that the columnar engine writes, as Arrow and DuckDB read them."""

import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.orc
import pyarrow.parquet
import pytest

from fogbank.engines.columnar.arrow import Arrow
from fogbank.engines.columnar.hive_types import parse_hive_type
from fogbank.engines.columnar.interface import Field, Orc, Parquet

at = datetime.fromisoformat
MIB = 1024 * 1024
PARQUET = Parquet(compression="SNAPPY", block_bytes=64 * MIB, page_bytes=MIB, dictionary=False, pages="V1")
ORC = Orc(
    compression="SNAPPY",
    stripe_bytes=8 * MIB,
    row_index_stride=10_000,
    dictionary_threshold=0.0,
    bloom_columns=("s",),
    bloom_fpp=0.05,
    version="V0_12",
)
# A type, a value as the engine takes it, and as it is read.
VALUES: list[tuple[str, Any, Any]] = [
    ("boolean", True, True),
    ("tinyint", -128, -128),
    ("smallint", 32767, 32767),
    ("int", -(1 << 31), -(1 << 31)),
    ("bigint", (1 << 63) - 1, (1 << 63) - 1),
    ("float", 1.5, 1.5),
    ("double", 0.1, 0.1),
    ("decimal(38,10)", Decimal("1234567890123456789012345678.0123456789"), None),
    ("string", "ö", "ö"),
    ("varchar(3)", "abc", "abc"),
    ("binary", b"\x00\xff", b"\x00\xff"),
    ("date", 20000, date(2024, 10, 4)),
    ("timestamp", 1_700_000_000_123_456_000, at("2023-11-14 22:13:20.123456")),
    ("array<int>", [1, None, 3], [1, None, 3]),
    ("map<string,int>", [("a", 1), ("b", None)], [("a", 1), ("b", None)]),
    (
        "struct<a:int,b:array<struct<c:date>>>",
        {"a": None, "b": [{"c": 1}]},
        {"a": None, "b": [{"c": date(1970, 1, 2)}]},
    ),
]
FIELDS = [
    Field("s" if kind == "string" else f"f{number}", parse_hive_type(kind))
    for number, (kind, _, _) in enumerate(VALUES)
]
SLICES = [[[given] for _, given, _ in VALUES], [[None] for _ in VALUES]]
READ = {field.name: given if read is None else read for field, (_, given, read) in zip(FIELDS, VALUES, strict=True)}
NULLS = {field.name: None for field in FIELDS}


@pytest.mark.parametrize("compression", ["SNAPPY", "GZIP", "UNCOMPRESSED"])
@pytest.mark.parametrize("pages", ["V1", "V2"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_values_of_every_type_come_back_from_parquet(compression: Any, pages: Any, dictionary: bool) -> None:
    form = PARQUET._replace(compression=compression, pages=pages, dictionary=dictionary)
    file = pyarrow.parquet.ParquetFile(io.BytesIO(Arrow().write(FIELDS, SLICES, form)))
    assert file.read().to_pylist() == [READ, NULLS]
    column = file.metadata.row_group(0).column(0)
    assert column.compression == compression
    assert ("RLE_DICTIONARY" in file.metadata.row_group(0).column(3).encodings) == dictionary


@pytest.mark.parametrize("compression", ["SNAPPY", "ZLIB", "NONE"])
@pytest.mark.parametrize("version", ["V0_11", "V0_12"])
def test_values_of_every_type_come_back_from_orc(compression: Any, version: Any) -> None:
    form = ORC._replace(compression=compression, version=version)
    file = pyarrow.orc.ORCFile(io.BytesIO(Arrow().write(FIELDS, SLICES, form)))
    assert file.read().to_pylist() == [READ, NULLS]
    assert file.file_version == version[1:].replace("_", ".")
    assert file.compression == ("UNCOMPRESSED" if compression == "NONE" else compression)


def test_a_row_group_holds_about_a_block() -> None:
    rows = 100_000
    written = Arrow().write(
        [Field("n", parse_hive_type("bigint"))], [[list(range(rows))]], PARQUET._replace(block_bytes=80_000)
    )
    metadata = pyarrow.parquet.ParquetFile(io.BytesIO(written)).metadata
    assert metadata.num_rows == rows
    assert 9 <= metadata.num_row_groups <= 11


def test_duckdb_reads_what_is_written(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    file.write_bytes(Arrow().write(FIELDS, SLICES, PARQUET))
    found = duckdb.sql(f"SELECT f4, f12, f15.b[1].c FROM '{file}' WHERE s = 'ö'").fetchall()
    assert found == [((1 << 63) - 1, at("2023-11-14 22:13:20.123456"), date(1970, 1, 2))]
