"""How the tests of compute engines make environments and call them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from fogbank.engines.compute.interface import ComputeEngine, Environment, FunctionSpec, Invocation, Outcome

NOW_MS = 1_767_323_045_006
# A node of a cluster goes on from it.
NOW = r"2026-01-02T03:0\d:\d\d\.\d{3}Z"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


class Room:
    """An engine and the event loop that it lives in, shared by tests: to start one takes longer than most tests."""

    def __init__(self, make: Callable[[], ComputeEngine]) -> None:
        async def start() -> ComputeEngine:
            return make()

        self._runner = asyncio.Runner()
        self.engine = self._runner.run(start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        with self._runner:
            self._runner.run(self.engine.close())


class Harness:
    """The code that a test runs, and what its environments logged."""

    def __init__(self, room: Room, folder: Path, **defaults: Any) -> None:
        """`defaults` are of the specifications that it makes."""
        self._room = room
        self._defaults = defaults
        self.folder = folder
        self.log: list[str] = []

    def run(self, work: Callable[[ComputeEngine], Coroutine[Any, Any, Any]]) -> Any:
        return self._room.run(work(self._room.engine))

    def spec(self, source: str | dict[str, str], **options: Any) -> FunctionSpec:
        """A function of one file, app.py, or of these."""
        code = self.folder / "code"
        for name, text in ({"app.py": source} if isinstance(source, str) else source).items():
            file = code / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)
        defaults: dict[str, Any] = {
            "code": code,
            "handler": "app.handler",
            "runtime": "python3.12",
            "environment": {"STAGE": "test"},
            "memory_mb": 256,
            "name": "f",
            "runtime_version_arn": "arn:aws:lambda:us-east-1::runtime:1",
        }
        return FunctionSpec(**defaults | self._defaults | options)

    def with_variables(self, spec: FunctionSpec, **variables: str) -> FunctionSpec:
        return msgspec.structs.replace(spec, environment={**spec.environment, **variables})

    def with_environment(self, spec: FunctionSpec, work: Callable[[Environment], Awaitable[Any]]) -> Any:
        """What `work` gives with a new environment."""

        async def whole(engine: ComputeEngine) -> Any:
            environment = await engine.create(spec, self.log.extend)
            try:
                return await work(environment)
            finally:
                environment.destroy()

        return self.run(whole)

    def invoke(self, spec: FunctionSpec, *invocations: Invocation) -> list[Outcome]:
        """The outcomes of these invocations, one after another in one environment."""

        async def work(environment: Environment) -> list[Outcome]:
            return [await environment.invoke(invocation) for invocation in invocations]

        outcomes: list[Outcome] = self.with_environment(spec, work)
        return outcomes

    def once(self, source: str | dict[str, str], invocation: Invocation | None = None, **options: Any) -> Outcome:
        return self.invoke(self.spec(source, **options), invocation or call())[0]

    def said(self) -> list[str]:
        """What the function wrote: the log without what the platform says about each invocation."""
        platform = ("INIT_START", "INIT_REPORT", "START ", "END ", "REPORT ", "EXTENSION\t", "TELEMETRY\t", "LOGS\t")
        return [line.removesuffix("\n") for line in self.log if not line.startswith(platform)]


def call(payload: Any = None, *, request_id: str = "r-1", timeout_s: float = 5, **options: Any) -> Invocation:
    return Invocation(
        request_id=request_id,
        payload=json.dumps(payload).encode(),
        function_arn=ARN,
        timeout_s=timeout_s,
        **options,
    )


def answer(outcome: Outcome) -> Any:
    assert outcome.ending == "answered", outcome
    return json.loads(outcome.payload)
