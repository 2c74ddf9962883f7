"""The files of an import: split into records while they arrive, and what item a record is.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Format.html
"""

import csv
import io
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from fogbank.core.json_text import parse
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.values import Item

# An item has at most 400 KB; in JSON, with everything escaped, it is some times as long.
RECORD_BYTES_MAX = 4 * 1024 * 1024
_PIECE_BYTES = 256 * 1024
_NEXT_DOCUMENT = re.compile(rb"}\s*{")
_decoder = json.JSONDecoder()
_GZIP = 31  # zlib's window bits for a gzip header.


class MalformedObject(Exception):
    """An object that cannot be read on."""


class RecordReader:
    """The records of one object. Records end with a line; one of CSV may have lines within its quotes, and in a line of
    JSON there may be several.
    """

    def __init__(self, *, gzip: bool, quotes: bool) -> None:
        self._gzip = gzip
        self._quotes = quotes
        self._unpacker = zlib.decompressobj(_GZIP)
        self._unpacking = False
        self._line = b""
        self._record = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The records that the chunk completes. Raises MalformedObject."""
        for piece in self._unpacked(chunk) if self._gzip else (chunk,):
            *lines, self._line = (self._line + piece).split(b"\n")
            for line in lines:
                yield from self._add_line(line)
            if len(self._line) + len(self._record) > RECORD_BYTES_MAX:
                raise MalformedObject("A record is too long to be an item")

    def finish(self) -> Iterator[bytes]:
        """What is left when the object has ended."""
        if self._unpacking:
            raise MalformedObject("The compressed data ends too early")
        yield from self._add_line(self._line)
        if self._record:
            raise MalformedObject("A quoted value does not end")

    def _add_line(self, line: bytes) -> Iterator[bytes]:
        record = self._record + line
        if self._quotes and record.count(b'"') % 2:
            self._record = record + b"\n"
            return
        self._record = b""
        if self._quotes:
            if record.strip():
                yield record
        else:
            yield from _documents(record)

    def _unpacked(self, chunk: bytes) -> Iterator[bytes]:
        try:
            while chunk:
                self._unpacking = True
                yield self._unpacker.decompress(chunk, _PIECE_BYTES)
                if self._unpacker.eof:  # Another member may follow.
                    chunk, self._unpacking = self._unpacker.unused_data, False
                    self._unpacker = zlib.decompressobj(_GZIP)
                else:
                    chunk = self._unpacker.unconsumed_tail
        except zlib.error as error:
            raise MalformedObject(f"The data is not compressed with GZIP: {error}") from None


def _documents(line: bytes) -> Iterator[bytes]:
    """The JSON documents of a line; what is none is left as it is."""
    if not _NEXT_DOCUMENT.search(line):
        if line.strip():
            yield line
        return
    text = line.decode(errors="replace").strip()
    at = 0
    while at < len(text):
        try:
            _, end = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = len(text)
        yield text[at:end].encode()
        at = end
        while at < len(text) and text[at].isspace():
            at += 1


def json_item(record: bytes) -> Item:
    """The item of a line of DynamoDB JSON."""
    value = parse(record)
    if not isinstance(value, dict) or not isinstance(value.get("Item"), dict):
        raise Validation('The line is no JSON object with an "Item"')
    item: Item = value["Item"]
    return item


class CsvItems:
    """The items of lines of CSV. Values are strings, except for those of keys, which have their types."""

    def __init__(self, options: dict[str, Any], types: dict[str, str]) -> None:
        self._delimiter = options.get("Delimiter", ",")
        self._types = types
        self._columns: list[str] | None = options.get("HeaderList")

    @property
    def wants_header(self) -> bool:
        """Whether the first line of an object names its columns."""
        return self._columns is None

    def read_header(self, record: bytes) -> None:
        self._columns = self._fields(record)

    def item(self, record: bytes) -> Item:
        assert self._columns is not None
        fields = self._fields(record)
        if len(fields) != len(self._columns):
            raise Validation(f"The line has {len(fields)} values for {len(self._columns)} columns")
        return {name: {self._types.get(name, "S"): text} for name, text in zip(self._columns, fields, strict=True)}

    def _fields(self, record: bytes) -> list[str]:
        try:
            text = io.StringIO(record.decode("utf-8-sig").rstrip("\r"), newline="")
            (fields,) = csv.reader(text, delimiter=self._delimiter, strict=True)
        except (UnicodeDecodeError, ValueError, csv.Error) as error:
            raise Validation(f"The line is no CSV: {error}") from None
        return fields
