"""Environments that are initialized ahead and restored by their first invocation, with the hooks for both."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fogbank.engines.compute.interface import Environment
from tests.engines.compute.harness import Harness, answer, call
from tests.patience import PATIENCE_S

HOOKS = (
    "from snapshot_restore_py import register_after_restore, register_before_snapshot\n"
    "told = []\n"
    "register_before_snapshot(told.append, 'before 1')\n"
    "register_after_restore(told.append, 'after 1')\n"
    "@register_before_snapshot\n"
    "def before():\n"
    "    told.append('before 2')\n"
    "    print('snapshot', flush=True)\n"
    "@register_after_restore\n"
    "def after():\n"
    "    told.append('after 2')\n"
    "def handler(event, context):\n"
    "    return told\n"
)


def test_hooks_are_called_before_the_snapshot_and_after_it_is_restored(harness: Harness) -> None:
    async def work(environment: Environment) -> None:
        initialization = await environment.initialize()
        assert initialization.failure is None
        assert harness.said() == ["snapshot"]
        outcome = await environment.invoke(call())
        assert answer(outcome) == ["before 2", "before 1", "after 1", "after 2"]
        assert outcome.init_ms is None
        assert outcome.restore_ms is not None
        assert (await environment.invoke(call(request_id="r-2"))).restore_ms is None
        restored = f"Restore Duration: {outcome.restore_ms:.2f} ms"
        assert f"RESTORE_REPORT {restored}\n" in harness.log
        assert [line for line in harness.log if line.startswith("REPORT") and f"\t{restored}\tBilled" in line]

    harness.with_environment(harness.spec(HOOKS, initialization_type="snap-start"), work)


@pytest.mark.parametrize(
    ("hook", "when"), [("register_before_snapshot", "INIT"), ("register_after_restore", "RESTORE")]
)
def test_a_hook_that_fails_is_the_outcome(harness: Harness, hook: str, when: str) -> None:
    source = (
        f"import snapshot_restore_py\n@snapshot_restore_py.{hook}\ndef fail():\n    raise KeyError('lost')\n"
        "def handler(event, context):\n    pass\n"
    )
    outcome = harness.once(source, initialization_type="snap-start")
    error_type = "Runtime.BeforeSnapshotError" if when == "INIT" else "Runtime.AfterRestoreError"
    assert outcome.ending == "init_failed"
    assert json.loads(outcome.payload)["errorType"] == error_type
    assert [line for line in harness.log if line.startswith(f"{when}_REPORT") and error_type in line]


def test_a_restore_has_a_limit_of_its_own(harness: Harness) -> None:
    source = (
        "import snapshot_restore_py, time\n"
        "snapshot_restore_py.register_after_restore(time.sleep, 60)\n"
        "def handler(event, context):\n    pass\n"
    )
    outcome = harness.once(source, initialization_type="snap-start", restore_timeout_s=0.2)
    assert outcome.ending == "timed_out"
    assert json.loads(outcome.payload)["errorMessage"] == "RequestId: r-1 Error: Restore timed out after 0.20 seconds"
    assert [line for line in harness.log if line.startswith("RESTORE_REPORT") and line.endswith("Status: timeout\n")]


def test_there_is_nothing_to_restore_in_other_environments(harness: Harness) -> None:
    assert answer(harness.once(HOOKS)) == []


JAVA = """
import java.util.*;
import org.crac.*;
public class App implements Resource {
    private final List<String> told = new ArrayList<>();
    public App() { Core.getGlobalContext().register(this); }
    public void beforeCheckpoint(Context<? extends Resource> context) { told.add("before"); }
    public void afterRestore(Context<? extends Resource> context) { told.add("after"); }
    public List<String> run(Object event) { return told; }
}
"""


@pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK is installed")
def test_hooks_in_java_are_resources_of_crac(harness: Harness) -> None:
    spec = harness.spec(
        {"App.java": JAVA}, runtime="java17", handler="App::run", memory_mb=512, initialization_type="snap-start"
    )
    sources = Path(__file__).parents[3] / "src" / "fogbank" / "engines" / "compute" / "java"
    compiler = ["javac", "--release", "17", "-sourcepath", str(sources), "-implicit:none", "-d", str(spec.code)]
    subprocess.run([*compiler, str(spec.code / "App.java")], check=True)
    assert answer(harness.invoke(spec, call(timeout_s=PATIENCE_S))[0]) == ["before", "after"]
