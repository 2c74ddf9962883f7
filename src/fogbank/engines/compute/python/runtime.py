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
LETTER_BYTES_MAX = 64 << 10


class Client:
    """One kept-alive HTTP connection to the Runtime API."""

    def __init__(self, address):
        host, _, port = address.partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb", 65536)
        self._host = address

    def request(self, method, path, body=b"", error_type=None):
        self.send(method, path, body, error_type)
        return self._answer()

    def send(self, method, path, body=b"", error_type=None):
        self._socket.sendall(self._encoded(method, path, body, error_type))

    def end_and_wait(self, path, body, error_type):
        """Answer an invocation and ask for the next one, in one go."""
        end = self._encoded("POST", path, body, error_type)
        self._socket.sendall(end + self._encoded("GET", "/invocation/next", b"", None))
        self._answer()
        return self._answer()

    def _encoded(self, method, path, body, error_type):
        head = f"{method} {API}{path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n"
        if error_type is not None:
            head += f"Lambda-Runtime-Function-Error-Type: {error_type}\r\n"
        return head.encode() + b"\r\n" + body

    def _answer(self):
        status = self._file.readline()
        if not status:
            os._exit(0)  # The server is gone, and with it the reason to be here.
        headers = {}
        while (line := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("utf-8").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self._file.read(int(headers.get("content-length", "0")))
        return int(status.split()[1]), headers, body


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

    def error(self, error_type, message, trace, request_id):
        """Log what ends an invocation or an initialization."""
        lines = [f"[ERROR] {error_type}: {message}" if message else f"[ERROR] {error_type}"]
        if trace:
            lines.append("Traceback (most recent call last):")
            # Indents are of spaces that no viewer of logs drops.
            lines += [re.sub("^ +", lambda match: "\xa0" * len(match[0]), line) for line in "".join(trace).splitlines()]
        write_record("\n".join(lines))


class JsonLogHandler(LogHandler):
    """https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html, structured logs."""

    def emit(self, record):
        structured = isinstance(record.msg, dict) and not record.args
        document = {
            "timestamp": timestamp(record.created),
            "level": record.levelname,
            "message": record.msg if structured else record.getMessage(),
            "logger": record.name,
            "requestId": self.request_id,
        }
        if record.exc_info and record.exc_info[0] is not None:
            document["errorType"] = record.exc_info[0].__name__
            document["errorMessage"] = str(record.exc_info[1])
            document["stackTrace"] = traceback.format_tb(record.exc_info[2])
            document["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        # What the function gave as `extra`.
        for name, value in record.__dict__.items():
            if name not in STANDARD_ATTRIBUTES:
                document.setdefault(name, value)
        write_record(json.dumps(document, default=str, ensure_ascii=False) + "\n")

    def error(self, error_type, message, trace, request_id):
        document = {"timestamp": timestamp(time.time()), "level": "ERROR"}
        document.update(error_document(error_type, message, trace, request_id))
        write_record(json.dumps(document, ensure_ascii=False))


STANDARD_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


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


def be_forked(letterbox):
    """Stand still in one call, in which carrying.py forks this process; what each fork finds in its letterbox."""
    import ctypes

    python, library = ctypes.pythonapi, ctypes.PyDLL(None)
    letter = ctypes.create_string_buffer(LETTER_BYTES_MAX)
    python.PyOS_BeforeFork()
    size = library.recv(letterbox, letter, LETTER_BYTES_MAX, 0)
    python.PyOS_AfterFork_Child()
    if size <= 0:
        os._exit(0)  # Nobody will fork it any more.
    os.close(letterbox)
    return letter.raw[:size]


def own_frames_removed(error):
    """The traceback without this file's frames; the function's files lie in /var/task, as on AWS."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    frames = [frame for frame in frames if not frame.filename.startswith("<frozen importlib")]
    root = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    return [text.replace(f'File "{root}/', 'File "/var/task/') for text in traceback.format_list(frames)]


def error_document(error_type, message, trace, request_id):
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": trace}


def to_json(value):
    def fallback(unknown):
        from decimal import Decimal

        if isinstance(unknown, Decimal):
            return float(unknown)
        raise TypeError(f"Object of type {type(unknown).__name__} is not JSON serializable")

    return json.dumps(value, default=fallback, ensure_ascii=False).encode()


def serve(handler_name, letterbox=None):
    """Load the handler, then answer invocations until the process is ended.

    With a letterbox, a descriptor, this is the process that forks are made of: they go on with a letter each.
    """
    try:
        Runtime(letterbox).serve(handler_name)
    except SystemExit as leaving:
        sys.stdout.flush()
        sys.stderr.flush()
        code = leaving.code
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


class Runtime:
    """What a handler is called with, and where its answers go."""

    def __init__(self, letterbox=None):
        self._letterbox = letterbox
        self._client = Client(os.environ["AWS_LAMBDA_RUNTIME_API"])
        wants_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "Text") == "JSON"
        self._log = JsonLogHandler() if wants_json else LogHandler()
        logging.getLogger().addHandler(self._log)
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL")
        if level:
            logging.getLogger().setLevel({"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(level, level))

    def serve(self, handler_name):
        try:
            handler = load_handler(handler_name)
        except InitError as error:
            self._give_up("/init/error", error.error_type, str(error), error.trace)
        except Exception as error:  # Whatever the user's module raises while it is imported.
            self._give_up("/init/error", type(error).__name__, str(error), own_frames_removed(error))
        if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
            self._wait_for_restore()
        status, headers, body = self._client.request("GET", "/invocation/next")
        while status == 200:
            request_id = self._log.request_id = headers["lambda-runtime-aws-request-id"]
            if "lambda-runtime-trace-id" in headers:
                os.environ["_X_AMZN_TRACE_ID"] = headers["lambda-runtime-trace-id"]
            end, document, error_type = self._run(handler, headers, body, request_id)
            sys.stdout.flush()
            sys.stderr.flush()
            path = f"/invocation/{request_id}/{end}"
            status, headers, body = self._client.end_and_wait(path, document, error_type)
        os._exit(1)

    def _run(self, handler, headers, body, request_id):
        """How the invocation ends: with a response or an error, the document, and the type of an error."""
        try:
            try:
                event = json.loads(body)
            except ValueError as error:
                return self._failed("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}", [], request_id)
            answer = handler(event, Context(headers))
        except Exception as error:  # Whatever the user's handler raises is its answer.
            return self._failed(type(error).__name__, str(error), own_frames_removed(error), request_id)
        try:
            return "response", to_json(answer), None
        except (TypeError, ValueError) as error:
            return self._failed("Runtime.MarshalError", f"Unable to marshal response: {error}", [], request_id)

    def _failed(self, error_type, message, trace, request_id):
        sys.stderr.flush()
        self._log.error(error_type, message, trace, request_id)
        return "error", json.dumps(error_document(error_type, message, trace, request_id)).encode(), error_type

    def _give_up(self, path, error_type, message, trace):
        """Report an error outside of invocations, and end."""
        _, document, _ = self._failed(error_type, message, trace, "")
        self._client.request("POST", path, document, error_type)
        os._exit(1)

    def _wait_for_restore(self):
        """What the function has to do before a snapshot is taken and after it is restored.

        https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
        """
        hooks = sys.modules.get("snapshot_restore_py")
        before = reversed(hooks.get_before_snapshot()) if hooks else ()
        after = hooks.get_after_restore() if hooks else ()
        self._run_hooks(before, "/init/error", "Runtime.BeforeSnapshotError")
        sys.stdout.flush()
        sys.stderr.flush()
        if self._letterbox is not None:
            self._client.send("GET", "/restore/next")
            os.environ.update(json.loads(be_forked(self._letterbox)))
            self._client = Client(os.environ["AWS_LAMBDA_RUNTIME_API"])
        self._client.request("GET", "/restore/next")
        self._run_hooks(after, "/restore/error", "Runtime.AfterRestoreError")

    def _run_hooks(self, hooks, path, error_type):
        try:
            for function, arguments, named in hooks:
                function(*arguments, **named)
        except Exception as error:  # Whatever the user's hook raises.
            self._give_up(path, error_type, str(error), own_frames_removed(error))
