"""What a service needs to run code: environments that are created, invoked one call at a time, and destroyed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from fogbank.core.function_rules import FunctionNetwork
from fogbank.engines.compute.response_stream import ResponseStream

Hear = Callable[[list[str]], None]
MakeRoom = Callable[[], None]
"""Ends an environment that can be spared, if there is one."""
InitializationType = Literal["on-demand", "provisioned-concurrency", "snap-start"]


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
    """How long the first initialization may take; one that failed is tried again in the invocation's own time."""
    restore_timeout_s: float = 10.0
    """How long the hooks may take that run after a restore."""
    initialization_type: InitializationType = "on-demand"
    name: str = ""
    version: str = "$LATEST"
    account: str = ""
    runtime_version_arn: str = ""
    log_format: str = "Text"
    """Or "JSON"."""
    system_log_level: str = "INFO"
    """Or "DEBUG" or "WARN": which of the platform's own events are in the log, if it is in JSON."""
    ephemeral_mb: int = 512
    """The size of /tmp."""
    network: FunctionNetwork = "cloud"
    untrusted: bool = False
    """Whether its owner is nobody to trust: it is not run where a part of the sandbox is missing."""


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a function."""

    request_id: str
    payload: bytes
    function_arn: str
    timeout_s: float
    hear: Hear | None = None
    """Is called with the lines of the environment's log that belong to this invocation, START to REPORT."""
    stream: ResponseStream | None = None
    """Gets the answer piece by piece, as the function sends it; `Outcome.payload` of an answer is then empty."""
    client_context: str | None = None
    cognito_identity: str | None = None
    tenant_id: str | None = None
    trace_id: str | None = None


Ending = Literal["answered", "failed", "timed_out", "exited", "out_of_memory", "init_failed"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an invocation ended.

    `payload` is the function's answer, or the error document for every other ending. `init_ms` is set if the
    environment was initialized for this call, and not again after a failure.
    """

    ending: Ending
    payload: bytes
    duration_ms: float
    memory_mb: int
    init_ms: float | None = None
    restore_ms: float | None = None
    """Set if an environment of type snap-start was restored for this call."""


class Initialization(msgspec.Struct, frozen=True, kw_only=True):
    """How an initialization ended: `failure` is None if the environment waits for invocations."""

    duration_ms: float
    failure: Ending | None = None
    payload: bytes = b""
    """The error document of a failure."""


class RuntimeUnavailable(Exception):
    """This machine cannot run functions of that runtime; the message says what is missing."""


class Environment(Protocol):
    """A place where one function runs, kept warm between invocations."""

    @property
    def usable(self) -> bool:
        """Whether another invocation may be sent here."""

    async def initialize(self) -> Initialization:
        """Wait until the function's initialization has ended. It is under way since the environment was created;
        nobody needs to call this before `invoke`. An environment whose initialization failed may be invoked: it is
        initialized again, in the invocation's own time, as on AWS.

        One of type snap-start is then where a snapshot would be taken: what its hooks for that had to do is done. Its
        first invocation restores it, hooks included. It may be a fork of one that was initialized before, with the same
        specification but for the log (docs/architecture.md)."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation; never two at a time. Every ending of the function is an outcome, not an exception."""

    def destroy(self) -> None:
        """End its processes and remove its files, at once and whatever it is doing. Only if nothing is under way and
        there are extensions, these have the time for a shutdown that AWS gives them."""

    async def until_removed(self) -> None:
        """Wait until an environment that was destroyed is gone."""


class ComputeEngine(Protocol):
    """Makes environments."""

    def check(self, runtime: str) -> None:
        """Raises RuntimeUnavailable, naming what there is, if functions of this runtime cannot be run here."""

    async def create(self, spec: FunctionSpec, hear: Hear, make_room: MakeRoom | None = None) -> Environment:
        """Start an environment; its initialization may still be under way. `hear` is called with the lines of its
        log as they are written: what its processes print, and what the platform says. `make_room` is called now and
        again while there is no room for it: an engine that counts room waits for a while. Raises RuntimeUnavailable."""

    async def close(self) -> None:
        """Destroy every environment."""
