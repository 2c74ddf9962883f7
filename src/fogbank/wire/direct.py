"""Operations called in process with their parameters as JSON: the wire's side of `core.api`."""

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.wire.local_requests import Handle as Serve
from fogbank.wire.local_requests import LocalRequests
from fogbank.wire.model import ServiceModel, service_id
from fogbank.wire.parse_json import coercer
from fogbank.wire.protocols.operation import CompiledOperation
from fogbank.wire.protocols.request import RequestData, ResponseData

if TYPE_CHECKING:
    from fogbank.wire.guard import GuardedOperation

Handle = Callable[[Context, dict[str, Any]], Any]


class DirectOperation(CompiledOperation):
    """Parameters are named as the model names its members, with the first letter in either case."""

    def parse(self, request: RequestData) -> dict[str, Any]:
        raise TypeError("no request: the parameters are given to `read`")

    def read(self, document: dict[str, Any]) -> dict[str, Any]:
        """The parameters, checked. Raises `AwsError`."""
        if self.operation.input is None:
            return {}
        shape = self.input_shape
        payload = shape.payload if shape is not None else None
        if payload is not None and isinstance(document.get(payload), str):
            # What is a body on the wire is text here; other binary values are in base64.
            document = {**document, payload: base64.b64encode(document[payload].encode()).decode()}
        coerce = coercer(self.service, self.operation.input.shape, self.raw_shapes, by_member=True)
        parameters: dict[str, Any] = coerce(document)
        return self.check(parameters)


class DirectCall:
    """One operation, ready to be called."""

    def __init__(
        self, compiled: DirectOperation, handle: Handle, *, waits: bool, guarded: "GuardedOperation | None"
    ) -> None:
        self._compiled = compiled
        self._handle = handle
        self._guarded = guarded
        self.waits = waits

    def call(self, ctx: Context, document: dict[str, Any]) -> Any:
        return self._handle(ctx, self._compiled.read(document))

    def check(self, parameters: dict[str, Any]) -> None:
        self._compiled.check(parameters)

    def permit(self, ctx: Context, parameters: dict[str, Any], demanded: Callable[[str], bool]) -> None:
        if self._guarded is not None:
            self._guarded.authorize(ctx, parameters, demanded)


class Directory:
    """Finds operations by the SDK's names; the models are read when they are first asked for."""

    def __init__(
        self, services: Mapping[str, str], compile_call: Callable[[str, str], DirectCall], handle: Serve
    ) -> None:
        """`services` are botocore's names; `compile_call` makes the call of (service, operation), `handle` serves a
        request.
        """
        self._requests = LocalRequests(services, handle)
        self._services = services
        self._compile = compile_call
        self._by_id: dict[str, str] = {}
        self._calls: dict[tuple[str, str], DirectCall] = {}
        self._methods: dict[str, dict[str, str]] = {}

    def find(self, service: str, action: str) -> DirectCall:
        key = (service, action.lower())
        found = self._calls.get(key)
        if found is None:
            found = self._calls[key] = self._find(*key)
        return found

    def check(self, operation: Callable[..., Any], parameters: dict[str, Any]) -> None:
        call = self._call_of(operation)
        if call is not None:
            call.check(_given(parameters))

    def permit(
        self, ctx: Context, operation: Callable[..., Any], parameters: dict[str, Any], demanded: Callable[[str], bool]
    ) -> None:
        call = self._call_of(operation)
        if call is not None:
            call.permit(ctx, _given(parameters), demanded)

    def _call_of(self, operation: Callable[..., Any]) -> DirectCall | None:
        service: str = operation.__self__.name  # type: ignore[attr-defined]  # a method of a service
        methods = self._methods.get(service)
        if methods is None:
            model = ServiceModel.load(service)
            methods = self._methods[service] = {model.xform(name): name for name in model.operations}
        name = methods.get(operation.__name__)
        return self.find(service_id(service), name) if name is not None else None

    async def send(self, ctx: Context, service: str, action: str | None, request: RequestData) -> ResponseData:
        return await self._requests.send(ctx, service, action, request)

    def _find(self, service: str, action: str) -> DirectCall:
        if not self._by_id:
            self._by_id = {service_id(name): name for name in self._services}
        name = self._by_id.get(service)
        if name is None:
            raise NotImplementedInFogbank(f"The service {service} is not implemented in Fogbank.")
        operations = {operation.lower(): operation for operation in ServiceModel.load(name).operations}
        if action not in operations:
            raise NotImplementedInFogbank(f"The service {service} has no operation {action}.")
        return self._compile(name, operations[action])


def _given(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}
