# mypy: allow-untyped-defs, allow-untyped-calls
"""The Python runtime: loads a handler and serves the Lambda Runtime API with it. Standard library only.

This file runs inside function processes, under whatever Python version they have, and imports nothing of
Fogbank.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import importlib
import json
import logging
import os
import re
import socket
import sys
import time
import traceback

API = "/2018-06-01/runtime"


class Client:
    """One kept-alive HTTP connection to the Runtime API."""

    def __init__(self, address):
        host, _, port = address.partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb", 65536)
        self._host = address

    def request(self, method, path, body=b"", error_type=None):
        head = f"{method} {API}{path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n"
        if error_type is not None:
            head += f"Lambda-Runtime-Function-Error-Type: {error_type}\r\n"
        self._socket.sendall(head.encode() + b"\r\n" + body)
        status = self._file.readline()
        if not status:
            os._exit(0)  # The server is gone, and with it the reason to be here.
        headers = {}
        while (line := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        answer = self._file.read(int(headers.get("content-length", "0")))
        return int(status.split()[1]), headers, answer


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, identity):
        self.cognito_identity_id = identity.get("cognitoIdentityId")
        self.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")

    def __repr__(self):
        return (
            f"CognitoIdentity([cognito_identity_id={self.cognito_identity_id},"
            f"cognito_identity_pool_id={self.cognito_identity_pool_id}])"
        )


class ClientInfo:
    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")

    def __init__(self, client):
        for name in self.__slots__:
            setattr(self, name, client.get(name))


class ClientContext:
    __slots__ = ("client", "custom", "env")

    def __init__(self, document):
        self.custom = document.get("custom")
        self.env = document.get("env")
        client = document.get("client")
        self.client = ClientInfo(client) if client else None


class Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, headers):
        environment = os.environ
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.function_name = environment.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = environment.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environment.get("AWS_LAMBDA_LOG_STREAM_NAME")
        client_context = headers.get("lambda-runtime-client-context")
        self.client_context = ClientContext(json.loads(client_context)) if client_context else None
        self.identity = CognitoIdentity(json.loads(headers.get("lambda-runtime-cognito-identity") or "{}"))
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message):
        for line in str(message).splitlines() or [""]:
            sys.stdout.write(line + "\n")


class InitError(Exception):
    """The handler cannot be loaded; `error_type` is AWS's name for why."""

    def __init__(self, error_type, message, trace=()):
        super().__init__(message)
        self.error_type = error_type
        self.trace = list(trace)


def write_record(text):
    """Write a log record in a frame, which keeps its lines together on the way."""
    message = text.encode("utf-8", "replace")
    frame = memoryview(b"\xa5\x5a\x00\x01" + len(message).to_bytes(4, "big") + message)
    sys.stdout.flush()
    while frame:
        frame = frame[os.write(1, frame) :]


class LogHandler(logging.Handler):
    """Records as AWS formats them."""

    request_id = ""

    def __init__(self):
        super().__init__()
        formatter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
        )
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record):
        record.aws_request_id = self.request_id
        write_record(self.format(record))


class JsonLogHandler(LogHandler):
    """https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html, structured logs."""

    def emit(self, record):
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        document = {"timestamp": moment, "level": record.levelname, "message": record.getMessage()}
        document["logger"] = record.name
        document["requestId"] = self.request_id
        if record.exc_info and record.exc_info[0] is not None:
            document["errorType"] = record.exc_info[0].__name__
            document["errorMessage"] = str(record.exc_info[1])
            document["stackTrace"] = traceback.format_tb(record.exc_info[2])
        write_record(json.dumps(document) + "\n")


def load_handler(handler):
    """The function that `handler` names, as `package/module.function`."""
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise InitError(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise InitError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise InitError(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace
        ) from error
    found = getattr(module, function_name, None)
    if found is None:
        raise InitError("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return found


def own_frames_removed(error):
    """The traceback without this file's frames; the function's files lie in /var/task, as on AWS."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    frames = [frame for frame in frames if not frame.filename.startswith("<frozen importlib")]
    root = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    return [text.replace(f'File "{root}/', 'File "/var/task/') for text in traceback.format_list(frames)]


def report(client, path, error_type, message, trace, request_id):
    """Log an error as AWS does and hand it to the Runtime API."""
    lines = [f"[ERROR] {error_type}: {message}" if message else f"[ERROR] {error_type}"]
    if trace:
        lines.append("Traceback (most recent call last):")
        # Indents are of spaces that no viewer of logs drops.
        lines += [re.sub("^ +", lambda match: "\xa0" * len(match[0]), line) for line in "".join(trace).splitlines()]
    sys.stderr.flush()
    write_record("\n".join(lines))
    document = {"errorMessage": message, "errorType": error_type}
    if request_id is not None:
        document["requestId"] = request_id
    document["stackTrace"] = trace
    client.request("POST", path, json.dumps(document).encode(), error_type)


def to_json(value):
    def fallback(unknown):
        from decimal import Decimal

        if isinstance(unknown, Decimal):
            return float(unknown)
        raise TypeError(f"Object of type {type(unknown).__name__} is not JSON serializable")

    return json.dumps(value, default=fallback, ensure_ascii=False).encode()


def serve(handler_name):
    """Load the handler, then answer invocations until the process is ended."""
    client = Client(os.environ["AWS_LAMBDA_RUNTIME_API"])
    wants_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "Text") == "JSON"
    log_handler = JsonLogHandler() if wants_json else LogHandler()
    logging.getLogger().addHandler(log_handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL")
    if level:
        logging.getLogger().setLevel({"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(level, level))
    try:
        handler = load_handler(handler_name)
    except InitError as error:
        report(client, "/init/error", error.error_type, str(error), error.trace, "")
        os._exit(1)
    except Exception as error:  # Whatever the user's module raises while it is imported.
        report(client, "/init/error", type(error).__name__, str(error), own_frames_removed(error), "")
        os._exit(1)
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        wait_for_restore(client)
    while True:
        status, headers, body = client.request("GET", "/invocation/next")
        if status != 200:
            os._exit(1)
        request_id = log_handler.request_id = headers["lambda-runtime-aws-request-id"]
        if "lambda-runtime-trace-id" in headers:
            os.environ["_X_AMZN_TRACE_ID"] = headers["lambda-runtime-trace-id"]
        run(client, handler, headers, body, request_id)


def wait_for_restore(client):
    """What the function has to do before a snapshot is taken and after it is restored.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
    """
    hooks = sys.modules.get("snapshot_restore_py")
    before = reversed(hooks.get_before_snapshot()) if hooks else ()
    after = hooks.get_after_restore() if hooks else ()
    run_hooks(client, before, "/init/error", "Runtime.BeforeSnapshotError")
    sys.stdout.flush()
    sys.stderr.flush()
    client.request("GET", "/restore/next")
    run_hooks(client, after, "/restore/error", "Runtime.AfterRestoreError")


def run_hooks(client, hooks, path, error_type):
    try:
        for function, arguments, named in hooks:
            function(*arguments, **named)
    except Exception as error:  # Whatever the user's hook raises.
        report(client, path, error_type, str(error), own_frames_removed(error), "")
        os._exit(1)


def run(client, handler, headers, body, request_id):
    path = f"/invocation/{request_id}"
    try:
        try:
            event = json.loads(body)
        except ValueError as error:
            message = f"Unable to unmarshal input: {error}"
            report(client, f"{path}/error", "Runtime.UnmarshalError", message, [], request_id)
            return
        answer = handler(event, Context(headers))
    except Exception as error:  # Whatever the user's handler raises is its answer.
        report(client, f"{path}/error", type(error).__name__, str(error), own_frames_removed(error), request_id)
        return
    try:
        document = to_json(answer)
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        report(client, f"{path}/error", "Runtime.MarshalError", message, [], request_id)
        return
    sys.stdout.flush()
    sys.stderr.flush()
    client.request("POST", f"{path}/response", document)
