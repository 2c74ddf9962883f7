"""Functions in JavaScript."""

import asyncio
import json
import shutil
from typing import Any

import pytest

from fogbank.engines.compute.interface import Environment, Outcome
from fogbank.engines.compute.response_stream import ResponseStream
from tests.engines.compute.harness import ARN, Harness, answer, call
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def once(harness: Harness, files: str | dict[str, str], payload: Any = None, **options: Any) -> Outcome:
    sources = {"index.js": files} if isinstance(files, str) else files
    options = {"runtime": "nodejs20.x", "handler": "index.handler"} | options
    return harness.once(sources, call(payload, timeout_s=PATIENCE_S), **options)


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"index.js": "exports.handler = async (event) => ({ echo: event });"}, "index.handler"),
        (
            {"index.js": "exports.handler = (event, context, callback) => callback(null, { echo: event });"},
            "index.handler",
        ),
        ({"index.js": "exports.handler = (event, context) => context.succeed({ echo: event });"}, "index.handler"),
        ({"index.mjs": "export const handler = async (event) => ({ echo: event });"}, "index.handler"),
        ({"index.cjs": "exports.handler = async (event) => ({ echo: event });"}, "index.handler"),
        (
            {
                "package.json": '{"type": "module"}',
                "src/app.js": "export const a = { b: async (event) => ({ echo: event }) };",
            },
            "src/app.a.b",
        ),
    ],
    ids=["async", "callback", "succeed", "mjs", "cjs", "module in a folder"],
)
def test_a_handler_answers_however_it_is_written(harness: Harness, files: dict[str, str], handler: str) -> None:
    assert answer(once(harness, files, {"a": "é"}, handler=handler)) == {"echo": {"a": "é"}}


def test_an_answer_by_callback_waits_until_nothing_is_left_to_do(harness: Harness) -> None:
    source = (
        "exports.handler = (event, context, callback) => {\n"
        "  setTimeout(() => console.log('late'), 50);\n"
        "  callback(null, 1);\n"
        "};\n"
    )
    assert answer(once(harness, source)) == 1
    assert [line.split("\t")[1:] for line in harness.said()] == [["r-1", "INFO", "late"]]


def test_a_handler_that_answers_nothing_answers_null(harness: Harness) -> None:
    assert answer(once(harness, "exports.handler = () => {};")) is None


def test_the_console_is_the_log_with_time_request_and_level(harness: Harness) -> None:
    source = (
        "console.log('loading');\n"
        "exports.handler = async () => { console.warn('a\\nb', { c: 1 }); console.error('%d', 3); };\n"
    )
    once(harness, source)
    assert [line.split("\t")[1:] for line in harness.said()] == [
        ["undefined", "INFO", "loading"],
        ["r-1", "WARN", "a\nb { c: 1 }"],
        ["r-1", "ERROR", "3"],
    ]


def test_the_console_is_in_json_if_the_function_wants_that_and_of_its_level(harness: Harness) -> None:
    source = (
        "exports.handler = async () => {\n"
        "  console.debug('not this');\n"
        "  console.info({ order: 7 });\n"
        "  console.error('failed', new RangeError('far'));\n"
        "};\n"
    )
    environment = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
    once(harness, source, environment=environment)
    info, error = map(json.loads, harness.said())
    assert (info["level"], info["requestId"], info["message"]) == ("INFO", "r-1", {"order": 7})
    assert (error["errorType"], error["errorMessage"]) == ("RangeError", "far")
    assert error["stackTrace"][0] == "RangeError: far"


@pytest.mark.parametrize(
    ("source", "handler", "ending", "error_type", "message"),
    [
        (
            "exports.handler = async () => { throw new RangeError('no'); };",
            "index.handler",
            "failed",
            "RangeError",
            "no",
        ),
        ("exports.handler = (e, c, callback) => callback('no');", "index.handler", "failed", "string", "no"),
        (
            "exports.handler = 3;",
            "index.handler",
            "init_failed",
            "Runtime.HandlerNotFound",
            "index.handler is not a function",
        ),
        ("", "index.gone", "init_failed", "Runtime.HandlerNotFound", "index.gone is undefined or not exported"),
        ("", "index", "init_failed", "Runtime.MalformedHandlerName", "Bad handler"),
        (
            "exports.handler = ;",
            "index.handler",
            "init_failed",
            "Runtime.UserCodeSyntaxError",
            "SyntaxError: Unexpected token ';'",
        ),
        ("throw new TypeError('early');", "index.handler", "init_failed", "TypeError", "early"),
        (
            "exports.handler = () => new Promise(() => { Promise.reject(new Error('lost')); });",
            "index.handler",
            "failed",
            "Runtime.UnhandledPromiseRejection",
            "Error: lost",
        ),
        (
            "exports.handler = () => new Promise(() => setTimeout(() => { throw new Error('loose'); }));",
            "index.handler",
            "failed",
            "Error",
            "loose",
        ),
    ],
)
def test_an_error_has_its_name_and_its_message(
    harness: Harness, source: str, handler: str, ending: str, error_type: str, message: str
) -> None:
    outcome = once(harness, source, handler=handler)
    document = json.loads(outcome.payload)
    assert (outcome.ending, document["errorType"], document["errorMessage"]) == (ending, error_type, message)
    assert isinstance(document["trace"], list)


def test_a_module_that_is_not_there_is_an_import_error(harness: Harness) -> None:
    outcome = once(harness, "require('nothing-like-this');")
    document = json.loads(outcome.payload)
    assert document["errorType"] == "Runtime.ImportModuleError"
    assert document["errorMessage"].startswith("Error: Cannot find module 'nothing-like-this'\nRequire stack:")


def test_what_needs_webassembly_has_room_for_it(harness: Harness) -> None:
    source = (
        "exports.handler = async () => {\n"
        "  const missing = await fetch(`http://${process.env.AWS_LAMBDA_RUNTIME_API}/nothing`);\n"
        "  return [missing.status, new WebAssembly.Memory({ initial: 1 }).buffer.byteLength];\n"
        "};\n"
    )
    assert answer(once(harness, source, memory_mb=128)) == [404, 65_536]


def test_the_context_has_what_the_programming_model_promises(harness: Harness) -> None:
    source = (
        "exports.handler = async (event, context) => [context.awsRequestId, context.invokedFunctionArn,\n"
        "  context.getRemainingTimeInMillis() > 1000, process.env.STAGE, context.callbackWaitsForEmptyEventLoop];\n"
    )
    assert answer(once(harness, source)) == ["r-1", ARN, True, "test", True]


def test_a_layer_brings_packages(harness: Harness) -> None:
    package = harness.folder / "layer" / "nodejs" / "node_modules" / "greeting"
    package.mkdir(parents=True)
    (package / "index.js").write_text("module.exports = 'hello';")
    source = "exports.handler = async () => require('greeting');"
    assert answer(once(harness, source, layers=(harness.folder / "layer",))) == "hello"


def test_handlers_with_callbacks_are_gone_in_node_24(harness: Harness) -> None:
    source = "exports.handler = (event, context, callback) => callback(null, 1);"
    options = {"runtime": "nodejs24.x", "environment": {"AWS_EXECUTION_ENV": "AWS_Lambda_nodejs24.x"}}
    outcome = once(harness, source, **options)
    assert json.loads(outcome.payload)["errorType"] == "Runtime.CallbackHandlerDeprecated"


STREAMING = "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {\n%s\n});"


def streamed(harness: Harness, body: str) -> tuple[bytes, str, Outcome]:
    async def work(environment: Environment) -> Any:
        stream = ResponseStream()
        running = asyncio.ensure_future(environment.invoke(call(3, timeout_s=PATIENCE_S, stream=stream)))
        chunks = [chunk async for chunk in stream]
        return b"".join(chunks), stream.content_type, await running

    spec = harness.spec({"index.js": STREAMING % body}, runtime="nodejs20.x", handler="index.handler")
    found: tuple[bytes, str, Outcome] = harness.with_environment(spec, work)
    return found


def test_an_answer_is_streamed(harness: Harness) -> None:
    body = (
        "stream.setContentType('text/plain');\n"
        "for (let i = 0; i < event; i++) stream.write('x'.repeat(100000));\n"
        "stream.end();\n"
    )
    answered, content_type, outcome = streamed(harness, body)
    assert (len(answered), content_type, outcome.ending) == (300_000, "text/plain", "answered")


def test_an_answer_of_http_has_its_status_and_headers_before_it(harness: Harness) -> None:
    body = "stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); stream.write('hi'); stream.end();"
    answered, content_type, _ = streamed(harness, body)
    assert answered == b'{"statusCode":201}' + bytes(8) + b"hi"
    assert content_type == "application/vnd.awslambda.http-integration-response"


def test_an_error_in_the_middle_of_a_stream_is_the_outcome(harness: Harness) -> None:
    answered, _, outcome = streamed(harness, "stream.write('begun'); await 0; throw new RangeError('far');")
    assert (answered, outcome.ending) == (b"begun", "failed")
    assert json.loads(outcome.payload)["errorType"] == "RangeError"


def test_a_streamed_answer_is_whole_for_who_does_not_read_a_stream(harness: Harness) -> None:
    outcome = once(harness, STREAMING % "stream.write('{\"a\":'); stream.write('1}'); stream.end();")
    assert answer(outcome) == {"a": 1}
