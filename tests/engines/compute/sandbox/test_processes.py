"""Which processes a function sees, when its own run, and that none outlives it."""

import asyncio
import os
from pathlib import Path
from typing import Any

from fogbank.engines.compute.cgroups import ControlGroups
from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import ComputeEngine, Environment
from tests.engines.compute.engine_to_kill import engine_to_kill
from tests.engines.compute.harness import Harness, answer
from tests.engines.compute.sandbox.outside import (
    NAMESPACES,
    children_of,
    group_folders,
    namespaces,
    parent_of,
    processes_in_namespace_of,
)
from tests.engines.compute.sandbox.puppet import PUPPET, act
from tests.patience import eventually


def test_no_process_of_others_is_there(harness: Harness) -> None:
    async def work(environment: Environment) -> Any:
        server = os.getpid()
        return answer(
            await environment.invoke(
                act(
                    f"""
                    got = {{"processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit())}}
                    got["own"] = os.getpid()
                    for name, pid in (("server", {server}), ("init", 1)):
                        got[name] = []
                        for file in ("environ", "maps", "mem", "root/etc/passwd", "cwd/x", "fd/3"):
                            try:
                                open(f"/proc/{{pid}}/{{file}}", "rb").read(1)
                                got[name].append(file)
                            except OSError:
                                pass
                        try:
                            os.kill(pid, 9)
                            got[name].append("killed")
                        except OSError as error:
                            got[name].append(errno.errorcode[error.errno])
                    """
                )
            )
        )

    seen = harness.with_environment(harness.spec(PUPPET), work)
    assert seen["processes"] == [1, seen["own"]]
    assert seen["server"] == ["ESRCH"]
    # The kernel takes a SIGKILL for the first process of a namespace and drops it, as it came from inside. Whoever was
    # not forked by it has a Landlock of its own, which refuses it.
    assert seen["init"] in (["killed"], ["EPERM"])


def test_every_namespace_is_the_environments_own(harness: Harness) -> None:
    async def work(engine: ComputeEngine) -> list[dict[str, str]]:
        found = [namespaces(os.getpid())]
        for _ in range(2):
            environment = await engine.create(harness.spec(PUPPET), harness.log.extend)
            assert isinstance(environment, ProcessEnvironment)
            await environment.invoke(act("got = 1"))
            (pid,) = environment.pids()
            found.append(namespaces(pid))
        return found

    found = harness.run(work)
    assert {kind: len({each[kind] for each in found}) for kind in NAMESPACES} == dict.fromkeys(NAMESPACES, 3)


def test_a_forked_process_has_no_secret_of_another_function_in_its_memory(harness: Harness) -> None:
    secret = "TENANT-" + "A-SECRET"
    search = """
    needle = b"TENANT-" + b"A-SECRET"
    got = 0
    memory = open("/proc/self/mem", "rb", buffering=0)
    for line in open("/proc/self/maps"):
        area, rights = line.split()[:2]
        first, last = (int(part, 16) for part in area.split("-"))
        if rights.startswith("rw"):
            try:
                memory.seek(first)
                got += memory.read(last - first).count(needle)
            except (OSError, OverflowError, ValueError):
                pass
    """

    async def work(engine: ComputeEngine) -> list[Any]:
        found = []
        environments = []
        for variables in ({"SECRET": secret}, {}):
            environment = await engine.create(harness.spec(PUPPET, environment=variables), harness.log.extend)
            environments.append(environment)
            found.append(answer(await environment.invoke(act(search))))
        for environment in environments:
            environment.destroy()
        return found

    own, others = harness.run(work)
    assert own > 1  # The search itself has the secret in two halves only.
    assert others <= 1


def test_what_a_function_leaves_running_ends_with_its_environment(harness: Harness) -> None:
    daemon = """
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.closerange(0, 3)
        while True:
            time.sleep(0.05)
    os.wait()
    """

    async def work(environment: Environment) -> set[str]:
        assert isinstance(environment, ProcessEnvironment)
        await environment.invoke(act(daemon))
        function, *_ = environment.pids()
        before = processes_in_namespace_of(function)
        assert len(before) >= 2  # The function and its daemon, and init for who may look at it.
        return before

    processes = harness.with_environment(harness.spec(PUPPET), work)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))


def test_nothing_runs_between_invocations(harness: Harness) -> None:
    async def work(environment: Environment) -> Any:
        assert isinstance(environment, ProcessEnvironment)
        start = """
        def count():
            while True:
                kept["n"] = kept.get("n", 0) + 1
                time.sleep(0.001)
        threading.Thread(target=count, daemon=True).start()
        """
        await environment.invoke(act(start))
        (pid,) = environment.pids()
        await stopped(pid)
        return answer(await environment.invoke(act("before = kept['n']\nwhile kept['n'] == before: pass\ngot = 1")))

    assert harness.with_environment(harness.spec(PUPPET), work) == 1


async def stopped(pid: int) -> None:
    """Wait until it has done nothing at so many looks that no busy machine explains it."""
    before, calm = ticks(pid), 0
    for _ in range(1000):
        await asyncio.sleep(0.05)
        now = ticks(pid)
        before, calm = now, calm + 1 if now == before else 0
        if calm == 10:
            return
    raise AssertionError("it runs on")


def ticks(pid: int) -> int:
    """How often its threads gave up the processor."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = (task / "status").read_text()
        total += sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)
    return total


def test_the_groups_of_an_environment_go_with_it(harness: Harness) -> None:
    async def work(environment: Environment) -> list[Path]:
        assert isinstance(environment, ProcessEnvironment)
        await environment.invoke(act("got = 1"))
        (pid,) = environment.pids()
        return group_folders(pid)

    groups = harness.with_environment(harness.spec(PUPPET), work)

    async def wait(_: ComputeEngine) -> None:
        while any(group.exists() for group in groups):
            await asyncio.sleep(0.01)

    assert len(groups) == len(ControlGroups.find().places)
    harness.run(wait)


def test_frozen_processes_and_their_groups_do_not_outlive_a_killed_server(harness: Harness, tmp_path: Path) -> None:
    spec = harness.spec("def handler(event, context):\n    return 1\n")
    with engine_to_kill(tmp_path, spec.code, spec.initialization_type) as engine:
        (pid,) = engine.function_pids
        folders = group_folders(pid)
        first = parent_of(pid)
        family = [first, *children_of(first)]  # That of a fork has been forked from one of them.
        engine.wait_for_answer()
        asyncio.run(stopped(pid))
    assert pid in family
    eventually(lambda: not [each for each in family if Path(f"/proc/{each}").exists()])
    assert all(folder.exists() for folder in folders)

    def left() -> bool:
        ControlGroups.find().close()  # As the next server does.
        return any(folder.parent.exists() for folder in folders)

    eventually(lambda: not left())
