"""Records of CSV. Where no quotes and comments are, the engine splits the text by itself, which is fastest."""

import csv
import re
from collections.abc import Iterator

from fogbank.services.s3.select.batches import Batch
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.request import CsvInput


class CsvRecords:
    def __init__(self, options: CsvInput, *, names: list[str] | None = None, headed: bool = True) -> None:
        """`names` are known beforehand, or `headed` says that the first record has them, unless there is no header."""
        self._options = options
        self._quote = options.quote
        self.delimiter: bytes | None = options.record_delimiter.encode()
        self.names = names
        self._header_follows = headed and options.header != "NONE"
        self._quoted = _quoted_field(options)

    def cut(self, data: bytearray) -> int:
        assert self.delimiter is not None
        end = data.rfind(self.delimiter)
        if self._options.quoted_delimiters and self._quote:
            while end >= 0 and self._open(data[:end].decode(errors="replace")):
                end = data.rfind(self.delimiter, 0, end)
        return end + len(self.delimiter) if end >= 0 else 0

    def batch(self, text: str) -> Batch:
        options = self._options
        if options.record_delimiter == "\n" and "\r\n" in text:
            text = text.replace("\r\n", "\n")
        special = (self._quote and self._quote in text) or (options.comment and options.comment in text)
        if not special and not self._header_follows:
            return Batch(text, options.record_delimiter, options.field_delimiter)
        records = self._records(text)
        if self._header_follows:
            header = next(records, None)
            self._header_follows = header is None
            if header is not None and options.header == "USE":
                self.names = self.fields(header)
        if not special:
            return Batch(options.record_delimiter.join(records), options.record_delimiter, options.field_delimiter)
        record_end, field_end = _unused_characters(text)
        rewritten = [field_end.join(fields) for fields in self._rows(list(records))]
        return Batch(record_end.join(rewritten), record_end, field_end)

    def _rows(self, records: list[str]) -> list[list[str]]:
        options = self._options
        if options.quote and options.quote == options.escape and len(options.field_delimiter) == 1:
            # Python's reader is the fast one. It is not asked about records that only S3's rules can tell.
            try:
                rows = list(
                    csv.reader(records, delimiter=options.field_delimiter, quotechar=options.quote, strict=True)
                )
            except csv.Error:
                rows = []
            if len(rows) == len(records):
                return rows
        return [self.fields(record) for record in records]

    def fields(self, record: str) -> list[str]:
        delimiter, fields, at = self._options.field_delimiter, list[str](), 0
        while True:
            if self._quote and record.startswith(self._quote, at):
                match = self._quoted.match(record, at)
                if match is None:
                    allowed = self._options.quoted_delimiters
                    raise SelectError("CSVParsingError" if allowed else "CSVEscapingRecordDelimiter")
                fields.append(self._unescaped(match[1]))
                at = match.end()
                if at < len(record) and not record.startswith(delimiter, at):
                    raise SelectError("CSVUnescapedQuote")
            else:
                end = record.find(delimiter, at)
                end = len(record) if end < 0 else end
                fields.append(record[at:end])
                at = end
            if at == len(record):
                return fields
            at += len(delimiter)

    def _records(self, text: str) -> Iterator[str]:
        """Without comments and empty lines."""
        delimiter, comment = self._options.record_delimiter, self._options.comment
        record = ""
        for piece in text.split(delimiter):
            record = f"{record}{delimiter}{piece}" if record else piece
            if self._options.quoted_delimiters and self._quote and self._open(record):
                continue
            if record and not (comment and record.startswith(comment)):
                yield record
            record = ""
        if record:
            yield record

    def _open(self, text: str) -> bool:
        """Whether the text ends within quotes."""
        quotes = text.count(self._quote)
        if self._options.escape and self._options.escape != self._quote:
            quotes -= text.count(self._options.escape + self._quote)
        return quotes % 2 == 1

    def _unescaped(self, field: str) -> str:
        escape = self._options.escape
        if not escape or escape not in field:
            return field
        return re.sub(re.escape(escape) + "(.)", r"\1", field, flags=re.DOTALL)


def _quoted_field(options: CsvInput) -> re.Pattern[str]:
    quote, escape = re.escape(options.quote), re.escape(options.escape)
    if not options.escape:
        return re.compile(f"{quote}([^{quote}]*){quote}", re.DOTALL)
    return re.compile(f"{quote}((?:[^{quote}{escape}]|{escape}{quote}|{escape}{escape})*){quote}", re.DOTALL)


def _unused_characters(text: str) -> tuple[str, str]:
    candidates = (chr(code) for code in (*range(0x1C, 0x20), *range(0xE000, 0xF900)))
    unused = (character for character in candidates if character not in text)
    return next(unused), next(unused)
