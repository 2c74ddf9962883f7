"""Environments that are forked from one snapshot, made and asked as tests need it."""

import asyncio
import functools
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import ComputeEngine, FunctionSpec
from fogbank.engines.compute.zygote_client import Zygote
from tests.engines.compute.harness import Harness, Room, answer
from tests.engines.compute.sandbox.puppet import PUPPET, act
from tests.patience import PATIENCE_S

# IDENTITY is the same in all that were initialized together.
INITIALIZED = "import random, ssl, uuid\nIDENTITY = str(uuid.uuid4())\nssl.RAND_bytes(1)\n" + PUPPET


@functools.cache
def why_nothing_is_forked() -> str:
    """What keeps this machine from it; empty where functions are forked."""

    async def ask() -> str:
        with tempfile.TemporaryDirectory() as root:
            zygote = Zygote(sys.executable, Path(root), {}, [])
            try:
                found = await zygote.sandboxes()
            finally:
                await zygote.close()
        return found.no_forks if found.there else "; ".join(found.lacks)

    return asyncio.run(ask())


def skip_where_nothing_is_forked() -> None:
    if reason := why_nothing_is_forked():
        pytest.skip(f"nothing is forked on this machine: {reason}")


def with_environments(
    harness: Harness, spec: FunctionSpec, work: Callable[[list[ProcessEnvironment]], Awaitable[Any]], count: int = 2
) -> Any:
    async def whole(engine: ComputeEngine) -> Any:
        made: list[ProcessEnvironment] = []
        try:
            for number in range(count):
                own = harness.with_variables(spec, AWS_LAMBDA_LOG_STREAM_NAME=f"stream-{number}")
                environment = await engine.create(own, harness.log.extend)
                assert isinstance(environment, ProcessEnvironment)
                made.append(environment)
                assert (await environment.initialize()).failure is None
            return await work(made)
        finally:
            for environment in made:
                environment.destroy()

    return harness.run(whole)


def tried(harness: Harness, source: str, *acts: str, **options: Any) -> list[list[Any]]:
    """What each of two environments answers."""

    async def work(made: list[ProcessEnvironment]) -> list[list[Any]]:
        return [[answer(await each.invoke(act(text))) for text in acts] for each in made]

    answers: list[list[Any]] = with_environments(harness, harness.spec(source, **options), work)
    return answers


def forked_harness(room: Room, folder: Path) -> Harness:
    """Its functions have SnapStart, and time enough on whatever machine."""
    return Harness(
        room,
        folder,
        initialization_type="snap-start",
        environment={},
        init_timeout_s=PATIENCE_S,
        restore_timeout_s=PATIENCE_S,
    )
