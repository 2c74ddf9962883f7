"""Which service, operation and protocol a request means.

Asked in this order: the hosts of services' own doors, the path of smithy's RPC, X-Amz-Target, the paths of such doors,
the Action of a form, then for REST services the signing name, the host and the path. What nobody claims is for S3,
whose paths can be anything.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import NamedTuple
from urllib.parse import unquote_plus

from fogbank.core.cloud import Door
from fogbank.core.errors import AwsError
from fogbank.wire.credential import Credential, credential
from fogbank.wire.errors import (
    InvalidAction,
    MethodNotAllowed,
    MissingAction,
    RoutingError,
    ServiceNotImplemented,
    UnknownOperation,
    UnknownService,
)
from fogbank.wire.model import ServiceIndexEntry, ServiceModel, index_entry
from fogbank.wire.protocols.fault import serialize_fault
from fogbank.wire.protocols.request import RequestData, ResponseData
from fogbank.wire.rest_table import RestTable

__all__ = ["Credential", "Route", "Router", "credential"]


class Route(NamedTuple):
    service: str
    operation: str
    protocol: str


class _Opened:
    """A door as the router sees it."""

    __slots__ = ("mark", "pattern", "route", "signed_as")

    def __init__(self, service: str, door: Door, pattern: str) -> None:
        self.mark = door.mark
        self.pattern = re.compile(rf"{pattern}\Z", re.DOTALL)
        self.route = Route(service, door.operation, door.protocol)
        self.signed_as = door.signed_as


_AMZ_CBOR = "application/x-amz-cbor-1.1"
_CBOR_PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)/?\Z")
_ACTION = re.compile(r"(?:^|&)Action=([^&]*)")
_VERSION = re.compile(r"(?:^|&)Version=([^&]*)")
_REGION = r"[a-z]{2,4}(?:-[a-z]+)+-\d"
_S3_HOST = re.compile(
    rf"(?:(?P<bucket>.+)\.)?s3(?:-accelerate|-fips)?(?:\.dualstack)?(?:[.-]{_REGION})?\.(?P<base>[a-z].*)\Z"
)
_HOST = re.compile(rf"(?P<service>[a-z0-9-]+(?:\.dynamodb)?)(?:\.{_REGION})?\.(?P<base>.+)\Z")
_QUEUE_PATH = re.compile(r"/(?:queue/[^/]+/)?\d{12}/[A-Za-z0-9_-]{1,80}(?:\.fifo)?/?\Z")
# The names that stand for this machine; what comes before one of them is a service or a bucket.
_BASES = ("localhost.localstack.cloud", "localhost.fogbank.dev", "localhost", "amazonaws.com")
_DATED = re.compile(r"/(?:v\d|\d{4}-\d{2}-\d{2})/")


class Router:
    """Finds the route of requests to a set of services, named as botocore names them."""

    def __init__(self, services: Sequence[str], doors: Mapping[str, Sequence[Door]] | None = None) -> None:
        """`doors` are those of the services that have some."""
        self._services = tuple(services)
        opened = [(name, door) for name, some in (doors or {}).items() for door in some]
        self._host_doors = tuple(_Opened(name, door, door.host) for name, door in opened if door.host)
        self._path_doors = tuple(_Opened(name, door, door.path) for name, door in opened if door.path)
        self._targets: dict[str, Route] = {}
        self._models: dict[str, ServiceModel] = {}
        self._tables: dict[str, RestTable] = {}

    def route(self, request: RequestData) -> Route:
        """The route of a request; sets its `resource`. Raises an `AwsError` that `serialize_error` can
        word.
        """
        headers = request.headers
        host = headers.get("host", "")
        for door in self._host_doors:
            if door.mark in host and (match := door.pattern.match(_host(request))) is not None:
                request.resource = f"/{match[1]}{request.path}"
                return door.route
        target = headers.get("x-amz-target")
        if target is not None:
            route = self._targets.get(target) or self._by_target(target)
            return route._replace(protocol="amz-cbor") if headers.get("content-type") == _AMZ_CBOR else route
        if request.path.startswith("/service/") and "smithy-protocol" in headers:
            match = _CBOR_PATH.match(request.path)
            if match is not None:
                return self._by_rpc_path(match[1], match[2])
        for door in self._path_doors:
            if door.mark in request.path and (match := door.pattern.match(request.path)) is not None:
                found = credential(request)
                if found is None or found.service in (None, door.signed_as):
                    request.resource = f"/{'/'.join(part or '' for part in match.groups())}"
                    return door.route
        action = _find_action(request)
        if action is not None:
            return self._by_action(request, action)
        return self._by_rest(request)

    def serialize_error(self, route: Route | None, error: AwsError, request_id: str) -> ResponseData:
        """An error for a request that has no operation, in the protocol that its client reads."""
        service: str | None
        if route is not None:
            service, protocol = route.service, route.protocol
        elif isinstance(error, RoutingError):
            service, protocol = error.service, error.protocol
        else:
            service, protocol = None, "json"
        model = None
        if service is not None:
            try:
                model = self._model(service)
            except KeyError:
                model = None
        return serialize_fault(model, protocol, error, request_id)

    # ---- the index

    @cached_property
    def _entries(self) -> dict[str, ServiceIndexEntry]:
        return {name: index_entry(name) for name in self._services}

    @cached_property
    def _target_prefixes(self) -> dict[str, str]:
        return {entry.target_prefix: name for name, entry in self._entries.items() if entry.target_prefix}

    @cached_property
    def _by_signing_name(self) -> dict[str, list[ServiceIndexEntry]]:
        found: dict[str, list[ServiceIndexEntry]] = {}
        for entry in self._entries.values():
            found.setdefault(entry.signing_name, []).append(entry)
        return found

    def _signed_as(self, name: str | None) -> list[ServiceIndexEntry]:
        return self._by_signing_name.get(name or "", [])

    def _model(self, service: str) -> ServiceModel:
        model = self._models.get(service)
        if model is None:
            model = self._models[service] = ServiceModel.load(service)
        return model

    def _table(self, service: str) -> RestTable:
        table = self._tables.get(service)
        if table is None:
            table = self._tables[service] = RestTable(self._model(service))
        return table

    # ---- the ways

    def _by_target(self, target: str) -> Route:
        prefix, _, operation = target.rpartition(".")
        service = self._target_prefixes.get(prefix)
        if service is None:
            raise self._absent_by_target(prefix)
        if operation not in self._model(service).operations:
            # Coral's answer has no message; this one names what was asked for.
            raise UnknownOperation(f"The operation {operation[:100]} is not known.").spoken_in(service, "json")
        route = self._targets[target] = Route(service, operation, "json")
        return route

    def _absent_by_target(self, prefix: str) -> RoutingError:
        # "Kinesis_20131202" and "AmazonSSM" show the service's name well enough to look it up.
        short = prefix.rpartition(".")[2].partition("_")[0].removeprefix("Amazon").removeprefix("AWS").lower()
        try:
            entry = index_entry(short)
        except KeyError:
            return UnknownOperation(f"No service in Fogbank takes the target {prefix[:100]}.").spoken_in(None, "json")
        return _absent(entry.name, "json")

    def _by_rpc_path(self, prefix: str, operation: str) -> Route:
        protocol = "smithy-rpc-v2-cbor"
        service = self._target_prefixes.get(prefix)
        if service is None:
            raise UnknownOperation(f"No service in Fogbank is called {prefix[:100]}.").spoken_in(None, protocol)
        if operation not in self._model(service).operations:
            raise UnknownOperation(f"The operation {operation[:100]} is not known.").spoken_in(service, protocol)
        return Route(service, operation, protocol)

    def _by_action(self, request: RequestData, action: str) -> Route:
        entry = self._query_service(request, action)
        protocol = "ec2" if "ec2" in entry.protocols else "query"
        if not action:
            raise MissingAction().spoken_in(entry.name, protocol)
        if action not in self._model(entry.name).operations:
            sentence = f"The action {action[:100]} is not valid for this endpoint."
            raise InvalidAction(sentence).spoken_in(entry.name, protocol)
        return Route(entry.name, action, protocol)

    def _query_service(self, request: RequestData, action: str) -> ServiceIndexEntry:
        found = credential(request)
        signed = self._signed_as(found.service if found is not None else None)
        named = [entry for entry in signed if _speaks_query(entry)]
        if not named and found is not None and found.service and not signed:
            raise self._absent_by_name(found.service)
        if not named:
            host = self._host_service(request)
            named = [self._entries[host]] if host is not None and _speaks_query(self._entries[host]) else []
        if not named and "sqs" in self._entries and _QUEUE_PATH.match(request.path):
            named = [self._entries["sqs"]]
        if not named:
            named = [entry for entry in self._entries.values() if _speaks_query(entry)]
        if len(named) == 1:
            return named[0]
        version = _first(_VERSION, request)
        exact = [entry for entry in named if entry.api_version == version] or named
        known = [entry for entry in exact if action in self._model(entry.name).operations]
        if known or exact:
            return (known or exact)[0]
        raise UnknownService().spoken_in(None, "query")

    def _by_rest(self, request: RequestData) -> Route:
        found = credential(request)
        signed = self._signed_as(found.service if found is not None else None)
        if found is not None and found.service == "s3express":
            raise ServiceNotImplemented("Fogbank's S3 does not have directory buckets.").spoken_in("s3", "rest-xml")
        if found is not None and found.service and not signed and found.service != "s3":
            raise self._absent_by_name(found.service)
        rest = [entry for entry in signed if _is_rest(entry)]
        if signed and not rest:
            raise self._no_operation(signed[0], request)
        if not rest:
            rest = self._unsigned(request)
        for entry in rest:
            protocol = _rest_protocol(entry.protocols)
            assert protocol is not None
            if entry.name == "s3":
                request.resource = self._with_bucket(request, signed=bool(signed))
            operation = self._table(entry.name).find(request.method, request.resource, request.query, request.headers)
            if operation is not None:
                return Route(entry.name, operation, protocol)
            if entry.name == "s3":
                plain = _beside_the_model(request)
                if plain is not None:
                    return Route("s3", plain, "plain")
        if not rest:
            raise UnknownService().spoken_in(None, "json")
        raise self._no_operation(rest[-1], request)

    def _unsigned(self, request: RequestData) -> list[ServiceIndexEntry]:
        host = self._host_service(request)
        if host is not None:
            return [self._entries[host]]
        s3 = [self._entries["s3"]] if "s3" in self._entries else []
        if _DATED.match(request.path):
            # A dated path is some REST service's; S3 would read it as a bucket.
            return [entry for entry in self._entries.values() if _is_rest(entry) and entry.name != "s3"] + s3
        return s3

    def _no_operation(self, entry: ServiceIndexEntry, request: RequestData) -> RoutingError:
        if entry.name == "s3":
            return MethodNotAllowed().spoken_in("s3", "rest-xml")
        protocol = _rest_protocol(entry.protocols)
        if protocol is not None:
            return UnknownOperation("The requested operation is not known.").spoken_in(entry.name, protocol)
        if _speaks_query(entry) and "json" not in entry.protocols:
            return MissingAction().spoken_in(entry.name, "query")
        if _speaks_query(entry) and "json" not in request.headers.get("content-type", ""):
            return UnknownOperation().spoken_in(entry.name, "coral-xml")
        return UnknownOperation("The request has no X-Amz-Target header.").spoken_in(entry.name, "json")

    def _absent_by_name(self, signing_name: str) -> RoutingError:
        try:
            entry = index_entry(signing_name)
        except KeyError:
            return _absent(signing_name[:100], "json")
        protocol = entry.protocols[0]
        return _absent(entry.name, protocol).spoken_in(entry.name, protocol)

    # ---- hosts

    def _host_service(self, request: RequestData) -> str | None:
        host = _host(request)
        if _S3_HOST.match(host):
            return "s3" if "s3" in self._entries else None
        match = _HOST.match(host)
        if match is None or not match["base"].endswith(_BASES):
            return None
        label = match["service"]
        for entry in self._entries.values():
            if label in (entry.endpoint_prefix, entry.name):
                return entry.name
        return None

    def _with_bucket(self, request: RequestData, *, signed: bool) -> str:
        """The path as path-style addressing would have it."""
        host = _host(request)
        match = _S3_HOST.match(host)
        bucket = match["bucket"] if match is not None else None
        if match is None and signed:
            # `<bucket>.localhost`: what the JavaScript SDK makes of the endpoint http://localhost:4566.
            for base in _BASES[:-1]:
                if host.endswith(f".{base}"):
                    bucket = host.removesuffix(f".{base}")
                    break
        return f"/{bucket}{request.path}" if bucket else request.path


def _beside_the_model(request: RequestData) -> str | None:
    """S3's operations for browsers, which its model does not have."""
    bucket, _, key = request.resource[1:].partition("/")
    if request.method == "OPTIONS":
        return "AnswerPreflight"
    if request.method == "POST" and bucket and not key and not request.query:
        return "PostObject"
    return None


def _absent(service: str, protocol: str) -> RoutingError:
    error = ServiceNotImplemented(f"The {service} service is not implemented in Fogbank")
    return error.spoken_in(None, protocol)


def _host(request: RequestData) -> str:
    host = request.headers.get("host", "")
    return host.rpartition(":")[0].lower() if ":" in host and not host.endswith("]") else host.lower()


def _find_action(request: RequestData) -> str | None:
    """The Action of a query request; empty if it is a form without one; None if it is no form at all."""
    content_type = request.headers.get("content-type", "")
    is_form = content_type.startswith("application/x-www-form-urlencoded")
    action = _first(_ACTION, request) if is_form or "Action=" in request.query else None
    if action is None and is_form and isinstance(request.body, bytes) and b"Version=" in request.body:
        return ""
    return action


def _first(pattern: re.Pattern[str], request: RequestData) -> str | None:
    match = pattern.search(request.query) if request.query else None
    if match is None and isinstance(request.body, bytes) and request.body:
        match = pattern.search(request.body.decode("latin-1"))
    return None if match is None else unquote_plus(match[1])


def _speaks_query(entry: ServiceIndexEntry) -> bool:
    return entry.name == "sqs" or "query" in entry.protocols or "ec2" in entry.protocols


def _is_rest(entry: ServiceIndexEntry) -> bool:
    return _rest_protocol(entry.protocols) is not None


@cache
def _rest_protocol(protocols: tuple[str, ...]) -> str | None:
    return next((protocol for protocol in protocols if protocol.startswith("rest-")), None)
