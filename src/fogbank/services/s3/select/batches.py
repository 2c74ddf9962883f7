"""Batches of whole records, as the SQL engine takes them apart."""

from typing import NamedTuple, Protocol


class Batch(NamedTuple):
    """Records with `record_end` between them, and in them, for CSV, fields with `field_end` between them."""

    text: str
    record_end: str
    field_end: str = ""


class Records(Protocol):
    """What a format knows of records. It is asked for batches in order."""

    delimiter: bytes | None
    """What ends a record; None if only the whole object tells."""

    def cut(self, data: bytearray) -> int:
        """How many bytes at the beginning are whole records."""

    def batch(self, text: str) -> Batch:
        """Whole records, ready for the engine. Raises SelectError."""
