"""Environments that are forked from one snapshot: what they share, what each has of its own, and how they end."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interface import ComputeEngine, RuntimeUnavailable
from tests.engines.compute.harness import Harness, Room, answer
from tests.engines.compute.sandbox.forked import (
    INITIALIZED,
    forked_harness,
    skip_where_nothing_is_forked,
    tried,
    with_environments,
)
from tests.engines.compute.sandbox.outside import children_of, parent_of, running, tracer_of
from tests.engines.compute.sandbox.puppet import PUPPET, act
from tests.patience import PATIENCE_S, eventually


@pytest.fixture
def harness(room: Room, tmp_path: Path) -> Harness:
    skip_where_nothing_is_forked()
    return forked_harness(room, tmp_path)


def test_a_function_is_initialized_once_for_all(harness: Harness) -> None:
    (first,), (second,) = tried(
        harness,
        INITIALIZED,
        """
        got = {"identity": IDENTITY, "stream": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"], "pid": os.getpid(),
               "random": random.random(), "ssl": ssl.RAND_bytes(8).hex(), "thread": threading.get_native_id()}
        worker = threading.Thread(target=lambda: got.update(worked=True))
        worker.start(), worker.join()
        """,
    )
    assert first["identity"] == second["identity"]
    assert [first["stream"], second["stream"]] == ["stream-0", "stream-1"]
    assert first["pid"] == second["pid"] == first["thread"]
    assert first["random"] != second["random"]
    assert first["ssl"] != second["ssl"]
    assert first["worked"]
    assert second["worked"]
    assert len([line for line in harness.log if line.startswith("INIT_START")]) == 1


def test_each_fork_has_namespaces_and_files_of_its_own(harness: Harness) -> None:
    look = """
    got = {name: os.readlink("/proc/self/ns/" + name) for name in ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")}
    # Where Fogbank is installed below /tmp, that is mounted there.
    got["files"] = [name for name in os.listdir("/tmp") if not os.path.ismount("/tmp/" + name)]
    open("/tmp/own", "w").close()
    got["ports"] = socket.create_server(("127.0.0.1", 8080)).getsockname()[1]
    """
    (first,), (second,) = tried(harness, INITIALIZED, look)
    assert not {*map(str, first.values())} & {*map(str, second.values())} - {"[]", "8080"}
    assert first["files"] == second["files"] == []


def test_no_fork_sees_another_or_what_it_was_forked_from(harness: Harness) -> None:
    (first,), (second,) = tried(
        harness, INITIALIZED, "got = sorted(int(name) for name in os.listdir('/proc') if name.isdigit())"
    )
    assert first == second
    assert len(first) == 2


def test_a_fork_has_no_rights(harness: Harness) -> None:
    ((status,), _) = tried(
        harness,
        INITIALIZED,
        """
        lines = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
        names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
        got = [int(lines[name], 16) for name in names]
        """,
    )
    assert status == [0, 0, 0, 0, 0, 1, 2]


def test_what_is_initialized_has_no_way_into_other_namespaces(harness: Harness) -> None:
    source = PUPPET + "libc.setns(0, 0)\nREFUSED = errno.errorcode[ctypes.get_errno()]\n"
    ((refused,), _) = tried(harness, source, "got = REFUSED")
    assert refused == "ENOSYS", "a tracer may, and there is none"


def test_how_a_fork_ends_is_told_and_others_go_on(harness: Harness) -> None:
    async def work(made: list[ProcessEnvironment]) -> tuple[Any, ...]:
        ended = await made[0].invoke(act("os._exit(3)"))
        again = await made[0].invoke(act("got = IDENTITY"))
        return ended, answer(again), answer(await made[1].invoke(act("got = IDENTITY")))

    ended, again, other = with_environments(harness, harness.spec(INITIALIZED), work)
    assert ended.ending == "exited"
    assert b"exit status 3" in ended.payload
    assert again != other, "it was initialized again, as an environment of any other kind is"


def test_time_that_is_up_ends_all_processes_of_one_fork(harness: Harness) -> None:
    async def work(made: list[ProcessEnvironment]) -> tuple[Any, Any]:
        for each in made:
            await each.invoke(act("kept['child'] = subprocess.Popen(['sleep', '600'])"))
        pids = [[pid, *children_of(pid)] for each in made for pid in each.pids()]
        outcome = await made[0].invoke(msgspec.structs.replace(act("time.sleep(600)"), timeout_s=0.3))
        assert outcome.ending == "timed_out"
        eventually(lambda: not [pid for pid in pids[0] if running(pid)])
        return [running(pid) for pid in pids[1]], answer(await made[1].invoke(act("got = kept['child'].poll()")))

    others, child = with_environments(harness, harness.spec(INITIALIZED), work)
    assert others == [True, True]
    assert child is None


def test_nothing_of_a_fork_is_there_any_more_when_its_function_is_initialized_again(harness: Harness) -> None:
    listen = "kept['server'] = socket.create_server(('127.0.0.1', 8080))\n"

    async def work(made: list[ProcessEnvironment]) -> Any:
        held = "kept['memory'] = b'x' * (100 << 20)\ntime.sleep(600)"  # It takes the kernel a moment to end that.
        outcome = await made[0].invoke(msgspec.structs.replace(act(listen + held), timeout_s=1))
        assert outcome.ending == "timed_out"
        return answer(await made[0].invoke(act(f"{listen}got = IDENTITY")))

    assert with_environments(harness, harness.spec(INITIALIZED), work, count=1)


def test_connections_of_the_snapshot_are_broken_in_its_forks(harness: Harness) -> None:
    source = INITIALIZED + (
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "line = socket.create_connection(server.getsockname())\n"
        "other, _ = server.accept()\n"
    )
    reads = """
    got = [line.recv(1).decode()]
    try:
        line.send(b"x")
    except OSError as error:
        got.append(errno.errorcode[error.errno])
    """
    assert tried(harness, source, reads) == [[["", "EPIPE"]]] * 2


UNFIT = {
    "threads": "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
    "a file": "kept['file'] = open('/var/task/app.py')",
    "a file in tmp": "open('/tmp/model', 'w').close()",
    "shared memory": "import mmap\nkept['memory'] = mmap.mmap(-1, 4096)",
    "a process": "kept['child'] = subprocess.Popen(['sleep', '600'])",
    "a poll": "import select\nkept['poll'] = select.epoll()",
    "a pipe": "kept['pipe'] = os.pipe()",
}


@pytest.mark.parametrize("has", UNFIT)
def test_what_forks_would_share_keeps_a_function_from_being_forked(harness: Harness, has: str) -> None:
    (first,), (second,) = tried(harness, f"{INITIALIZED}\n{UNFIT[has]}\n", "got = IDENTITY")
    assert first != second


def test_what_fails_is_initialized_once_for_each_environment(harness: Harness) -> None:
    async def work(engine: ComputeEngine) -> None:
        for number in (1, 2):
            environment = await engine.create(harness.spec("print('here')\nraise ValueError('no')"), harness.log.extend)
            initialization = await environment.initialize()
            assert initialization.failure == "init_failed"
            assert json.loads(initialization.payload)["errorType"] == "ValueError"
            assert harness.said().count("here") == number
            environment.destroy()

    harness.run(work)
    (outcome,) = harness.invoke(harness.spec("print('again')\nraise ValueError('no')"), act(""))
    assert outcome.ending == "init_failed"
    assert harness.said().count("again") == 2, "an invocation tries it again, in its own time"


def test_a_function_that_ends_while_a_snapshot_is_made_ends_as_any_other(harness: Harness) -> None:
    (outcome,) = harness.invoke(harness.spec("import os\nos.fork()\nos._exit(3)"), act("got = 1"))
    assert outcome.ending == "exited"
    assert b"exit status 3" in outcome.payload


def test_a_fork_that_finds_no_code_takes_nobody_along(room: Room, harness: Harness) -> None:
    async def work(made: list[ProcessEnvironment]) -> Any:
        (harness.folder / "code").rename(harness.folder / "moved")
        with pytest.raises(RuntimeUnavailable, match="No such file"):
            await room.engine.create(harness.with_variables(spec, AWS_LAMBDA_LOG_STREAM_NAME="other"), print)
        return answer(await made[0].invoke(act("got = 1")))

    spec = harness.spec(INITIALIZED)
    assert with_environments(harness, spec, work, count=1) == 1


def test_functions_that_are_not_trusted_are_not_forked(harness: Harness) -> None:
    try:
        (first,), (second,) = tried(harness, INITIALIZED, "got = IDENTITY", untrusted=True)
    except RuntimeUnavailable as error:
        pytest.skip(str(error))
    assert first != second


def test_what_was_forked_from_ends_with_the_last_fork(harness: Harness) -> None:
    async def work(made: list[ProcessEnvironment]) -> list[int]:
        pids = [pid for each in made for pid in each.pids()]
        return [*pids, *{parent_of(pid) for pid in pids}]

    pids = with_environments(harness, harness.spec(INITIALIZED), work)
    assert len(pids) == 3, "the first process of the snapshot's sandbox is the parent of all"
    eventually(lambda: not [pid for pid in pids if running(pid)])


def test_who_makes_the_forks_may_be_killed_and_they_go_on(harness: Harness) -> None:
    async def work(made: list[ProcessEnvironment]) -> list[Any]:
        family = children_of(parent_of(made[0].pids()[0]))
        [tracer] = {tracer_of(pid) for pid in family} - {0}
        os.kill(tracer, signal.SIGKILL)
        return [answer(await each.invoke(act("got = IDENTITY"))) for each in made]

    first, second = with_environments(harness, harness.spec(INITIALIZED), work)
    assert first == second
    (third,), (fourth,) = tried(harness, INITIALIZED, "got = IDENTITY")
    assert third == fourth != first


def test_a_snapshot_that_is_killed_takes_its_forks_along_and_there_is_another(harness: Harness) -> None:
    async def work(made: list[ProcessEnvironment]) -> None:
        os.kill(parent_of(made[0].pids()[0]), signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while any(each.usable for each in made):
                await asyncio.sleep(0.01)

    with_environments(harness, harness.spec(INITIALIZED), work)
    (first,), (second,) = tried(harness, INITIALIZED, "got = IDENTITY")
    assert first == second
