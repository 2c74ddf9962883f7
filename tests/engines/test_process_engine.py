"""The embedded compute engine, alone."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from fogbank.engines.compute.interface import FunctionSpec, Invocation, Outcome
from fogbank.engines.compute.process import ProcessEngine, ProcessEnvironment

NOW_MS = 1_767_323_045_006
ECHO = "def handler(event, context):\n    print('got', event)\n    return {'echo': event}\n"


def run(tmp_path: Path, work: Callable[[ProcessEngine], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        engine = ProcessEngine(tmp_path / "run")
        try:
            await work(engine)
        finally:
            await engine.close()

    asyncio.run(whole())


def spec(tmp_path: Path, source: str, *, handler: str = "app.handler", memory_mb: int = 256) -> FunctionSpec:
    code = tmp_path / "code"
    code.mkdir(exist_ok=True)
    (code / "app.py").write_text(source)
    return FunctionSpec(
        code=code, handler=handler, runtime="python3.12", environment={"STAGE": "test"}, memory_mb=memory_mb
    )


def ignore(lines: list[str]) -> None:
    """Hears a log that no test looks at."""


def call(
    payload: object = None,
    *,
    request_id: str = "r-1",
    timeout_s: float = 5,
    hear: Callable[[list[str]], None] = ignore,
) -> Invocation:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    return Invocation(
        hear=hear,
        now_ms=lambda: NOW_MS,
        request_id=request_id,
        payload=json.dumps(payload).encode(),
        function_arn=arn,
        timeout_s=timeout_s,
    )


def once(tmp_path: Path, source: str, invocation: Invocation, **options: Any) -> Outcome:
    outcomes: list[Outcome] = []

    async def work(engine: ProcessEngine) -> None:
        environment = await engine.create(spec(tmp_path, source, **options))
        outcomes.append(await environment.invoke(invocation))

    run(tmp_path, work)
    return outcomes[0]


def test_a_handler_answers_and_its_output_is_the_log(tmp_path: Path) -> None:
    log: list[str] = []
    outcome = once(tmp_path, ECHO, call({"a": 1}, hear=log.extend))
    assert outcome.ending == "answered"
    assert json.loads(outcome.payload) == {"echo": {"a": 1}}
    assert log == ["got {'a': 1}"]
    assert outcome.init_ms is not None
    assert outcome.memory_mb > 1


def test_an_environment_that_is_ready_before_its_first_invocation_tells_how_long_it_took(tmp_path: Path) -> None:
    async def work(engine: ProcessEngine) -> None:
        environment = await engine.create(spec(tmp_path, ECHO))
        assert isinstance(environment, ProcessEnvironment)
        await environment._ready
        first = await environment.invoke(call({"a": 1}))
        assert first.init_ms is not None
        assert first.init_ms > 0

    run(tmp_path, work)


def test_an_environment_keeps_its_state_between_invocations(tmp_path: Path) -> None:
    source = "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n"

    async def work(engine: ProcessEngine) -> None:
        environment = await engine.create(spec(tmp_path, source))
        answers = [await environment.invoke(call(request_id=f"r-{i}")) for i in range(3)]
        assert [json.loads(answer.payload) for answer in answers] == [1, 2, 3]
        assert [answer.init_ms is None for answer in answers] == [False, True, True]

    run(tmp_path, work)


def test_an_exception_is_reported_with_type_message_and_trace(tmp_path: Path) -> None:
    log: list[str] = []
    outcome = once(tmp_path, "def handler(event, context):\n    raise ValueError('no')\n", call(hear=log.extend))
    document = json.loads(outcome.payload)
    assert outcome.ending == "failed"
    assert document["errorType"] == "ValueError"
    assert document["errorMessage"] == "no"
    assert document["requestId"] == "r-1"
    assert "line 2, in handler" in document["stackTrace"][-1]
    assert log[0].startswith("[ERROR] ValueError: no\nTraceback (most recent call last):\n")


def test_the_context_has_what_the_programming_model_promises(tmp_path: Path) -> None:
    source = (
        "import os\n"
        "def handler(event, context):\n"
        "    return [context.aws_request_id, context.invoked_function_arn,\n"
        "            2000 < context.get_remaining_time_in_millis() <= 3000, os.environ['STAGE']]\n"
    )
    outcome = once(tmp_path, source, call(timeout_s=3))
    assert json.loads(outcome.payload) == ["r-1", call().function_arn, True, "test"]


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
def test_a_handler_that_cannot_be_loaded_is_named(tmp_path: Path, source: str, handler: str, error_type: str) -> None:
    outcome = once(tmp_path, source, call(), handler=handler)
    assert outcome.ending == "init_failed"
    assert json.loads(outcome.payload)["errorType"] == error_type


def test_a_handler_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    source = "import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(60)\n"
    log: list[str] = []
    outcome = once(tmp_path, source, call(timeout_s=0.3, hear=log.extend))
    assert outcome.ending == "timed_out"
    text = "2026-01-02T03:04:05.006Z r-1 Task timed out after 0.30 seconds"
    assert json.loads(outcome.payload) == {"errorMessage": text}
    assert log == ["begun", text, ""]


def test_the_log_is_heard_while_the_handler_runs(tmp_path: Path) -> None:
    source = (
        "import os, time\n"
        "def handler(event, context):\n"
        "    print('waits')\n"
        "    while not os.path.exists(event):\n"
        "        time.sleep(0.01)\n"
    )
    sign = tmp_path / "heard"
    outcome = once(tmp_path, source, call(str(sign), hear=lambda lines: sign.touch()))
    assert outcome.ending == "answered"


def test_what_is_written_between_invocations_is_in_the_log_of_the_next(tmp_path: Path) -> None:
    source = (
        "import os, threading, time\n"
        "def late(sign):\n"
        "    while not os.path.exists(sign):\n"
        "        time.sleep(0.01)\n"
        "    print('late', flush=True)\n"
        "    os.unlink(sign)\n"
        "def handler(event, context):\n"
        "    threading.Thread(target=late, args=(event,)).start()\n"
    )
    sign, first, second = tmp_path / "sign", list[str](), list[str]()

    async def work(engine: ProcessEngine) -> None:
        environment = await engine.create(spec(tmp_path, source))
        await environment.invoke(call(str(sign), hear=first.extend))
        sign.touch()
        while sign.exists():
            await asyncio.sleep(0)
        await environment.invoke(call(str(sign), hear=second.extend))

    run(tmp_path, work)
    assert (first, second) == ([], ["late"])


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("os._exit(7)", "exit status 7"),
        ("os.kill(os.getpid(), 9)", "signal: killed"),
    ],
)
def test_a_process_that_ends_is_an_exit_error(tmp_path: Path, end: str, reason: str) -> None:
    outcome = once(tmp_path, f"import os\ndef handler(event, context):\n    {end}\n", call())
    assert outcome.ending == "exited"
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: r-1 Error: Runtime exited with error: {reason}",
    }


def test_a_function_that_needs_more_memory_than_it_has_is_killed(tmp_path: Path) -> None:
    source = "import time\ndef handler(event, context):\n    kept = b'x' * (300 << 20)\n    time.sleep(30)\n"
    outcome = once(tmp_path, source, call(), memory_mb=128)
    assert outcome.ending == "out_of_memory"
    assert json.loads(outcome.payload)["errorType"] == "Runtime.OutOfMemory"
    assert outcome.memory_mb == 128


def test_a_destroyed_environment_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    source = "import os\ndef handler(event, context):\n    return [os.getpid(), os.environ['TMPDIR']]\n"

    async def work(engine: ProcessEngine) -> None:
        environment = await engine.create(spec(tmp_path, source))
        pid, folder = json.loads((await environment.invoke(call())).payload)
        environment.destroy()
        assert not environment.usable
        assert not Path(folder).exists()
        for _ in range(200):
            if not Path(f"/proc/{pid}").exists():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the process is still there")

    run(tmp_path, work)


ENGINE_TO_KILL = """
import asyncio, sys
from pathlib import Path
from fogbank.engines.compute.interface import FunctionSpec, Invocation
from fogbank.engines.compute.process import ProcessEngine

async def main():
    engine = ProcessEngine(Path(sys.argv[1]) / "run")
    spec = FunctionSpec(
        code=Path(sys.argv[2]), handler="app.handler", runtime="python3.12", environment={}, memory_mb=128
    )
    environment = await engine.create(spec)
    call = Invocation(
        hear=print, now_ms=int, request_id="r", payload=b"null", function_arn="a", timeout_s=100
    )
    await environment.invoke(call)

asyncio.run(main())
"""


def test_function_processes_die_with_a_killed_server(tmp_path: Path) -> None:
    source = (
        "import os, time\n"
        "def handler(event, context):\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()) + '\\n')\n"
        "    time.sleep(100)\n"
    )
    code = spec(tmp_path, source).code
    server = subprocess.Popen([sys.executable, "-c", ENGINE_TO_KILL, str(tmp_path), str(code)])
    try:
        pid = wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    finally:
        server.kill()
        server.wait()
    wait_for(lambda: not Path(f"/proc/{pid}").exists())


def wait_for(check: Callable[[], Any]) -> Any:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if found := check():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def test_who_waits_for_an_environment_while_the_engine_closes_is_cancelled(tmp_path: Path) -> None:
    async def work(engine: ProcessEngine) -> None:
        await engine.close()
        waiting = asyncio.ensure_future(engine.create(spec(tmp_path, ECHO)))
        await asyncio.wait([waiting])
        assert waiting.cancelled()

    run(tmp_path, work)
