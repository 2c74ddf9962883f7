"""Apache Arrow as the embedded engine. It is imported when the first file is written: it takes some 60 MB."""

import importlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

from fogbank.engines.columnar.interface import (
    Array,
    ColumnarEngine,
    DecimalType,
    Field,
    Map,
    Orc,
    Parquet,
    Scalar,
    Slice,
    Struct,
    Text,
    Type,
)

_SCALARS = {
    "boolean": "bool_",
    "tinyint": "int8",
    "smallint": "int16",
    "int": "int32",
    "bigint": "int64",
    "float": "float32",
    "double": "float64",
    "string": "string",
    "binary": "binary",
    "date": "date32",
}


class Arrow(ColumnarEngine):
    def write(self, fields: Sequence[Field], slices: Iterable[Slice], form: Parquet | Orc) -> bytes:
        arrow = importlib.import_module("pyarrow")
        schema = arrow.schema([arrow.field(field.name, _type(arrow, field.type)) for field in fields])
        batches = [
            arrow.record_batch(
                [arrow.array(values, type=kind) for values, kind in zip(columns, schema.types, strict=True)],
                schema=schema,
            )
            for columns in slices
        ]
        table = arrow.Table.from_batches(batches, schema=schema)
        file = io.BytesIO()
        if isinstance(form, Parquet):
            _write_parquet(table, file, form)
        else:
            _write_orc(table, file, form)
        return file.getvalue()


def _write_parquet(table: Any, file: io.BytesIO, form: Parquet) -> None:
    row_bytes = max(table.nbytes / max(table.num_rows, 1), 1)
    importlib.import_module("pyarrow.parquet").write_table(
        table,
        file,
        row_group_size=max(int(form.block_bytes / row_bytes), 1),
        data_page_size=form.page_bytes,
        data_page_version="1.0" if form.pages == "V1" else "2.0",
        compression="NONE" if form.compression == "UNCOMPRESSED" else form.compression,
        use_dictionary=form.dictionary,
        # As Hive writes timestamps, in whose nanoseconds Hive, Athena and Spark find them.
        use_deprecated_int96_timestamps=True,
        store_schema=False,
    )


def _write_orc(table: Any, file: io.BytesIO, form: Orc) -> None:
    importlib.import_module("pyarrow.orc").write_table(
        table,
        file,
        file_version=form.version.removeprefix("V").replace("_", "."),
        stripe_size=form.stripe_bytes,
        compression="UNCOMPRESSED" if form.compression == "NONE" else form.compression,
        row_index_stride=form.row_index_stride,
        dictionary_key_size_threshold=form.dictionary_threshold,
        bloom_filter_columns=[table.schema.get_field_index(name) for name in form.bloom_columns] or None,
        bloom_filter_fpp=form.bloom_fpp,
    )


def _type(arrow: Any, kind: Type) -> Any:
    match kind:
        case Scalar("timestamp"):
            return arrow.timestamp("ns")
        case Scalar(name):
            return getattr(arrow, _SCALARS[name])()
        case Text():
            return arrow.string()
        case DecimalType(precision, scale):
            return arrow.decimal128(precision, scale)
        case Array(element):
            return arrow.list_(_type(arrow, element))
        case Map(key, value):
            return arrow.map_(_type(arrow, key), _type(arrow, value))
        case Struct(fields):
            return arrow.struct([arrow.field(field.name, _type(arrow, field.type)) for field in fields])
