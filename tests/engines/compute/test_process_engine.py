"""What is the process engine's own."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fogbank.engines.compute import zygote_client
from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.forker import OnExit
from fogbank.engines.compute.interface import ComputeEngine, Environment
from fogbank.engines.compute.process import ProcessEngine
from fogbank.engines.compute.processes import PlainProcesses
from fogbank.engines.compute.runtimes import Program
from tests.engines.compute.engine_to_kill import engine_to_kill
from tests.engines.compute.harness import NOW_MS, Harness, Room, answer, call
from tests.patience import eventually

pytestmark = pytest.mark.parametrize("engines", ["process"], indirect=True)


def test_function_processes_die_with_a_killed_server(harness: Harness, tmp_path: Path) -> None:
    code = harness.spec("import time\ndef handler(event, context):\n    time.sleep(100)\n").code
    with engine_to_kill(tmp_path, code) as engine:
        processes = engine.function_pids
    assert processes
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))


class SlowZygote:
    """Starts a process and does not get to say so."""

    on_exit: OnExit

    async def fork(self, do: str, order: Mapping[str, Any], descriptors: Sequence[int], on_exit: OnExit) -> int:
        self.on_exit = on_exit
        await asyncio.Event().wait()
        return 0


def test_the_end_of_a_process_is_heard_that_nobody_waits_for_any_more(harness: Harness, tmp_path: Path) -> None:
    zygote: Any = SlowZygote()
    heard: list[int] = []

    async def work(_: ComputeEngine) -> None:
        processes = PlainProcesses(harness.spec(""), str(tmp_path), zygote, {})
        starting = asyncio.ensure_future(processes.start(Program(environment={}), 1, heard.append))
        await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait([starting])
        zygote.on_exit(0)

    harness.run(work)
    assert heard == [0]


@pytest.mark.skipif(sys.platform != "linux", reason="only a sandbox has a first process")
def test_an_environment_whose_sandbox_somebody_ended_is_not_used_again(harness: Harness) -> None:
    async def work(environment: Environment) -> str:
        assert isinstance(environment, ProcessEnvironment)
        answer(await environment.invoke(call()))
        (process,) = environment.pids()
        os.kill(parent_of(process), signal.SIGKILL)
        while environment.usable:
            await asyncio.sleep(0.01)
        return (await environment.invoke(call(request_id="r-2"))).ending

    source = "def handler(event, context):\n    return 1\n"
    assert harness.with_environment(harness.spec(source), work) == "exited"


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.usefixtures("engines")
@pytest.mark.skipif(sys.platform != "linux", reason="a sandbox has a /tmp of its own on Linux")
def test_an_sdk_that_is_installed_below_tmp_is_there_in_a_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        sdk = Path(folder) / "site-packages"
        (sdk / "boto3").mkdir(parents=True)
        (sdk / "boto3" / "__init__.py").write_text("NAME = 'from tmp'\n")
        monkeypatch.setattr(zygote_client, "sdk_path", lambda: [str(sdk)])
        room = Room(lambda: ProcessEngine(tmp_path / "run", lambda: NOW_MS))
        try:
            source = (
                "import boto3\n"
                "def handler(event, context):\n"
                "    open('/tmp/mine', 'w').close()\n"
                "    return boto3.NAME\n"
            )
            outcome = Harness(room, tmp_path).once(source, call())
        finally:
            room.close()
    assert answer(outcome) == "from tmp"


def test_a_destroyed_environment_leaves_no_process(harness: Harness) -> None:
    async def work(environment: Environment) -> list[int]:
        assert isinstance(environment, ProcessEnvironment)
        answer(await environment.invoke(call()))
        processes = environment.pids()
        environment.destroy()
        assert not environment.usable
        return processes

    processes = harness.with_environment(harness.spec("def handler(event, context):\n    return 1\n"), work)
    assert processes
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))


def test_who_waits_for_an_environment_when_the_engine_closes_waits_no_longer(harness: Harness, tmp_path: Path) -> None:
    spec = harness.spec("def handler(event, context):\n    return 1\n")

    async def work() -> list[type[BaseException]]:
        engine = ProcessEngine(tmp_path / "run", int)
        waiting = [asyncio.ensure_future(engine.create(spec, lambda lines: None)) for _ in range(3)]
        await asyncio.sleep(0)
        await engine.close()
        endings = await asyncio.gather(*waiting, return_exceptions=True)
        return [type(ending) for ending in endings if isinstance(ending, BaseException)]

    endings = asyncio.run(work())
    assert len(endings) == 3
    assert all(issubclass(ending, (asyncio.CancelledError, OSError)) for ending in endings)
