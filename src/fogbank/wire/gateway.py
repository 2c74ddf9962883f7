"""From a request to an operation and back: routing, parsing, the handler's transaction, the answer after the commit."""

import asyncio
import inspect
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fogbank.core.body import BodyStream, BodyTruncated
from fogbank.core.cloud import Cloud, Door
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, InternalFailure, NotImplementedInFogbank, ParameterMissing
from fogbank.core.ids import new_id
from fogbank.core.service import Answer, Respond, Service, parameters_taken
from fogbank.wire.audit_trail import AuditedOperation, Told, audited_operation
from fogbank.wire.compression import unpack
from fogbank.wire.credential import Credential, credential
from fogbank.wire.cross_site import CrossSiteRequest, is_cross_site
from fogbank.wire.direct import DirectCall, DirectOperation, Directory
from fogbank.wire.model import ServiceModel
from fogbank.wire.protocols import DOORS, CompiledOperation, compile_operation
from fogbank.wire.protocols.request import RequestData, ResponseData
from fogbank.wire.route import Route, Router

if TYPE_CHECKING:
    from fogbank.core.authorizer import Asked
    from fogbank.wire.guard import Guard, GuardedOperation

log = logging.getLogger("fogbank.wire")

Admin = Callable[[RequestData, Respond], None]

# AWS/Usage counts API calls under the service's name as CloudWatch's usage metrics spell it.
_USAGE_NAMES = {
    "lambda": "Lambda",
    "events": "EventBridge",
    "dynamodb": "DynamoDB",
    "cloudwatch": "CloudWatch",
}


# Fogbank's own endpoints, and the certificates of SNS, which AWS serves beside its API.
_OWN = ("/_fogbank/", "/SimpleNotificationService-")


class Operation:
    """One operation in one protocol, ready to be called."""

    __slots__ = (
        "admit",
        "audited",
        "compiled",
        "decorate",
        "demanded",
        "guarded",
        "handler",
        "name",
        "refused",
        "service",
        "shuts_pages_out",
        "told",
        "usage",
        "verify",
        "waits",
    )

    def __init__(
        self,
        service: Service,
        model: ServiceModel,
        name: str,
        protocol: str,
        *,
        audited: AuditedOperation | None = None,
        guarded: "GuardedOperation | None" = None,
    ) -> None:
        self.name = name
        self.audited = audited
        """None where nothing that it does is recorded."""
        self.told = audited if audited is not None and audited.always else None
        """None where only denials are."""
        self.guarded = guarded
        self.service = service.name
        self.shuts_pages_out = not (service.is_for_pages or name in service.link_operations or protocol in DOORS)
        """Whether unsigned requests of other sites' pages are refused. Doors, such as those of APIs, are for pages."""
        self.compiled: CompiledOperation = compile_operation(
            model, name, protocol, validates=service.validates, raw_shapes=service.raw_shapes
        )
        self.compiled.refusal = service.refusal
        # Most services leave these to the base, and their requests are spared the calls.
        self.admit = service.admit if type(service).admit is not Service.admit else None
        self.decorate = service.decorate if type(service).decorate is not Service.decorate else None
        self.verify: Callable[[RequestData], None] | None = None
        if type(service).verify_body is not Service.verify_body and not self.compiled.streaming_input:
            self.verify = partial(
                service.verify_body,
                checksummed=self.compiled.operation.checksummed,
                required=self.compiled.operation.checksum_required,
            )
        method = model.xform(name)
        self.handler: Callable[..., Any] | None = getattr(service, method, None)
        self.refused: frozenset[str] = frozenset()
        self.demanded: frozenset[str] = frozenset()
        self.waits = False
        if self.handler is not None:
            taken = parameters_taken(self.handler)
            self.refused = frozenset(self.compiled.members) - taken.names
            self.demanded = taken.demanded
            self.waits = inspect.iscoroutinefunction(self.handler)
        usage = _USAGE_NAMES.get(service.name, service.name.upper())
        self.usage = {"Type": "API", "Resource": name, "Service": usage, "Class": "None"}


class Gateway:
    """The application behind the HTTP connections of one cloud."""

    def __init__(
        self,
        cloud: Cloud,
        *,
        packages: Mapping[str, str],
        admin: Admin,
        region: str,
        doors: Mapping[str, Sequence[Door]],
        guard: "Guard | None" = None,
    ) -> None:
        """`packages` maps botocore's service names to package names (`lambda` -> `lambda_`). Without a guard everybody
        may do everything.
        """
        self._cloud = cloud
        self._packages = packages
        self._admin = admin
        self._region = region
        self._guard = guard
        self._router = Router(tuple(packages), doors)
        self._models: dict[str, ServiceModel] = {}
        self._operations: dict[Route, Operation] = {}
        self._calls: Counter[tuple[str, str, Operation]] = Counter()
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.in_progress = 0
        cloud.metrics.source = self._count_calls
        cloud.apis = Directory(packages, self._direct, self.handle)

    def streams(self, request: RequestData) -> bool:
        """Whether the operation reads its body while it arrives (rest protocols: it is known from the head)."""
        if request.path.startswith(_OWN):
            return True
        if "x-amz-target" in request.headers or request.headers.get("content-type", "").startswith(
            "application/x-www-form-urlencoded"
        ):
            return False
        try:
            operation = self._operation(self._route(request))
        except AwsError:
            return False
        return operation.compiled.streaming_input

    def handle(self, request: RequestData, respond: Respond, *, sender: Context | None = None) -> None:
        """Answer the request by one call of `respond`, after the commit of what it changed. One that a service sends
        is not signed: it has the identity of the `sender`.
        """
        if request.path.startswith(_OWN):
            self._admin(request, respond)
            return
        request_id = new_id()
        route: Route | None = None
        operation: Operation | None = None
        ctx: Context | None = None
        parameters: dict[str, Any] = {}
        told: Told | None = None
        try:
            if request.headers.get("content-encoding") == "gzip":
                unpack(request)
            route = self._route(request)
            operation = self._operation(route)
            guarded = operation.guarded
            # Where there is a guard, it says whose credential that is.
            found = credential(request) if guarded is None or sender is not None else None
            ctx = self._context(request, request_id, found)
            if guarded is not None:
                if sender is None:
                    guarded.authenticate(ctx, request)
                else:
                    ctx.identity, ctx.account = sender.identity, sender.account
            elif (
                operation.shuts_pages_out
                and "authorization" not in request.headers
                and sender is None
                and is_cross_site(request.headers)
            ):
                raise CrossSiteRequest
            if operation.decorate is not None:
                respond = operation.decorate(ctx, request, respond)
            if operation.admit is not None:
                operation.admit(ctx, request)
            if operation.verify is not None:
                operation.verify(request)
            parameters = operation.compiled.parse(request)
            handler = self._handler(operation, parameters)
            asked: Sequence[Asked] = ()
            if guarded is not None and ctx.identity is not None:
                asked = guarded.authorize(ctx, parameters)
            self._count(ctx, operation)
            if operation.told is not None:
                told = Told(operation.told, ctx, parameters, asked)
            if operation.waits:
                self._later(request, ctx, operation, handler(ctx, **parameters), respond, told)
                return
            with self._cloud.store.transaction():
                answer = handler(ctx, **parameters)
                if told is not None and (answer is None or isinstance(answer, dict)):
                    told.succeeded(answer, at_once=True)
            if answer is not None and not isinstance(answer, dict):
                self._later(request, ctx, operation, answer, respond, told)
                return
            response = operation.compiled.serialize(answer, request_id)
        except Exception as error:  # An edge: every failure becomes an answer.
            if ctx is not None and operation is not None and operation.audited is not None:
                operation.audited.failed(ctx, parameters, error, told)
            response = self._error(route, operation, error, request_id)
        if isinstance(request.body, BodyStream):
            request.body.drop()
        self._answer(operation, response, request_id, respond, route)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _route(self, request: RequestData) -> Route:
        return self._router.route(request)

    def _operation(self, route: Route) -> Operation:
        operation = self._operations.get(route)
        if operation is None:
            service = self._cloud.service(self._packages[route.service])
            guarded = None
            if self._guard is not None:
                guarded = self._guard.operation(service, route.operation, route.protocol)
            operation = self._operations[route] = Operation(
                service,
                model := self.model(route.service),
                route.operation,
                route.protocol,
                audited=audited_operation(self._cloud.audit, service, model, route.operation, guarded),
                guarded=guarded,
            )
        return operation

    def model(self, service_name: str) -> ServiceModel:
        model = self._models.get(service_name)
        if model is None:
            model = self._models[service_name] = ServiceModel.load(service_name)
        return model

    def _direct(self, service_name: str, name: str) -> DirectCall:
        service = self._cloud.service(self._packages[service_name])
        guarded = None if self._guard is None else self._guard.operation(service, name, "direct")
        operation = Operation(service, self.model(service_name), name, "direct", guarded=guarded)
        compiled = operation.compiled
        assert isinstance(compiled, DirectOperation)

        def handle(ctx: Context, parameters: dict[str, Any]) -> Any:
            handler = self._handler(operation, parameters)
            if guarded is not None and ctx.identity is not None:
                guarded.authorize(ctx, parameters)
            self._count(ctx, operation)
            return handler(ctx, **parameters)

        self._handler(operation, dict.fromkeys(operation.demanded))
        return DirectCall(compiled, handle, waits=operation.waits, guarded=guarded)

    def _handler(self, operation: Operation, parameters: dict[str, Any]) -> Callable[..., Any]:
        if operation.handler is None:
            raise NotImplementedInFogbank(
                f"The operation {operation.name} of {operation.service} is not implemented in Fogbank yet."
            )
        if not operation.refused.isdisjoint(parameters):
            names = ", ".join(sorted(operation.refused & parameters.keys()))
            raise NotImplementedInFogbank(
                f"Fogbank's {operation.name} of {operation.service} does not implement: {names}."
            )
        if not operation.demanded <= parameters.keys():
            name = min(operation.demanded - parameters.keys())
            raise ParameterMissing(f"The parameter {name} is required.")
        return operation.handler

    def _context(self, request: RequestData, request_id: str, found: Credential | None) -> Context:
        access_key = found.access_key if found is not None else None
        host = request.headers.get("host")
        return Context(
            self._cloud,
            account=self._cloud.account_of(access_key),
            region=(found.region if found is not None else None) or self._region,
            now_ms=self._cloud.clock.now_ms(),
            request_id=request_id,
            endpoint=f"http://{host}" if host else self._cloud.endpoint,
            access_key=access_key,
            headers=request.headers,
            peer=request.peer,
            query=request.query,
        )

    def _later(
        self,
        request: RequestData,
        ctx: Context,
        operation: Operation,
        work: Awaitable[Answer],
        respond: Respond,
        told: Told | None,
    ) -> None:
        self._cloud.tasks.spawn(
            f"{operation.service} {operation.name}", self._wait(request, ctx, operation, work, respond, told)
        )

    async def _wait(
        self,
        request: RequestData,
        ctx: Context,
        operation: Operation,
        work: Awaitable[Answer],
        respond: Respond,
        told: Told | None,
    ) -> None:
        self.in_progress += 1
        try:
            answer = await work
            if told is not None:
                told.succeeded(answer, at_once=False)
            response = operation.compiled.serialize(answer, ctx.request_id)
        except BodyTruncated:
            response = ResponseData(400, [], b"")
        except asyncio.CancelledError:
            response = ResponseData(503, [("connection", "close")], b"")
        except Exception as error:  # An edge: every failure becomes an answer.
            if told is not None:
                told.failed(error)
            response = self._error(None, operation, error, ctx.request_id)
        finally:
            self.in_progress -= 1
        if isinstance(request.body, BodyStream):
            request.body.drop()
        self._answer(operation, response, ctx.request_id, respond, None)

    def _error(
        self, route: Route | None, operation: Operation | None, error: Exception, request_id: str
    ) -> ResponseData:
        if not isinstance(error, AwsError):
            log.error("request %s failed", request_id, exc_info=error)
            error = InternalFailure()
        if operation is not None:
            response = operation.compiled.serialize_error(error, request_id)
        else:
            response = self._router.serialize_error(route, error, request_id)
        response.headers += error.headers.items()
        return response

    def _answer(
        self,
        operation: Operation | None,
        response: ResponseData,
        request_id: str,
        respond: Respond,
        route: Route | None,
    ) -> None:
        store = self._cloud.store

        def settled(failure: Exception | None) -> None:
            final = response if failure is None else self._error(route, operation, failure, request_id)
            service = operation.service if operation is not None else "unknown"
            name = operation.name if operation is not None else "unknown"
            self.answers[service, name, final.status] += 1
            if log.isEnabledFor(logging.DEBUG):
                log.debug("request id=%s service=%s operation=%s status=%d", request_id, service, name, final.status)
            respond(final)

        store.when_settled(settled)

    # ---- counting -----------------------------------------------------------------------------------------------

    def _count(self, ctx: Context, operation: Operation) -> None:
        if not self._calls:
            self._cloud.metrics.schedule()
        self._calls[ctx.account, ctx.region, operation] += 1

    def _count_calls(self) -> None:
        calls, self._calls = self._calls, Counter()
        for (account, region, operation), times in calls.items():
            self._cloud.metrics.add(account, region, "AWS/Usage", "CallCount", operation.usage, 1, "None", times=times)
