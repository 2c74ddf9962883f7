"""The Lambda Runtime API of one environment.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

A runtime is in one of the states below; what it asks for in a state that does not allow it is refused:

    Started  -> Ready | InitError | RestoreReady (SnapStart: its client waits to be restored)
    RestoreReady -> Restoring -> Ready | RestoreError
    Ready    -> Running (when there is an invocation; the client's `next` is answered)
    Running  -> InvocationResponse (its answer is coming in) | InvocationErrorResponse -> ResponseSent
    ResponseSent -> Ready
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Literal, Protocol

from fogbank.engines.compute.http_api import Headers, Receiver, Request, Whole
from fogbank.engines.compute.interface import Invocation

PREFIX = "/2018-06-01/runtime"
# 6 MB and the 100 bytes that AWS's own message counts with: "6291556 bytes".
RESPONSE_BYTES_MAX = 6_291_556
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
STREAMED_BYTES_MAX = 200 << 20

State = Literal[
    "Started",
    "InitError",
    "RestoreReady",
    "Restoring",
    "RestoreError",
    "Ready",
    "Running",
    "InvocationResponse",
    "InvocationErrorResponse",
    "ResponseSent",
]
_ALLOWED: Mapping[State, tuple[State, ...]] = {
    "Started": ("Ready", "InitError", "RestoreReady"),
    "InitError": (),
    "RestoreReady": ("RestoreReady",),
    "Restoring": ("Ready", "RestoreError"),
    "RestoreError": (),
    # A client that lost its connection asks again.
    "Ready": ("Ready",),
    "Running": ("InvocationResponse", "InvocationErrorResponse"),
    "InvocationResponse": (),
    "InvocationErrorResponse": (),
    "ResponseSent": ("Ready",),
}

TOO_LARGE = (
    b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes).",'
    b'"errorType":"Function.ResponseSizeTooLarge"}'
)


class Listener(Protocol):
    """What an environment hears from its runtime."""

    def runtime_ready(self) -> None:
        """The runtime asks for an invocation."""

    def runtime_answered(self, payload: bytes, produced_bytes: int) -> None:
        """The runtime has answered the invocation."""

    def runtime_failed(self, payload: bytes, error_type: str) -> None:
        """The runtime has ended the invocation with an error document."""

    def runtime_init_failed(self, payload: bytes, error_type: str) -> None:
        """The runtime could not load the function, or not restore it."""

    def runtime_waits_for_restore(self) -> None:
        """The runtime has initialized the function and is ready for a snapshot."""


class RuntimeApi:
    """Serves one environment."""

    def __init__(self, listener: Listener, *, snap_start: bool) -> None:
        self._listener = listener
        self._snap_start = snap_start
        self._state: State = "Started"
        self._parked: Request | None = None
        self._snapshot: Request | None = None
        self._offered: tuple[Invocation, int] | None = None
        self._running: Invocation | None = None

    def reset(self) -> None:
        """A new runtime takes the place of one that has ended."""
        self._state = "Started"
        self._parked = self._snapshot = self._offered = self._running = None

    @property
    def waiting(self) -> bool:
        """Whether the runtime waits for an invocation."""
        return self._parked is not None

    @property
    def waits_for_restore(self) -> bool:
        return self._snapshot is not None

    def restore(self) -> None:
        """Have the runtime go on behind its snapshot."""
        assert self._snapshot is not None
        request, self._snapshot = self._snapshot, None
        self._state = "Restoring"
        request.answer(200)

    def offer(self, invocation: Invocation, deadline_ms: int) -> None:
        """Hand over the invocation, now or when the runtime asks for one."""
        self._offered = (invocation, deadline_ms)
        self._match()

    def _match(self) -> None:
        if self._parked is None or self._offered is None:
            return
        request, self._parked = self._parked, None
        (invocation, deadline_ms), self._offered = self._offered, None
        self._running, self._state = invocation, "Running"
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Content-Type": "application/json",
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
            "Lambda-Runtime-Client-Context": invocation.client_context,
            "Lambda-Runtime-Cognito-Identity": invocation.cognito_identity,
            "Lambda-Runtime-Aws-Tenant-Id": invocation.tenant_id,
        }
        request.answer(200, invocation.payload, headers)

    def receive(self, request: Request) -> Receiver:
        parts = request.path.removeprefix(PREFIX).strip("/").split("/")
        match (request.method, parts):
            case ("GET", ["invocation", "next"]):
                return Whole(lambda body, size: self._next(request), 0)
            case ("POST", ["invocation", request_id, "response"]):
                if request.headers.get("lambda-runtime-function-response-mode") == "streaming":
                    return self._streamed(request, request_id)
                return Whole(lambda body, size: self._response(request, request_id, body, size), RESPONSE_BYTES_MAX)
            case ("POST", ["invocation", request_id, "error"]):
                return Whole(lambda body, size: self._error(request, request_id, body), RESPONSE_BYTES_MAX)
            case ("POST", ["init", "error"]):
                return Whole(lambda body, size: self._init_error(request, body), RESPONSE_BYTES_MAX)
            case ("GET", ["restore", "next"]) if self._snap_start:
                return Whole(lambda body, size: self._restore_next(request), 0)
            case ("POST", ["restore", "error"]) if self._snap_start:
                return Whole(lambda body, size: self._restore_error(request, body), RESPONSE_BYTES_MAX)
            case _:
                return Whole(lambda body, size: no_such_path(request), 0)

    # ---- operations ---------------------------------------------------------------------------------------------

    def _next(self, request: Request) -> None:
        if not self._enter("Ready", request):
            return
        self._parked = request
        request.on_gone = self._gone
        self._listener.runtime_ready()
        self._match()

    def _response(self, request: Request, request_id: str, body: bytes, size: int) -> None:
        if not self._is_running(request, request_id) or not self._enter("InvocationResponse", request):
            return
        invocation = self._finished()
        mode = request.headers.get("lambda-runtime-function-response-mode")
        if mode is not None:
            request.refuse(400, "InvalidFunctionResponseMode", "Invalid function response mode")
            self._listener.runtime_failed(b"", "Runtime.InvalidResponseModeHeader")
        elif size > RESPONSE_BYTES_MAX:
            message = f"Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
            request.refuse(413, "RequestEntityTooLarge", message)
            self._listener.runtime_failed(TOO_LARGE % RESPONSE_BYTES_MAX, "Function.ResponseSizeTooLarge")
        else:
            request.accept()
            if invocation.stream is not None:
                invocation.stream.begin(request.headers.get("content-type", "application/json"))
                invocation.stream.feed(body)
                body = b""
            self._listener.runtime_answered(body, size)

    def _streamed(self, request: Request, request_id: str) -> Receiver:
        if not self._is_running(request, request_id) or not self._enter("InvocationResponse", request):
            return Whole(lambda body, size: None, 0)
        assert self._running is not None
        return _Streamed(self, request, self._running)

    def stream_ended(self, payload: bytes, produced_bytes: int, error_type: str | None) -> None:
        """Called by the receiver of a streamed answer."""
        if self._state != "InvocationResponse":
            return
        self._finished()
        if error_type is None:
            self._listener.runtime_answered(payload, produced_bytes)
        else:
            self._listener.runtime_failed(payload, error_type)

    def _error(self, request: Request, request_id: str, body: bytes) -> None:
        if not self._is_running(request, request_id) or not self._enter("InvocationErrorResponse", request):
            return
        self._finished()
        request.accept()
        self._listener.runtime_failed(body, error_type_of(request))

    def _init_error(self, request: Request, body: bytes) -> None:
        if self._enter("InitError", request):
            request.accept()
            self._listener.runtime_init_failed(body, error_type_of(request))

    def _restore_next(self, request: Request) -> None:
        if self._enter("RestoreReady", request):
            self._snapshot = request
            request.on_gone = self._gone
            self._listener.runtime_waits_for_restore()

    def _restore_error(self, request: Request, body: bytes) -> None:
        if self._enter("RestoreError", request):
            request.accept()
            self._listener.runtime_init_failed(body, error_type_of(request))

    # ---- states -------------------------------------------------------------------------------------------------

    def _enter(self, state: State, request: Request) -> bool:
        if state in _ALLOWED[self._state]:
            self._state = state
            return True
        message = (
            f"State transition from {self._state} to {state} failed for runtime. Error: State transition is not allowed"
        )
        request.refuse(403, "InvalidStateTransition", message)
        return False

    def _is_running(self, request: Request, request_id: str) -> bool:
        if self._running is not None and self._running.request_id == request_id:
            return True
        request.refuse(400, "InvalidRequestID", "Invalid request ID")
        return False

    def _finished(self) -> Invocation:
        assert self._running is not None
        invocation, self._running = self._running, None
        self._state = "ResponseSent"
        return invocation

    def _gone(self) -> None:
        self._parked = self._snapshot = None


class _Streamed:
    """Takes an answer that the function sends piece by piece.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
    """

    def __init__(self, api: RuntimeApi, request: Request, invocation: Invocation) -> None:
        self._api = api
        self._request = request
        self._stream = invocation.stream
        self._bytes = 0
        self._bytes_max = RESPONSE_BYTES_MAX if self._stream is None else STREAMED_BYTES_MAX
        self._chunks: list[bytes] = []
        if self._stream is not None:
            self._stream.begin(request.headers.get("content-type", "application/octet-stream"))

    def body(self, chunk: bytes) -> int:
        self._bytes += len(chunk)
        if self._bytes > self._bytes_max:
            return 0
        if self._stream is None:
            self._chunks.append(chunk)
            return len(chunk)
        self._stream.feed(chunk)
        if self._stream.full(self._request.resume):
            self._request.pause()
        return 0

    def complete(self, trailers: Headers) -> None:
        if self._bytes > self._bytes_max:
            message = f"Exceeded maximum allowed payload size ({self._bytes_max} bytes)."
            self._request.refuse(413, "RequestEntityTooLarge", message)
            self._api.stream_ended(TOO_LARGE % self._bytes_max, self._bytes, "Function.ResponseSizeTooLarge")
            return
        self._request.accept()
        error_type = trailers.get("lambda-runtime-function-error-type")
        if error_type is None:
            self._api.stream_ended(b"".join(self._chunks), self._bytes, None)
        else:
            body = _decoded(trailers.get("lambda-runtime-function-error-body", ""))
            self._api.stream_ended(body, self._bytes, valid_error_type(error_type))

    def lost(self) -> None:
        document = b'{"errorMessage":"Response was truncated","errorType":"Runtime.TruncatedResponse"}'
        self._api.stream_ended(document, self._bytes, "Runtime.TruncatedResponse")


def error_type_of(request: Request) -> str:
    return valid_error_type(request.headers.get("lambda-runtime-function-error-type", ""))


def valid_error_type(name: str) -> str:
    """Only names of this form are told in logs and events; others are unknown ones of the function or the runtime."""
    if re.fullmatch(r"(Runtime|Function)\.[A-Z][A-Za-z]+", name):
        return name
    return "Runtime.Unknown" if name.startswith("Runtime.") else "Function.Unknown"


def no_such_path(request: Request) -> None:
    request.refuse(404, "InvalidPath", "No such path")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode("latin-1")
