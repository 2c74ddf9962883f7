"""Extensions, external and internal, and who hears the log."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from fogbank.engines.compute.interface import Environment
from tests.engines.compute.harness import ARN, NOW, Harness, answer, call
from tests.patience import PATIENCE_S

# What the extensions of these tests have in common: requests, and registration.
COMMON = f"""#!{os.path.realpath(sys.executable)}
import http.client, http.server, json, os, sys, threading
API = os.environ["AWS_LAMBDA_RUNTIME_API"]
NAME = os.path.basename(sys.argv[0])
def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(API)
    named = {{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, path, json.dumps(body) if body is not None else None, named)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, dict(answer.headers), json.loads(text) if text else None
def register(*events, name=NAME):
    status, headers, answer = ask("POST", "/2020-01-01/extension/register", {{"events": events}},
        Lambda_Extension_Name=name, Lambda_Extension_Accept_Feature="accountId")
    return headers.get("Lambda-Extension-Identifier"), status, answer
def next_event(identifier):
    return ask("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=identifier)[2]
"""

FOLLOWER = """
me, status, answer = register("INVOKE", "SHUTDOWN")
print("registered", status, json.dumps(answer), flush=True)
while True:
    event = next_event(me)
    print("event", json.dumps(event), flush=True)
    if event["eventType"] == "SHUTDOWN":
        sys.exit(0)
"""

HANDLER = "def handler(event, context):\n    print('handled')\n    return event\n"


def layer(harness: Harness, **extensions: str) -> Path:
    folder = harness.folder / "layer" / "extensions"
    folder.mkdir(parents=True)
    for name, source in extensions.items():
        (folder / name).write_text(COMMON + source)
        (folder / name).chmod(0o755)
    return folder.parent


def events(harness: Harness) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("event ")) for line in harness.said() if line.startswith("event ")]


def test_an_external_extension_hears_of_every_invocation_and_of_the_end(harness: Harness) -> None:
    spec = harness.spec(HANDLER, layers=(layer(harness, follower=FOLLOWER),), account="000000000000")
    invocation = call(1, trace_id="Root=1", timeout_s=PATIENCE_S)

    async def work(environment: Environment) -> None:
        assert answer(await environment.invoke(invocation)) == 1
        environment.destroy()
        await environment.until_removed()

    harness.with_environment(spec, work)
    registered = {"functionName": "f", "functionVersion": "$LATEST", "handler": "app.handler", "accountId": "0" * 12}
    assert f"registered 200 {json.dumps(registered)}" in harness.said()
    assert "EXTENSION\tName: follower\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n" in harness.log
    invoke, shutdown = events(harness)
    assert invoke["deadlineMs"] > 0
    assert {name: invoke[name] for name in ("eventType", "requestId", "invokedFunctionArn", "tracing")} == {
        "eventType": "INVOKE",
        "requestId": "r-1",
        "invokedFunctionArn": ARN,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1"},
    }
    assert (shutdown["eventType"], shutdown["shutdownReason"]) == ("SHUTDOWN", "spindown")


def test_an_invocation_ends_when_every_extension_is_ready_again(harness: Harness) -> None:
    source = "import time\nme, *_ = register('INVOKE')\nnext_event(me)\ntime.sleep(0.3)\nnext_event(me)\n"
    outcome = harness.once(HANDLER, call(1, timeout_s=PATIENCE_S), layers=(layer(harness, slow=source),))
    assert answer(outcome) == 1
    assert outcome.duration_ms >= 300


def test_after_a_time_out_extensions_are_told_and_start_again_with_the_next_invocation(harness: Harness) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(event)\n"
    spec = harness.spec(source, layers=(layer(harness, follower=FOLLOWER),))
    first, second = harness.invoke(spec, call(60, timeout_s=1), call(0, timeout_s=PATIENCE_S))
    assert (first.ending, second.ending) == ("timed_out", "answered")
    heard = [event.get("shutdownReason", event["eventType"]) for event in events(harness)]
    assert heard[:3] == ["INVOKE", "timeout", "INVOKE"]


@pytest.mark.parametrize(
    ("source", "error_type", "reason"),
    [
        ("sys.exit(3)", "Extension.Crash", "exit status 3"),
        ("me, *_ = register('INVOKE'); next_event(me); sys.exit(4)", "Extension.Crash", "exit status 4"),
        (
            "me, *_ = register('INVOKE')\nask('POST', '/2020-01-01/extension/init/error',"
            " Lambda_Extension_Identifier=me, Lambda_Extension_Function_Error_Type='Extension.NoConfig')",
            "Extension.InitError",
            "Extension.NoConfig",
        ),
        (
            "me, *_ = register('INVOKE'); next_event(me)\nask('POST', '/2020-01-01/extension/exit/error',"
            " Lambda_Extension_Identifier=me, Lambda_Extension_Function_Error_Type='Extension.Tired')",
            "Extension.ExitError",
            "Extension.Tired",
        ),
    ],
    ids=["exits early", "exits in an invocation", "init error", "exit error"],
)
def test_an_extension_that_fails_fails_the_invocation(
    harness: Harness, source: str, error_type: str, reason: str
) -> None:
    outcome = harness.once(HANDLER, call(timeout_s=PATIENCE_S), layers=(layer(harness, bad=source),))
    assert outcome.ending == "exited"
    document = {"errorType": error_type, "errorMessage": f"RequestId: r-1 Error: {reason}"}
    assert json.loads(outcome.payload) == document


INTERNAL = COMMON.partition("\n")[2] + (
    "me, status, answer = register('INVOKE', name='inner')\n"
    "heard = []\n"
    "def follow():\n"
    "    while True:\n"
    "        heard.append(next_event(me)['eventType'])\n"
    "threading.Thread(target=follow, daemon=True).start()\n"
    "refused = register('SHUTDOWN', name='other')[1:]\n"
    "def handler(event, context):\n"
    "    late = register('INVOKE', name='late')[1:]\n"
    "    return [heard, refused, late]\n"
)


def test_an_internal_extension_is_a_part_of_the_runtime_and_hears_of_invocations_only(harness: Harness) -> None:
    spec = harness.spec(INTERNAL)
    _, second = harness.invoke(spec, call(timeout_s=PATIENCE_S), call(request_id="r-2", timeout_s=PATIENCE_S))
    heard, refused, late = answer(second)
    assert heard[0] == "INVOKE"
    assert (refused[0], refused[1]["errorType"]) == (403, "Extension.InvalidEventType")
    assert (late[0], late[1]["errorType"]) == (403, "Extension.RegistrationClosed")


LISTENER = """
me, *_ = register("INVOKE", "SHUTDOWN")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for item in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            if item["type"] != "extension":
                print("told", json.dumps(item), flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("0.0.0.0", 8089), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
status, _, answer = ask("PUT", PATH, {"schemaVersion": SCHEMA, "types": ["platform", "function"],
    "buffering": {"timeoutMs": 25}, "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8089/"}},
    Lambda_Extension_Identifier=me)
print("subscribed", status, json.dumps(answer), flush=True)
while next_event(me)["eventType"] != "SHUTDOWN":
    pass
"""


@pytest.mark.parametrize(
    ("path", "schema", "own"),
    [
        ("/2022-07-01/telemetry", "2022-12-13", "platform.telemetrySubscription"),
        ("/2020-08-15/logs", "2021-03-18", "platform.logsSubscription"),
    ],
)
def test_an_extension_that_has_subscribed_is_sent_what_the_platform_and_the_function_say(
    harness: Harness, path: str, schema: str, own: str
) -> None:
    source = f"PATH, SCHEMA = {path!r}, {schema!r}\n{LISTENER}"
    spec = harness.spec(HANDLER, layers=(layer(harness, listener=source),))

    async def work(environment: Environment) -> None:
        assert answer(await environment.invoke(call(1, timeout_s=PATIENCE_S))) == 1
        environment.destroy()
        await environment.until_removed()

    harness.with_environment(spec, work)
    assert 'subscribed 200 "OK"' in harness.said()
    told = [json.loads(line.removeprefix("told ")) for line in harness.said() if line.startswith("told ")]
    types = [item["type"] for item in told]
    ends = ["platform.end"] if "logs" in path else []
    assert types == [
        "platform.initStart",
        own,
        "platform.extension",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.start",
        "function",
        "platform.runtimeDone",
        *ends,
        "platform.report",
    ]
    assert told[6]["record"] == "handled\n"
    assert re.fullmatch(NOW, told[5]["time"])
    assert told[5]["record"] == {"requestId": "r-1", "version": "$LATEST"}
    assert told[-1]["record"]["status"] == "success"
    assert set(told[-1]["record"]["metrics"]) >= {"durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB"}


HOSTILE_LISTENER = """
import socket
me, *_ = register("INVOKE")
server = socket.create_server(("127.0.0.1", 8089))
def flood():
    while True:
        connection, _ = server.accept()
        try:
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            connection.close()
threading.Thread(target=flood, daemon=True).start()
def subscribe(destination, **buffering):
    return ask("PUT", "/2022-07-01/telemetry", {"schemaVersion": "2022-12-13", "types": ["platform", "function"],
        "buffering": {"timeoutMs": 25, **buffering}, "destination": destination}, Lambda_Extension_Identifier=me)[0]
wrong = [subscribe({"protocol": "TCP", "port": 99999}), subscribe({"protocol": "TCP", "port": 8089}, maxItems=1000.5)]
right = [subscribe({"protocol": "HTTP", "URI": "http://sandbox.localdomain:8089/"}) for _ in range(200)]
print("answered", json.dumps([*wrong, right[-1]]), flush=True)
while True:
    next_event(me)
"""


def test_a_listener_that_answers_without_an_end_or_subscribes_all_the_time_holds_nobody_up(harness: Harness) -> None:
    spec = harness.spec(HANDLER, layers=(layer(harness, listener=HOSTILE_LISTENER),))
    calls = [call(number, timeout_s=PATIENCE_S) for number in range(3)]
    assert [answer(outcome) for outcome in harness.invoke(spec, *calls)] == [0, 1, 2]
    assert "answered [400, 400, 200]" in harness.said()
