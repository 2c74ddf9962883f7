"""What a service needs to run SQL: a session that sees what it was given and nothing else.

Services write statements in DuckDB's dialect. They make them from their own dialect's syntax tree, expression by
expression, and hand users' strings over as parameters; a session is the second line of defence, not the first.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

Row = tuple[Any, ...]
Reason = Literal["conversion", "overflow", "raised", "unreadable", "memory", "time", "other"]
"""Why a statement failed: a value does not fit a type or the range of it, the statement called `error(…)`, a file is
not what it should be, a limit was reached."""


class QueryFailed(Exception):
    """A statement that could not be run to its end; the message is the engine's, or what `error(…)` was given."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        self.message = message
        super().__init__(f"{reason}: {message}")


class SqlSession(Protocol):
    """A database in memory, empty at first. One statement at a time."""

    async def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that has no rows to give. Raises QueryFailed."""

    def rows(
        self, statement: str, parameters: Mapping[str, Any] | None = None, *, size: int = 2048
    ) -> AsyncIterator[list[Row]]:
        """The statement's rows in lists of at most about `size`, computed as they are asked for. Raises QueryFailed."""

    async def close(self) -> None:
        """Forget everything; what still runs is ended."""


class SqlEngine(Protocol):
    """Opens sessions."""

    async def open(self, *, files: Sequence[Path] = (), memory_mb: int = 256, step_s: float = 60.0) -> SqlSession:
        """A session that may read these files and no others, and reaches no network.

        A statement that needs more memory, or more time for one step (its first rows, the next ones), fails.
        """
