"""Machines that cannot make a whole sandbox: what runs there, and what is said."""

import sys
from pathlib import Path

import pytest

from fogbank.engines.compute.cgroups import ControlGroups
from fogbank.engines.compute.interface import ComputeEngine, Outcome, RuntimeUnavailable
from fogbank.engines.compute.process import ProcessEngine
from tests.engines.compute.harness import NOW_MS, Harness, Room, answer
from tests.engines.compute.sandbox.puppet import PUPPET, act, get

pytestmark = pytest.mark.parametrize("harness", ["initialized"], indirect=True)


async def run_untrusted(engine: ComputeEngine, harness: Harness) -> Outcome | str:
    """How its invocation ended, or why there was none."""
    try:
        environment = await engine.create(harness.spec(PUPPET, untrusted=True), harness.log.extend)
    except RuntimeUnavailable as error:
        return str(error)
    outcome = await environment.invoke(act("got = 1"))
    environment.destroy()
    return outcome


REFUSAL = "This machine cannot isolate functions that are not trusted: "


def test_an_untrusted_function_runs_where_nothing_is_missing_and_is_refused_elsewhere(harness: Harness) -> None:
    given = harness.run(lambda engine: run_untrusted(engine, harness))
    if isinstance(given, str):
        assert given.startswith(f"{REFUSAL}no ")
    else:
        assert answer(given) == 1


def test_without_control_groups_only_trusted_functions_run(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ControlGroups, "find", lambda: ControlGroups({}))
    room = Room(lambda: ProcessEngine(tmp_path / "run", lambda: NOW_MS))
    try:
        poor = Harness(room, tmp_path)
        refusal = poor.run(lambda engine: run_untrusted(engine, poor))
        assert refusal.startswith(f"{REFUSAL}no control group for memory (it is watched ten times a second); no ")
        (outcome,) = poor.invoke(poor.spec(PUPPET, memory_mb=128), act("kept = b'x' * (300 << 20)\ntime.sleep(60)"))
        assert outcome.ending == "out_of_memory"
    finally:
        room.close()


def test_without_sandboxes_trusted_functions_run_as_plain_processes(harness: Harness, tmp_path: Path) -> None:
    def make() -> ProcessEngine:
        engine = ProcessEngine(tmp_path / "run", lambda: NOW_MS)
        engine._zygote(sys.executable)
        (tmp_path / "run" / "root-0").rmdir()  # There is nowhere to make one.
        return engine

    room = Room(make)
    try:
        poor = Harness(room, tmp_path)
        assert poor.run(lambda engine: run_untrusted(engine, poor)).startswith(f"{REFUSAL}no sandboxes (")
        seen, rested = get(poor, f"got = os.path.exists({__file__!r})", "got = os.environ['LAMBDA_TASK_ROOT']")
        assert seen
        assert rested == str(tmp_path / "code")
    finally:
        room.close()


def test_a_sandbox_that_cannot_be_made_says_why_and_the_next_one_can(harness: Harness, tmp_path: Path) -> None:
    async def work(engine: ComputeEngine) -> str:
        with pytest.raises(RuntimeUnavailable) as refusal:
            await engine.create(harness.spec(PUPPET, code=tmp_path / "gone"), harness.log.extend)
        return str(refusal.value)

    assert harness.run(work).startswith("No sandbox could be made for the function: [Errno 2] open_tree: No such file")
    assert get(harness, "got = 1") == [1]
