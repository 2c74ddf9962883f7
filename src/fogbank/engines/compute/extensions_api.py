"""The Extensions API of one environment: who has registered, for what, and what they wait for.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html

    Started (external only) -> Registered -> Ready <-> Running, and from any of them: InitError | ExitError
"""

import json
import time
import uuid
from collections.abc import Sequence
from typing import Literal, Protocol

from fogbank.engines.compute import platform_events
from fogbank.engines.compute.http_api import Receiver, Request, Whole
from fogbank.engines.compute.interface import FunctionSpec, Invocation
from fogbank.engines.compute.platform_events import PlatformEvent
from fogbank.engines.compute.runtime_api import no_such_path

PREFIX = "/2020-01-01/extension"
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-extensions.html: ten for a function.
EXTENSIONS_MAX = 10
_BODY_BYTES_MAX = 1 << 20
EVENTS = ("INVOKE", "SHUTDOWN")

State = Literal["Started", "Registered", "Ready", "Running", "InitError", "ExitError"]
ShutdownReason = Literal["spindown", "timeout", "failure"]


class Extension:
    """One extension. What is external is a process of its own; what is internal runs in the runtime's."""

    def __init__(self, name: str, *, external: bool) -> None:
        self.name = name
        self.external = external
        self.identifier = str(uuid.uuid4())
        self.events: tuple[str, ...] = ()
        self.state: State = "Started"
        self.waiting: Request | None = None
        self.pending: bytes | None = None

    def give(self, event: dict[str, object]) -> None:
        """Hand over the event, now or when the extension asks for one."""
        self.pending = json.dumps(event, separators=(",", ":")).encode()
        self.state = "Running"
        self.match()

    def match(self) -> None:
        if self.waiting is not None and self.pending is not None:
            request, self.waiting = self.waiting, None
            body, self.pending = self.pending, None
            headers = {
                "Content-Type": "application/json",
                "Lambda-Extension-Event-Identifier": str(uuid.uuid4()),
            }
            request.answer(200, body, headers)

    def gone(self) -> None:
        self.waiting = None


class Listener(Protocol):
    """What an environment hears from its extensions."""

    def extensions_changed(self) -> None:
        """One has registered or asks for an event."""

    def extension_failed(self, error_type: str, reason: str) -> None: ...


class ExtensionsApi:
    """Serves one environment."""

    def __init__(self, listener: Listener, spec: FunctionSpec) -> None:
        self._listener = listener
        self._spec = spec
        self._extensions: dict[str, Extension] = {}
        self.open_for_registration = True

    def reset(self, external: Sequence[str]) -> None:
        """Expect these external extensions, and nobody who was here before."""
        self._extensions = {name: Extension(name, external=True) for name in external}
        self.open_for_registration = True

    @property
    def all_registered(self) -> bool:
        return all(extension.state != "Started" for extension in self._extensions.values())

    @property
    def all_ready(self) -> bool:
        return all(extension.state == "Ready" for extension in self._extensions.values())

    @property
    def any(self) -> bool:
        return bool(self._extensions)

    @property
    def any_external(self) -> bool:
        return any(extension.external for extension in self._extensions.values())

    def by_identifier(self, request: Request) -> Extension | None:
        """Who asks; if that cannot be told, the request is refused."""
        identifier = request.headers.get("lambda-extension-identifier")
        if identifier is None:
            request.refuse(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
            return None
        try:
            uuid.UUID(identifier)
        except ValueError:
            request.refuse(403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
            return None
        for extension in self._extensions.values():
            if extension.identifier == identifier and extension.state != "Started":
                return extension
        request.refuse(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")
        return None

    def platform_events(self) -> list[PlatformEvent]:
        """What the log says of them at the end of an initialization."""
        return [platform_events.extension(each.name, each.state, each.events) for each in self._extensions.values()]

    def invoke(self, invocation: Invocation, deadline_ms: int) -> None:
        for extension in self._for("INVOKE"):
            event: dict[str, object] = {
                "eventType": "INVOKE",
                "deadlineMs": deadline_ms,
                "requestId": invocation.request_id,
                "invokedFunctionArn": invocation.function_arn,
            }
            if invocation.trace_id is not None:
                event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id}
            extension.give(event)

    def shut_down(self, reason: ShutdownReason, budget_s: float) -> None:
        deadline_ms = int((time.time() + budget_s) * 1000)
        for extension in self._for("SHUTDOWN"):
            extension.give({"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms})

    def receive(self, request: Request) -> Receiver:
        match (request.method, request.path.removeprefix(PREFIX).strip("/")):
            case ("POST", "register"):
                return Whole(lambda body, size: self._register(request, body), _BODY_BYTES_MAX)
            case ("GET", "event/next"):
                return Whole(lambda body, size: self._next(request), 0)
            case ("POST", "init/error"):
                return Whole(lambda body, size: self._error(request, "InitError"), _BODY_BYTES_MAX)
            case ("POST", "exit/error"):
                return Whole(lambda body, size: self._error(request, "ExitError"), _BODY_BYTES_MAX)
            case _:
                return Whole(lambda body, size: no_such_path(request), 0)

    # ---- operations ---------------------------------------------------------------------------------------------

    def _register(self, request: Request, body: bytes) -> None:
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            request.refuse(403, "Extension.InvalidExtensionName", "Empty extension name")
            return
        try:
            events = tuple(json.loads(body)["events"])
        except (ValueError, KeyError, TypeError):
            request.refuse(403, "InvalidRequestFormat", "Request body is not a JSON document with a list of events")
            return
        extension = self._extensions.get(name)
        unknown = [event for event in events if event not in EVENTS]
        if unknown:
            request.refuse(403, "Extension.InvalidEventType", f"{unknown[0]}: Invalid event type")
        elif extension is not None and extension.state != "Started":
            request.refuse(403, "Extension.AlreadyRegistered", f"Extension {name} already registered")
        elif not self.open_for_registration:
            request.refuse(403, "Extension.RegistrationClosed", "Extension registration closed already")
        elif extension is None and len(self._extensions) >= EXTENSIONS_MAX:
            message = f"Extension limit ({EXTENSIONS_MAX}) reached"
            request.refuse(403, "Extension.TooManyExtensions", message)
        elif extension is None and "SHUTDOWN" in events:
            message = "SHUTDOWN: event type not allowed for internal extensions"
            request.refuse(403, "Extension.InvalidEventType", message)
        else:
            self._registered(request, extension or Extension(name, external=False), events)

    def _registered(self, request: Request, extension: Extension, events: tuple[str, ...]) -> None:
        self._extensions[extension.name] = extension
        extension.events = events
        extension.state = "Registered"
        document = {
            "functionName": self._spec.name,
            "functionVersion": self._spec.version,
            "handler": self._spec.handler,
        }
        if "accountId" in request.headers.get("lambda-extension-accept-feature", ""):
            document["accountId"] = self._spec.account
        headers = {"Content-Type": "application/json", "Lambda-Extension-Identifier": extension.identifier}
        request.answer(200, json.dumps(document, separators=(",", ":")).encode(), headers)
        self._listener.extensions_changed()

    def _next(self, request: Request) -> None:
        extension = self.by_identifier(request)
        if extension is None:
            return
        if extension.state in ("InitError", "ExitError"):
            message = (
                f"State transition from {extension.state} to Ready failed for extension {extension.name}. "
                "Error: State transition is not allowed"
            )
            request.refuse(403, "Extension.InvalidExtensionState", message)
            return
        extension.waiting = request
        request.on_gone = extension.gone
        if extension.pending is None:
            extension.state = "Ready"
        extension.match()
        self._listener.extensions_changed()

    def _error(self, request: Request, state: Literal["InitError", "ExitError"]) -> None:
        extension = self.by_identifier(request)
        if extension is None:
            return
        error_type = request.headers.get("lambda-extension-function-error-type")
        if error_type is None:
            message = "Lambda-Extension-Function-Error-Type not found"
            request.refuse(403, "Extension.MissingHeader", message)
            return
        extension.state = state
        request.accept()
        self._listener.extension_failed(f"Extension.{state}", error_type)

    def _for(self, event: str) -> list[Extension]:
        return [extension for extension in self._extensions.values() if event in extension.events]
