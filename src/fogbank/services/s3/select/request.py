"""The parameters of SelectObjectContent, checked.

AWS takes its enumerations in capitals and not: its own examples say `Use` and `Lines`.
"""

from typing import Any, NamedTuple

from fogbank.engines.sql.statement import Parameters
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.output import CsvOptions, CsvOutput, JsonOutput, Output

_DELIMITER_MAX = 2  # Such as "\r\n".


class CsvInput(NamedTuple):
    """`InputSerialization` with CSV; an empty character is not in use."""

    header: str = "NONE"
    record_delimiter: str = "\n"
    field_delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    comment: str = "#"
    quoted_delimiters: bool = False


class JsonInput(NamedTuple):
    lines: bool


class ParquetInput(NamedTuple):
    pass


Format = CsvInput | JsonInput | ParquetInput


class Span(NamedTuple):
    """The records that begin from byte `start` to byte `end`, both included."""

    start: int
    end: int


class Request(NamedTuple):
    format: Format
    compression: str
    scan_range: dict[str, int] | None

    def span(self, size: int) -> Span | None:
        """The part of an object of that size that the request is about, if not all of it."""
        if self.scan_range is None:
            return None
        start, end = self.scan_range.get("Start"), self.scan_range.get("End")
        if start is None and end is None:
            raise SelectError("InvalidScanRange")
        if start is None:  # Without a start, the end counts bytes from the object's end.
            assert end is not None
            start, end = max(size - end, 0), size - 1
        end = size - 1 if end is None else min(end, size - 1)
        if start < 0 or start > end:
            raise SelectError("InvalidScanRange")
        return Span(start, end)


def checked_request(
    *, ExpressionType: str, InputSerialization: dict[str, Any], ScanRange: dict[str, int] | None
) -> Request:
    """Raises SelectError."""
    if ExpressionType.upper() != "SQL":
        raise SelectError("InvalidExpressionType")
    formats = [name for name in ("CSV", "JSON", "Parquet") if InputSerialization.get(name) is not None]
    if len(formats) > 1:
        raise SelectError("ObjectSerializationConflict")
    if not formats:
        raise SelectError("MissingRequiredParameter")
    compression = InputSerialization.get("CompressionType", "NONE").upper()
    if compression not in ("NONE", "GZIP", "BZIP2"):
        raise SelectError("InvalidCompressionFormat")
    format_ = _format(formats[0], InputSerialization[formats[0]])
    if isinstance(format_, ParquetInput) and compression != "NONE":
        raise SelectError("InvalidRequestParameter")
    if ScanRange is not None and (compression != "NONE" or not _can_be_split(format_)):
        raise SelectError("UnsupportedScanRangeInput")
    return Request(format_, compression, ScanRange)


def _format(name: str, options: dict[str, Any]) -> Format:
    if name == "Parquet":
        return ParquetInput()
    if name == "JSON":
        kind = options.get("Type", "").upper()
        if kind not in ("DOCUMENT", "LINES"):
            raise SelectError("InvalidJsonType")
        return JsonInput(lines=kind == "LINES")
    header = options.get("FileHeaderInfo", "NONE").upper()
    if header not in ("NONE", "USE", "IGNORE"):
        raise SelectError("InvalidFileHeaderInfo")
    quote = _character(options.get("QuoteCharacter", '"'))
    return CsvInput(
        header=header,
        record_delimiter=_delimiter(options.get("RecordDelimiter", "\n")),
        field_delimiter=_delimiter(options.get("FieldDelimiter", ",")),
        quote=quote,
        escape=_character(options.get("QuoteEscapeCharacter", '"')),
        comment=_character(options.get("Comments", "#")),
        quoted_delimiters=options.get("AllowQuotedRecordDelimiter", False),
    )


def _can_be_split(format_: Format) -> bool:
    match format_:
        case CsvInput(quoted_delimiters=quoted):
            return not quoted
        case JsonInput(lines=lines):
            return lines
        case _:
            return True


def checked_output(parameters: Parameters, serialization: dict[str, Any]) -> Output:
    """Raises SelectError."""
    csv, json = serialization.get("CSV"), serialization.get("JSON")
    if csv is not None and json is not None:
        raise SelectError("ObjectSerializationConflict")
    if json is not None:
        return JsonOutput(_delimiter(json.get("RecordDelimiter", "\n")), parameters)
    if csv is None:
        raise SelectError("MissingRequiredParameter")
    fields = csv.get("QuoteFields", "ASNEEDED").upper()
    if fields not in ("ALWAYS", "ASNEEDED"):
        raise SelectError("InvalidQuoteFields")
    options = CsvOptions(
        field_delimiter=_delimiter(csv.get("FieldDelimiter", ",")),
        record_delimiter=_delimiter(csv.get("RecordDelimiter", "\n")),
        quote=_character(csv.get("QuoteCharacter", '"')),
        escape=_character(csv.get("QuoteEscapeCharacter", '"')),
        always=fields == "ALWAYS",
    )
    return CsvOutput(options, parameters)


def _delimiter(text: str) -> str:
    if not 1 <= len(text) <= _DELIMITER_MAX:
        raise SelectError("InvalidRequestParameter")
    return text


def _character(text: str) -> str:
    if len(text) > 1:
        raise SelectError("InvalidRequestParameter")
    return text
