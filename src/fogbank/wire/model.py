"""The service models: botocore's data, read without importing botocore.

Only what the wire needs is decoded (documentation is skipped), and nothing is done per shape until an
operation that uses it is compiled.
"""

import gzip
import importlib.util
import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec

_HEAD_BYTES = 8192
_METADATA = re.compile(r'"metadata":\s*')

STRUCTURE, LIST, MAP = "structure", "list", "map"

# The two plural forms that the regular rule would tear apart: GatewayARNs, ListWebACLs.
_PLURAL_ACRONYM = re.compile("[A-Z]{2,}s$")
_WORD_AFTER_ANY = re.compile("(.)([A-Z][a-z]+)")
_CAPITAL_AFTER_LOWER = re.compile("([a-z0-9])([A-Z])")
# botocore keeps a list of names that the rule gets wrong; these spellings are behind all of them.
_ONE_WORD = (("WhatsApp", "Whatsapp"), ("OAuth2", "Oauth2"), ("OTel", "Otel"))
_IRREGULAR = {
    "CreateCachediSCSIVolume": "create_cached_iscsi_volume",
    "DescribeCachediSCSIVolumes": "describe_cached_iscsi_volumes",
    "DescribeStorediSCSIVolumes": "describe_stored_iscsi_volumes",
    "CreateStorediSCSIVolume": "create_stored_iscsi_volume",
    "ListHITsForQualificationType": "list_hits_for_qualification_type",
    "ExecutePartiQLStatement": "execute_partiql_statement",
    "ExecutePartiQLTransaction": "execute_partiql_transaction",
    "ExecutePartiQLBatch": "execute_partiql_batch",
}


def snake_case(name: str) -> str:
    """The Python name of an operation: the one that boto3's clients use (`GetQueueUrl` → `get_queue_url`)."""
    if "_" in name:
        return name
    irregular = _IRREGULAR.get(name)
    if irregular is not None:
        return irregular
    for product, one_word in _ONE_WORD:
        name = name.replace(product, one_word)
    plural = _PLURAL_ACRONYM.search(name)
    if plural is not None:
        name = f"{name[: plural.start()]}_{plural.group().lower()}"
    return _CAPITAL_AFTER_LOWER.sub(r"\1_\2", _WORD_AFTER_ANY.sub(r"\1_\2", name)).lower()


class ErrorTraits(msgspec.Struct, rename="camel", frozen=True):
    code: str | None = None
    http_status_code: int | None = None
    sender_fault: bool | None = None


class Ref(msgspec.Struct, rename="camel", frozen=True):
    """A use of a shape: as a member, an element, a key, a value, an input or an output."""

    shape: str
    location: str | None = None
    location_name: str | None = None
    query_name: str | None = None
    flattened: bool | None = None
    streaming: bool | None = None
    xml_namespace: Any = None
    xml_attribute: bool = False
    result_wrapper: str | None = None
    timestamp_format: str | None = None
    jsonvalue: bool = False
    eventpayload: bool = False
    eventheader: bool = False
    host_label: bool = False


class Shape(msgspec.Struct, rename="camel", frozen=True, dict=True):
    type: str
    members: dict[str, Ref] = {}
    member: Ref | None = None
    key: Ref | None = None
    value: Ref | None = None
    required: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    location_name: str | None = None
    flattened: bool = False
    payload: str | None = None
    streaming: bool = False
    xml_namespace: Any = None
    timestamp_format: str | None = None
    eventstream: bool = False
    event: bool = False
    exception: bool = False
    document: bool = False
    union: bool = False
    sensitive: bool = False
    wrapper: bool = False
    error: ErrorTraits | None = None


class _Http(msgspec.Struct, rename="camel", frozen=True):
    method: str = "POST"
    request_uri: str = "/"
    response_code: int | None = None


class _HttpChecksum(msgspec.Struct, rename="camel", frozen=True):
    request_algorithm_member: str | None = None
    request_checksum_required: bool = False


class _Operation(msgspec.Struct, rename="camel", frozen=True):
    name: str
    http: _Http
    http_checksum: _HttpChecksum | None = None
    input: Ref | None = None
    output: Ref | None = None
    errors: tuple[Ref, ...] = ()
    deprecated: bool = False


class _Metadata(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    api_version: str
    endpoint_prefix: str
    protocol: str
    service_id: str = ""
    protocols: tuple[str, ...] = ()
    json_version: str | None = None
    target_prefix: str | None = None
    signing_name: str | None = None
    xml_namespace: Any = None
    aws_query_compatible: Any = None


class _Document(msgspec.Struct):
    metadata: _Metadata
    operations: dict[str, _Operation]
    shapes: dict[str, Shape]


class OperationModel:
    """One operation of a service: its place in HTTP and its shapes."""

    __slots__ = (
        "checksum_required",
        "checksummed",
        "deprecated",
        "errors",
        "input",
        "method",
        "name",
        "output",
        "output_streaming",
        "request_uri",
        "status",
        "streaming_input",
    )

    def __init__(self, raw: _Operation, shapes: dict[str, Shape]) -> None:
        self.name = raw.name
        self.method = raw.http.method
        self.request_uri = raw.http.request_uri
        self.status = raw.http.response_code or 200
        self.input = raw.input
        self.output = raw.output
        self.deprecated = raw.deprecated
        self.errors = tuple(error.shape for error in raw.errors)
        self.streaming_input = raw.input is not None and _streams(shapes[raw.input.shape], shapes)
        self.checksummed = raw.http_checksum is not None and raw.http_checksum.request_algorithm_member is not None
        """Whether a checksum of the body may come with a request, and whether it must."""
        self.checksum_required = raw.http_checksum is not None and raw.http_checksum.request_checksum_required
        self.output_streaming = raw.output is not None and _streams(shapes[raw.output.shape], shapes)


def _streams(shape: Shape, shapes: dict[str, Shape]) -> bool:
    if shape.payload is None:
        return False
    ref = shape.members[shape.payload]
    target = shapes[ref.shape]
    return bool(ref.streaming or target.streaming or target.eventstream)


class ServiceModel:
    """A service as botocore's data describes it."""

    def __init__(self, name: str, document: _Document) -> None:
        self.name = name
        self._document = document
        self.metadata: dict[str, Any] = {
            key: value for key, value in msgspec.to_builtins(document.metadata).items() if value is not None
        }
        self.shapes = document.shapes
        self.protocols: tuple[str, ...] = document.metadata.protocols or (document.metadata.protocol,)
        self.operations = {
            name: OperationModel(operation, document.shapes) for name, operation in document.operations.items()
        }
        self.compiled: dict[Any, Any] = {}
        """What the compilers share between the operations of this service; theirs alone."""

    @classmethod
    def load(cls, name: str) -> "ServiceModel":
        """The newest model of a service. Raises `KeyError` if botocore has no service of that name."""
        return cls(name, msgspec.json.decode(_read(name), type=_Document))

    def with_shapes(self, shapes: dict[str, Shape], *, namespace: str) -> "ServiceModel":
        """The same service with other shapes: its face in another protocol."""
        metadata = msgspec.structs.replace(self._document.metadata, xml_namespace=namespace)
        return ServiceModel(self.name, msgspec.structs.replace(self._document, metadata=metadata, shapes=shapes))

    @staticmethod
    def xform(operation: str) -> str:
        """The name of the Service's method for an operation."""
        return snake_case(operation)

    @property
    def signing_name(self) -> str:
        name: str = self.metadata.get("signingName") or self.metadata["endpointPrefix"]
        return name

    @property
    def query_compatible(self) -> bool:
        return "awsQueryCompatible" in self.metadata

    @property
    def namespace(self) -> str | None:
        value = self.metadata.get("xmlNamespace")
        return value.get("uri") if isinstance(value, dict) else value

    @cached_property
    def error_shapes(self) -> dict[str, tuple[str, Shape]]:
        """Error shapes by their names and by the codes that the query protocol gives them."""
        found: dict[str, tuple[str, Shape]] = {}
        for name, shape in self.shapes.items():
            if shape.exception and shape.error is not None and shape.error.code is not None:
                found[shape.error.code] = (name, shape)
        for name, shape in self.shapes.items():
            if shape.exception:
                found[name] = (name, shape)
        return found


class ServiceIndexEntry(msgspec.Struct, frozen=True):
    """What the router needs to know of a service before its model is needed."""

    name: str
    signing_name: str
    endpoint_prefix: str
    target_prefix: str | None
    api_version: str
    protocols: tuple[str, ...]


def index_entry(name: str) -> ServiceIndexEntry:
    """The metadata of a service alone. Raises `KeyError` if botocore has no service of that name."""
    data = _metadata(name)
    return ServiceIndexEntry(
        name=name,
        signing_name=data.signing_name or data.endpoint_prefix,
        endpoint_prefix=data.endpoint_prefix,
        target_prefix=data.target_prefix,
        api_version=data.api_version,
        protocols=data.protocols or (data.protocol,),
    )


@cache  # Calls between services ask for it each time.
def service_id(name: str) -> str:
    """What ARNs of SDK calls name the service: its id in lower case, without spaces (`cloudwatchlogs`)."""
    data = _metadata(name)
    return data.service_id.lower().replace(" ", "")


def _metadata(name: str) -> _Metadata:
    """A model begins with its metadata: the megabytes behind need not be unpacked for it."""
    head = _read(name, first=_HEAD_BYTES).decode(errors="ignore")
    begins = _METADATA.search(head)
    if begins is None:  # AWS has changed the order.
        return msgspec.json.decode(_read(name), type=_Document).metadata
    found, _ = json.JSONDecoder().raw_decode(head, begins.end())
    return msgspec.convert(found, _Metadata)


@cache
def data_folder() -> Path:
    """Where botocore keeps its models; found without running botocore's code."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise RuntimeError("botocore is not installed: run `pip install botocore`")
    return Path(spec.origin).parent / "data"


def _read(name: str, *, first: int = 0) -> bytes:
    """The model's document, or so many bytes of its beginning."""
    folder = data_folder() / name
    # A name from the network must not leave the folder.
    if not name or not name.replace("-", "").isalnum() or not folder.is_dir():
        raise KeyError(name)
    version = max(entry.name for entry in folder.iterdir() if entry.is_dir())
    packed = folder / version / "service-2.json.gz"
    with gzip.open(packed) if packed.exists() else (folder / version / "service-2.json").open("rb") as file:
        return file.read(first or -1)


def flattened(ref: Ref, shape: Shape) -> bool:
    return shape.flattened if ref.flattened is None else ref.flattened


def has_cycle(model: ServiceModel, shape_name: str, raw_shapes: frozenset[str] = frozenset()) -> bool:
    """Whether a shape can contain itself."""

    def visit(name: str, above: frozenset[str], seen: set[str]) -> bool:
        if name in raw_shapes or name in seen:
            return False
        if name in above:
            return True
        inner = above | {name}
        if any(visit(ref.shape, inner, seen) for ref in refs_of(model.shapes[name])):
            return True
        seen.add(name)
        return False

    return visit(shape_name, frozenset(), set())


def refs_of(shape: Shape) -> list[Ref]:
    """Everything that a shape refers to."""
    inner = [ref for ref in (shape.member, shape.key, shape.value) if ref is not None]
    return [*shape.members.values(), *inner]
