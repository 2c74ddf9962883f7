"""Environments are invoked: answers, errors, limits and the log."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from fogbank.engines.compute.interface import ComputeEngine, Environment, Outcome
from fogbank.engines.compute.response_stream import ResponseStream
from tests.engines.compute.harness import ARN, NOW, Harness, answer, call
from tests.patience import PATIENCE_S

ECHO = "def handler(event, context):\n    print('got', event)\n    return {'echo': event}\n"
COUNT = "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n"


def test_a_handler_answers_and_its_output_is_the_log(harness: Harness) -> None:
    of_invocation: list[str] = []
    outcome = harness.once(ECHO, call({"a": 1}, hear=of_invocation.extend))
    assert answer(outcome) == {"echo": {"a": 1}}
    assert outcome.init_ms is not None
    assert outcome.memory_mb > 1
    assert [line.split(":")[0].split(" Request")[0] for line in harness.log] == [
        "INIT_START Runtime Version",
        "START",
        "got {'a'",
        "END",
        "REPORT",
    ]
    assert of_invocation == harness.log[1:]


@pytest.mark.parametrize("name", ["runtime", "program", "kernel", "init"])
def test_a_function_may_call_its_modules_as_it_likes(harness: Harness, name: str) -> None:
    spec = harness.spec({f"{name}.py": ECHO}, handler=f"{name}.handler")
    (outcome,) = harness.invoke(spec, call({"a": 1}))
    assert answer(outcome) == {"echo": {"a": 1}}


def test_the_log_says_which_runtime_is_started_and_what_the_invocation_took(harness: Harness) -> None:
    outcome = harness.once(ECHO, call({"a": 1}))
    assert outcome.init_ms is not None
    assert harness.log[0] == (
        "INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:1\n"
    )
    assert harness.log[1] == "START RequestId: r-1 Version: $LATEST\n"
    report = harness.log[-1].split("\t")
    assert report[0] == "REPORT RequestId: r-1"
    assert report[1] == f"Duration: {outcome.duration_ms:.2f} ms"
    assert report[3:] == [
        "Memory Size: 256 MB",
        f"Max Memory Used: {outcome.memory_mb} MB",
        f"Init Duration: {outcome.init_ms:.2f} ms",
        "\n",
    ]


def test_an_environment_may_be_initialized_before_it_is_invoked(harness: Harness) -> None:
    async def work(environment: Environment) -> None:
        initialization = await environment.initialize()
        assert initialization.failure is None
        assert harness.said() == ["loaded"]
        first = await environment.invoke(call())
        assert first.init_ms == initialization.duration_ms > 0
        assert (await environment.invoke(call())).init_ms is None

    source = "print('loaded', flush=True)\ndef handler(event, context):\n    pass\n"
    harness.with_environment(harness.spec(source), work)
    assert harness.said() == ["loaded"]


def test_an_environment_keeps_its_state_between_invocations(harness: Harness) -> None:
    outcomes = harness.invoke(harness.spec(COUNT), *[call(request_id=f"r-{i}") for i in range(3)])
    assert [answer(outcome) for outcome in outcomes] == [1, 2, 3]
    assert [outcome.init_ms is None for outcome in outcomes] == [False, True, True]


def test_an_exception_is_reported_with_type_message_and_trace(harness: Harness) -> None:
    outcome = harness.once("def handler(event, context):\n    raise ValueError('no')\n")
    document = json.loads(outcome.payload)
    assert outcome.ending == "failed"
    assert document["errorType"] == "ValueError"
    assert document["errorMessage"] == "no"
    assert document["requestId"] == "r-1"
    assert "line 2, in handler" in document["stackTrace"][-1]
    assert harness.said()[0].startswith("[ERROR] ValueError: no\nTraceback (most recent call last):\n")


def test_the_context_has_what_the_programming_model_promises(harness: Harness) -> None:
    source = (
        "import os\n"
        "def handler(event, context):\n"
        "    return [context.aws_request_id, context.invoked_function_arn,\n"
        "            2000 < context.get_remaining_time_in_millis() <= 3000, os.environ['STAGE'],\n"
        "            context.client_context.custom, context.identity.cognito_identity_id, context.tenant_id,\n"
        "            os.environ['_X_AMZN_TRACE_ID'], os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']]\n"
    )
    options = {
        "client_context": json.dumps({"custom": {"k": "é"}}, indent=2, ensure_ascii=False),
        "cognito_identity": json.dumps({"cognitoIdentityId": "me", "cognitoIdentityPoolId": "all"}),
        "tenant_id": "t-1",
        "trace_id": "Root=1-2-3",
    }
    outcome = harness.once(source, call(timeout_s=3, **options))
    expected = ["r-1", ARN, True, "test", {"k": "é"}, "me", "t-1", "Root=1-2-3", "on-demand"]
    assert answer(outcome) == expected


def test_a_handler_that_takes_too_long_is_killed(harness: Harness) -> None:
    source = "import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(60)\n"
    outcome = harness.once(source, call(timeout_s=0.3))
    assert outcome.ending == "timed_out"
    assert json.loads(outcome.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: r-1 Error: Task timed out after 0.30 seconds",
    }
    begun, told = harness.said()
    assert begun == "begun"
    assert re.fullmatch(rf"{NOW} r-1 Task timed out after 0\.30 seconds\n", told)
    assert harness.log[-1].endswith("\tStatus: timeout\n")


def test_the_log_is_heard_while_the_handler_runs(harness: Harness) -> None:
    source = "import time\ndef handler(event, context):\n    print('waits')\n    time.sleep(600)\n"

    async def work(environment: Environment) -> Outcome:
        heard = asyncio.Event()
        hear = {"waits\n": heard.set}
        lines = call(hear=lambda lines: [hear.get(line, int)() for line in lines], timeout_s=600)
        running = asyncio.ensure_future(environment.invoke(lines))
        await asyncio.wait_for(heard.wait(), PATIENCE_S)
        assert not running.done()
        environment.destroy()
        return await running

    assert harness.with_environment(harness.spec(source), work).ending == "exited"


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("os._exit(7)", "Runtime exited with error: exit status 7"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_is_an_exit_error(harness: Harness, end: str, reason: str) -> None:
    outcome = harness.once(f"import os\ndef handler(event, context):\n    {end}\n")
    assert outcome.ending == "exited"
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: r-1 Error: {reason}",
    }
    assert harness.log[-1].endswith("\tStatus: error\tError Type: Runtime.ExitError\n")


def test_a_function_that_needs_more_memory_than_it_has_is_killed(harness: Harness) -> None:
    source = "import time\ndef handler(event, context):\n    kept = b'x' * (300 << 20)\n    time.sleep(30)\n"
    outcome = harness.once(source, memory_mb=128)
    assert outcome.ending == "out_of_memory"
    assert json.loads(outcome.payload)["errorType"] == "Runtime.OutOfMemory"
    assert outcome.memory_mb == 128


@pytest.mark.parametrize("end", ["time.sleep(60)", "os._exit(1)"])
def test_after_a_time_out_or_an_exit_the_next_invocation_initializes_the_function_anew(
    harness: Harness, end: str
) -> None:
    source = (
        "import os, tempfile, time\n"
        "n = 0\n"
        "kept = os.path.join(tempfile.gettempdir(), 'kept')\n"
        "def handler(event, context):\n"
        "    global n\n"
        "    n += 1\n"
        "    if os.path.exists(kept):\n"
        "        return n\n"
        "    open(kept, 'w').close()\n"
        f"    {end}\n"
    )
    first, second = harness.invoke(harness.spec(source), call(timeout_s=1), call(request_id="r-2"))
    assert first.ending in ("timed_out", "exited")
    assert first.init_ms is not None
    assert answer(second) == 1
    assert second.init_ms is None
    assert "Init Duration" not in harness.log[-1]


def test_who_waits_for_an_environment_while_the_engine_closes_is_cancelled(
    new_engine: Callable[[], ComputeEngine], harness: Harness
) -> None:
    async def work() -> None:
        engine = new_engine()
        await engine.close()
        waiting = asyncio.ensure_future(engine.create(harness.spec(ECHO), harness.log.extend))
        await asyncio.wait([waiting])
        assert waiting.cancelled()

    asyncio.run(work())


def test_the_answer_of_a_function_that_does_not_stream_is_one_chunk(harness: Harness) -> None:
    async def work(environment: Environment) -> Any:
        stream = ResponseStream()
        running = asyncio.ensure_future(environment.invoke(call({"a": 1}, stream=stream)))
        chunks = [chunk async for chunk in stream]
        return chunks, stream.content_type, await running

    chunks, content_type, outcome = harness.with_environment(harness.spec(ECHO), work)
    assert (chunks, content_type) == ([b'{"echo": {"a": 1}}'], "application/json")
    assert (outcome.ending, outcome.payload) == ("answered", b"")


def test_a_stream_of_a_failed_invocation_is_empty_and_ends(harness: Harness) -> None:
    async def work(environment: Environment) -> Any:
        stream = ResponseStream()
        running = asyncio.ensure_future(environment.invoke(call(stream=stream)))
        assert not await stream.begun
        return [chunk async for chunk in stream], await running

    chunks, outcome = harness.with_environment(harness.spec("def handler(event, context):\n    raise KeyError\n"), work)
    assert (chunks, outcome.ending) == ([], "failed")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0", "Runtime exited without providing a reason"),
        ("", "Runtime exited without providing a reason"),
        ("3", "Runtime exited with error: exit status 3"),
    ],
)
def test_a_handler_that_leaves_the_interpreter_is_an_exit_error(harness: Harness, code: str, reason: str) -> None:
    outcome = harness.once(f"import sys\ndef handler(event, context):\n    print('bye')\n    sys.exit({code})\n")
    assert json.loads(outcome.payload)["errorMessage"] == f"RequestId: r-1 Error: {reason}"
    assert harness.said()[0] == "bye"


def test_logs_in_json_have_the_platforms_events_of_their_level_and_what_the_function_says(harness: Harness) -> None:
    source = (
        "import logging\n"
        "def handler(event, context):\n"
        "    logging.warning('slow', extra={'order': 7})\n"
        "    raise ValueError('no')\n"
    )
    environment = {"AWS_LAMBDA_LOG_FORMAT": "JSON"}
    harness.once(source, environment=environment, log_format="JSON", system_log_level="INFO")
    lines = [json.loads(line) for line in harness.log]
    assert [line.get("type", line.get("level")) for line in lines] == [
        "platform.initStart",
        "platform.start",
        "WARNING",
        "ERROR",
        "platform.runtimeDone",
        "platform.report",
    ]
    assert {name: lines[2][name] for name in ("message", "order", "requestId")} == {
        "message": "slow",
        "order": 7,
        "requestId": "r-1",
    }
    assert (lines[3]["errorType"], lines[3]["errorMessage"]) == ("ValueError", "no")
    assert lines[1]["record"] == {"requestId": "r-1", "version": "$LATEST"}
    assert lines[5]["record"]["status"] == "error"


def test_what_a_function_prints_keeps_its_line_ends_and_its_log_records_stay_whole(harness: Harness) -> None:
    source = (
        "import logging\n"
        "def handler(event, context):\n"
        "    print('multi\\nline')\n"
        "    print('another\\rline')\n"
        "    logging.error('two\\nlines')\n"
    )
    harness.once(source)
    *printed, record = [line for line in harness.log if not line.startswith(("INIT", "START", "END", "REPORT"))]
    assert printed == ["multi\n", "line\n", "another\rline\n"]
    assert record.startswith("[ERROR]\t")
    assert record.endswith("\tr-1\ttwo\nlines\n")
