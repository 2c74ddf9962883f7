"""What a service needs to run code: environments that are created, invoked one call at a time, and destroyed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec


class FunctionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A function to run. `environment` is the complete environment but for what the engine itself adds."""

    code: Path
    """The unpacked code; the working directory."""
    handler: str
    runtime: str
    environment: Mapping[str, str]
    memory_mb: int
    layers: tuple[Path, ...] = ()
    """Unpacked layers, the first one first on the search path."""
    init_timeout_s: float = 10.0


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a function.

    `hear` is called with the lines that the function writes, as it writes them; at first with what was written
    since the invocation before. `now_ms` tells the caller's time.
    """

    hear: Callable[[list[str]], None]
    now_ms: Callable[[], int]
    request_id: str
    payload: bytes
    function_arn: str
    timeout_s: float
    client_context: str | None = None
    trace_id: str | None = None


Ending = Literal["answered", "failed", "timed_out", "exited", "out_of_memory", "init_failed"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an invocation ended.

    `payload` is the function's answer, or the error document for every other ending. `init_ms` is set if the
    environment was started for this call.
    """

    ending: Ending
    payload: bytes
    duration_ms: float
    memory_mb: int
    init_ms: float | None = None


class RuntimeUnavailable(Exception):
    """This machine cannot run functions of that runtime; the message says what is missing."""


class Environment(Protocol):
    """A place where one function runs, kept warm between invocations."""

    @property
    def usable(self) -> bool:
        """Whether another invocation may be sent here."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation; never two at a time. Every ending of the function is an outcome, not an exception."""

    def destroy(self) -> None:
        """End its processes and remove its files, at once and whatever it is doing."""


class ComputeEngine(Protocol):
    """Makes environments."""

    def check(self, runtime: str) -> None:
        """Raises RuntimeUnavailable, naming what there is, if functions of this runtime cannot be run here."""

    async def create(self, spec: FunctionSpec) -> Environment:
        """Start an environment; its initialization may still be under way. Raises RuntimeUnavailable."""

    async def close(self) -> None:
        """Destroy every environment."""
