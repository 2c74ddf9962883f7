"""What is started in an environment, and what it is told: bootstraps, wrappers, variables."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from fogbank.engines.compute.interface import RuntimeUnavailable
from fogbank.engines.compute.interpreters import Interpreters
from tests.engines.compute.harness import Harness, answer, call
from tests.patience import PATIENCE_S

# A runtime as somebody would write it who has only a shell and curl, but in Python.
BOOTSTRAP = f"""#!{os.path.realpath(sys.executable)}
import http.client, json, os
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def ask(method, path, body=None, headers={{}}):
    connection.request(method, "/2018-06-01/runtime" + path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()
while True:
    _, headers, event = ask("GET", "/invocation/next")
    path = "/invocation/" + headers["Lambda-Runtime-Aws-Request-Id"]
    %s
"""


def bootstrap(harness: Harness, body: str, payload: Any = None) -> Any:
    spec = harness.spec({"bootstrap": BOOTSTRAP % body}, runtime="provided.al2023")
    return harness.invoke(spec, call(payload, timeout_s=PATIENCE_S))[0]


def test_a_bootstrap_is_a_runtime(harness: Harness) -> None:
    body = "ask('POST', path + '/response', json.dumps([json.loads(event), os.environ['_HANDLER']]))"
    assert answer(bootstrap(harness, body, {"a": 1})) == [{"a": 1}, "app.handler"]


def test_a_layer_may_bring_the_bootstrap(harness: Harness) -> None:
    layer = harness.folder / "layer"
    layer.mkdir()
    (layer / "bootstrap").write_text(BOOTSTRAP % "ask('POST', path + '/response', event)")
    (layer / "bootstrap").chmod(0o755)
    outcome = harness.once("", call(5, timeout_s=PATIENCE_S), runtime="provided.al2", layers=(layer,))
    assert answer(outcome) == 5


@pytest.mark.parametrize("sent_before", [0, 20, 100])
def test_a_runtime_is_answered_whether_it_asks_for_the_next_invocation_later_half_or_at_once(
    harness: Harness, sent_before: int
) -> None:
    lines = (
        "line = connection.sock",
        "following = b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'",
        "head = b'POST /2018-06-01/runtime%b/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %d\\r\\n\\r\\n'",
        f"line.sendall(head % (path.encode(), len(event)) + event + following[:{sent_before}])",
        f"heard = line.recv(65536) if {sent_before} < len(following) else b''",
        f"line.sendall(following[{sent_before}:])",
        "while b'Request-Id: ' not in heard: heard += line.recv(65536)",
        "path = '/invocation/' + heard.partition(b'Request-Id: ')[2].partition(b'\\r')[0].decode()",
        "ask('POST', path + '/response', json.dumps(heard.partition(b'\\r')[0].decode()))",
    )
    spec = harness.spec({"bootstrap": BOOTSTRAP % "\n    ".join(lines)}, runtime="provided.al2023")
    first, second = harness.invoke(spec, call(1, timeout_s=PATIENCE_S), call(2, timeout_s=PATIENCE_S))
    assert (answer(first), answer(second)) == (1, "HTTP/1.1 202 Accepted")


@pytest.mark.parametrize(
    ("asked", "status", "error_type", "message"),
    [
        ("ask('POST', '/invocation/other/response', 'x')", 400, "InvalidRequestID", "Invalid request ID"),
        (
            "ask('GET', '/invocation/next')",
            403,
            "InvalidStateTransition",
            "State transition from Running to Ready failed for runtime. Error: State transition is not allowed",
        ),
        (
            "ask('POST', '/init/error', '{}')",
            403,
            "InvalidStateTransition",
            "State transition from Running to InitError failed for runtime. Error: State transition is not allowed",
        ),
        ("ask('GET', '/nothing')", 404, "InvalidPath", "No such path"),
    ],
)
def test_what_a_runtime_may_not_ask_is_refused_and_it_may_go_on(
    harness: Harness, asked: str, status: int, error_type: str, message: str
) -> None:
    body = f"s, _, b = {asked}; ask('POST', path + '/response', json.dumps([s, json.loads(b)]))"
    assert answer(bootstrap(harness, body)) == [status, {"errorMessage": message, "errorType": error_type}]


def test_an_answer_that_is_too_large_is_refused_and_fails_the_invocation(harness: Harness) -> None:
    body = "print('status', ask('POST', path + '/response', '\"' + 'x' * 6291556 + '\"')[0], flush=True)"
    outcome = bootstrap(harness, body)
    assert outcome.ending == "failed"
    assert json.loads(outcome.payload) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert harness.said() == ["status 413"]


def test_an_unknown_mode_of_response_is_refused(harness: Harness) -> None:
    mode = "{'Lambda-Runtime-Function-Response-Mode': 'chunky'}"
    outcome = bootstrap(harness, f"print(ask('POST', path + '/response', 'x', {mode})[0], flush=True)")
    assert (outcome.ending, harness.said()) == ("failed", ["400"])


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"),
        ({"bootstrap": "no program"}, "exec"),
    ],
)
def test_a_function_without_a_bootstrap_cannot_be_started(harness: Harness, files: dict[str, str], reason: str) -> None:
    outcome = harness.once({"app.py": "", **files}, runtime="provided.al2023")
    assert outcome.ending == "exited"
    document = json.loads(outcome.payload)
    if files:
        assert document["errorType"] == "Runtime.ExitError"
    else:
        assert document["errorType"] == "Runtime.InvalidEntrypoint"
        assert document["errorMessage"] == f"RequestId: r-1 Error: {reason}"


def test_what_a_package_links_to_outside_of_it_is_neither_started_nor_told_of(harness: Harness) -> None:
    home, layer = harness.folder / "home", harness.folder / "layer"
    home.mkdir()
    layer.mkdir()
    (home / "name-of-a-secret").write_text("x")
    (layer / "extensions").symlink_to(home)
    (layer / "bootstrap").symlink_to(home / "name-of-a-secret")
    source = "def handler(event, context):\n    return event\n"
    assert answer(harness.once(source, call(1, timeout_s=PATIENCE_S), layers=(layer,))) == 1
    assert "name-of-a-secret" not in "".join(harness.log)
    outcome = harness.once(source, call(1, timeout_s=PATIENCE_S), layers=(layer,), runtime="provided.al2023")
    assert json.loads(outcome.payload)["errorType"] == "Runtime.InvalidEntrypoint"


WRAPPER = """#!/bin/sh
export WRAPPED="$#"
exec "$@"
"""


@pytest.mark.parametrize(
    ("runtime", "handler", "source"),
    [
        (
            "python3.12",
            "app.handler",
            "import os, greeting\ndef handler(event, context):\n    print('x')\n"
            "    return [os.environ['WRAPPED'], greeting.word]\n",
        ),
        pytest.param(
            "nodejs20.x",
            "index.handler",
            "exports.handler = async () => { console.log('x'); return [process.env.WRAPPED, 'hello']; }",
            marks=pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
        ),
    ],
)
def test_a_wrapper_starts_the_runtime(harness: Harness, runtime: str, handler: str, source: str) -> None:
    layer = harness.folder / "layer"
    (layer / "python").mkdir(parents=True)
    (layer / "python" / "greeting.py").write_text("word = 'hello'\n")
    (layer / "wrapper").write_text(WRAPPER)
    (layer / "wrapper").chmod(0o755)
    spec = harness.spec({"app.py": source, "index.js": source}, runtime=runtime, handler=handler, layers=(layer,))
    outcome = harness.invoke(
        harness.with_variables(spec, AWS_LAMBDA_EXEC_WRAPPER="/opt/wrapper"), call(timeout_s=PATIENCE_S)
    )[0]
    assert answer(outcome) == ["2" if runtime.startswith("python") else "3", "hello"]


def test_a_wrapper_that_is_not_there_is_an_exit_error(harness: Harness) -> None:
    spec = harness.with_variables(harness.spec("def handler(*_): pass"), AWS_LAMBDA_EXEC_WRAPPER="/not/there")
    outcome = harness.invoke(spec, call())[0]
    message = json.loads(outcome.payload)["errorMessage"]
    assert message == "RequestId: r-1 Error: Runtime exited with error: exit status 127"


def test_the_environment_is_told_where_everything_is(harness: Harness) -> None:
    names = (
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
        "PATH",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "TZ",
        "LANG",
        "_HANDLER",
    )
    source = f"import os\ndef handler(event, context):\n    return [os.environ[name] for name in {names}]\n"
    assert answer(harness.once(source)) == [
        "/var/task",
        "/var/runtime",
        "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        "/var/runtime",
        ":UTC",
        "en_US.UTF-8",
        "app.handler",
    ]


def test_a_python_of_the_very_version_is_preferred_and_else_fogbanks_own_runs_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    broken = programs / "python3.8"
    broken.write_text("#!/bin/sh\nexit 1\n")
    fitting = programs / "python3.9"
    fitting.write_text("#!/bin/sh\necho /where/it/is\necho 3.9\n")
    for file in (broken, fitting):
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    interpreters = Interpreters(tmp_path)

    async def found(runtime: str) -> str:
        await interpreters.prepare(runtime)
        return interpreters.python(runtime)

    async def work() -> list[str]:
        return [await found(f"python3.{minor}") for minor in (8, 9)]

    assert asyncio.run(work()) == [sys.executable, "/where/it/is"]


@pytest.mark.parametrize(
    ("runtime", "named"),
    [("nodejs22.x", "Node.js"), ("java21", "a JDK .* of version 21 or newer"), ("ruby3.3", "there are")],
)
def test_a_runtime_that_the_machine_cannot_run_is_refused_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, named: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("fogbank.engines.compute.interpreters._JDKS", ())
    with pytest.raises(RuntimeUnavailable, match=f"runtime {runtime} .*{named}"):
        Interpreters(tmp_path).check(runtime)
