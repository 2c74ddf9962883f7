"""Partition keys by a JQ query on each record: what the MetadataExtraction processor does.

https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-partitioning-keys.html
"""

from typing import Protocol

from fogbank.core.errors import NotImplementedInFogbank


class ExtractionFailed(Exception):
    """A record has no partition keys. `code` and the message are as Firehose writes them into the error output, such as
    `DynamicPartitioning.MetadataExtractionFailed`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Query(Protocol):
    def keys(self, record: bytes) -> dict[str, str]:
        """The partition keys of a record by their names, which are those of the query's object; numbers and booleans as
        text. The record is bytes as they were put, after deaggregation. Raises ExtractionFailed, also for a value that
        is null, empty or no scalar.
        """


def compile_query(text: str) -> Query:
    """The query of a MetadataExtraction processor (`MetadataExtractionQuery`, for the engine JQ-1.6), such as
    `{customer: .id, year: .at | strftime("%Y")}`. Called once and kept. Raises InvalidArgument with Firehose's words if
    it is no such query.
    """
    raise NotImplementedInFogbank("Fogbank's firehose does not implement the processor MetadataExtraction yet.")
