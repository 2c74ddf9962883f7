"""What a service needs to query JSON with JQ."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol


class BadQuery(Exception):
    """The text is no query; the message is JQ's."""


class Found(NamedTuple):
    """The first value that a query gave for an input, or why there is none: what is wrong with the input or the query,
    in JQ's words.
    """

    value: Any = None
    error: str = ""
    is_json: bool = True
    """Whether the input is JSON."""


class JqEngine(Protocol):
    def check(self, query: str) -> None:
        """Raises BadQuery. It takes some milliseconds."""

    def run(self, query: str, inputs: Sequence[bytes]) -> list[Found]:
        """What the query finds in each input. For threads: it waits. A query that takes too long, or too much memory,
        fails for all inputs that it was given together with.
        """

    def close(self) -> None:
        """Give back what it holds; a later query takes it again."""
