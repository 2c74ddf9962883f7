"""Machines that make sandboxes and refuse what forks need, and what a machine must not add to a fork."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fogbank.engines.compute.environment import ProcessEnvironment
from fogbank.engines.compute.interpreters import Interpreters
from fogbank.engines.compute.process import ProcessEngine
from fogbank.engines.compute.zygote_client import Sandboxes, Zygote
from tests.engines.compute.doorway import Doorway
from tests.engines.compute.harness import NOW_MS, Harness, Room, answer
from tests.engines.compute.sandbox.forked import (
    INITIALIZED,
    forked_harness,
    skip_where_nothing_is_forked,
    tried,
    with_environments,
)
from tests.engines.compute.sandbox.puppet import act, get

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes are there on Linux only")


def interpreter_after(folder: Path, statement: str) -> str:
    """A Python that does something first, to itself."""
    python = folder / "python"
    python.write_text(
        f"#!{sys.executable}\nimport ctypes, os, sys\n{statement}\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
    )
    python.chmod(0o755)
    return str(python)


def without_tracing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As containers are, which have no CAP_SYS_PTRACE unless they are given it."""
    python = interpreter_after(tmp_path, "ctypes.CDLL(None).prctl(24, 19, 0, 0, 0)")  # PR_CAPBSET_DROP
    monkeypatch.setattr(Interpreters, "python", lambda self, runtime: python)


def without_whole_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As containers are, which hide some of /proc: who has no rights outside can mount no other then."""
    statement = (
        "libc = ctypes.CDLL(None)\n"
        "assert libc.unshare(0x2_0000) == 0\n"  # CLONE_NEWNS
        "assert libc.mount(b'none', b'/', None, 0x4_4000, None) == 0\n"  # MS_REC, MS_PRIVATE
        "assert libc.mount(b'tmpfs', b'/proc/fs', b'tmpfs', 0, None) == 0"
    )
    python = interpreter_after(tmp_path, statement)
    monkeypatch.setattr(Interpreters, "python", lambda self, runtime: python)


def with_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root is where somebody has logged in."""
    skip_where_nothing_is_forked()
    python = interpreter_after(tmp_path, "os.setgroups([0, 6])")
    monkeypatch.setattr(Interpreters, "python", lambda self, runtime: python)


def with_another_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(zygote: Zygote, ask: Any = Zygote.sandboxes) -> Sandboxes:
        sandboxes = await ask(zygote)
        return msgspec.structs.replace(sandboxes, no_forks="processes are forked on x86_64, and not on aarch64")

    monkeypatch.setattr(Zygote, "sandboxes", found)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Harness]:
    """An engine on another machine."""
    if os.geteuid() != 0 and request.param is not with_another_processor:
        pytest.skip("only root has groups and capabilities of others to give away")
    request.param(tmp_path, monkeypatch)
    room = Room(lambda: ProcessEngine(tmp_path / "run", lambda: NOW_MS, Doorway()))
    yield forked_harness(room, tmp_path)
    room.close()


@pytest.mark.parametrize("machine", [without_tracing, without_whole_proc, with_another_processor], indirect=True)
def test_where_nothing_can_be_forked_functions_are_initialized_in_sandboxes(
    machine: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    (first,), (second,) = tried(machine, INITIALIZED, "got = IDENTITY")
    assert first != second
    assert len([line for line in machine.log if line.startswith("INIT_START")]) == 2, "none in vain"
    assert get(machine, "got = [os.getpid() < 10, os.path.exists('/home')]") == [[True, False]]
    assert caplog.text.count("SnapStart initializes each environment for itself on this machine: ") == 1


@pytest.mark.parametrize("machine", [with_groups], indirect=True)
def test_neither_a_fork_nor_what_follows_it_is_of_a_group_of_the_machine(machine: Harness) -> None:
    look = """
    lines = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    got = lines["Groups"].split()
    """

    async def work(made: list[ProcessEnvironment]) -> list[Any]:
        forked = answer(await made[0].invoke(act(look)))
        await made[0].invoke(act("os._exit(1)"))
        return [forked, answer(await made[0].invoke(act(look)))]

    assert with_environments(machine, machine.spec(INITIALIZED), work, count=1) == [[], []]
