"""Environments are initialized: what can go wrong, and what is tried again."""

import json

import pytest

from tests.engines.compute.harness import Harness, answer, call


@pytest.mark.parametrize(
    ("source", "handler", "error_type"),
    [
        ("import nothing_like_this\n", "app.handler", "Runtime.ImportModuleError"),
        ("x = 1\n", "app.handler", "Runtime.HandlerNotFound"),
        ("x = 1\n", "handler", "Runtime.MalformedHandlerName"),
        ("def handler(:\n", "app.handler", "Runtime.UserCodeSyntaxError"),
        ("raise KeyError('x')\n", "app.handler", "KeyError"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_named(harness: Harness, source: str, handler: str, error_type: str) -> None:
    outcome = harness.once(source, handler=handler)
    assert outcome.ending == "init_failed"
    assert json.loads(outcome.payload)["errorType"] == error_type


def test_an_initialization_that_failed_is_tried_again_in_the_invocation_and_reported_each_time(
    harness: Harness,
) -> None:
    outcome = harness.once("import nothing_like_this\n")
    reports = [line.split("\t") for line in harness.log if line.startswith("INIT_REPORT")]
    expected = ["Status: error", "Error Type: Runtime.ImportModuleError\n"]
    assert [report[1:] for report in reports] == [["Phase: init", *expected], ["Phase: invoke", *expected]]
    assert outcome.init_ms is None
    assert harness.log[-1].endswith("\tStatus: error\tError Type: Runtime.ImportModuleError\n")


SLOW_ONCE = (
    "import os, tempfile, time\n"
    "begun = os.path.join(tempfile.gettempdir(), 'begun')\n"
    "if not os.path.exists(begun):\n"
    "    open(begun, 'w').close()\n"
    "    time.sleep(60)\n"
    "def handler(event, context):\n"
    "    return 'ready'\n"
)


def test_an_initialization_that_takes_too_long_is_tried_again_with_the_functions_time(harness: Harness) -> None:
    outcome = harness.once(SLOW_ONCE, call(timeout_s=30), init_timeout_s=0.5)
    assert answer(outcome) == "ready"
    (report,) = [line for line in harness.log if line.startswith("INIT_REPORT")]
    assert report.endswith(" ms\tPhase: init\tStatus: timeout\n")
    assert outcome.init_ms is None


def test_an_initialization_that_takes_longer_than_the_function_may_is_a_time_out(harness: Harness) -> None:
    outcome = harness.once("import time\ntime.sleep(60)\n", call(timeout_s=0.4), init_timeout_s=0.2)
    assert outcome.ending == "timed_out"
    assert json.loads(outcome.payload)["errorMessage"] == "RequestId: r-1 Error: Task timed out after 0.40 seconds"


def test_a_runtime_that_exits_while_it_is_initialized_is_an_exit_error(harness: Harness) -> None:
    outcome = harness.once("import os\nos._exit(3)\n")
    assert outcome.ending == "exited"
    assert json.loads(outcome.payload)["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
