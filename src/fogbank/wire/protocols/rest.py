"""What rest-json and rest-xml share: parameters in path, query and headers; answers with headers and
payloads.

https://smithy.io/2.0/spec/http-bindings.html
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec

from fogbank.core.body import BodyStream
from fogbank.core.errors import AwsError
from fogbank.core.service import STATUS
from fogbank.wire import timestamps
from fogbank.wire.errors import SerializationException
from fogbank.wire.model import OperationModel, Ref, ServiceModel
from fogbank.wire.parse_form import SCALARS, pairs
from fogbank.wire.protocols.operation import CompiledOperation
from fogbank.wire.protocols.request import RequestData, ResponseData
from fogbank.wire.serialize_xml import float_text

Text = Callable[[Any], str]
_FORMATS: dict[str, Text] = {
    "iso8601": timestamps.iso8601,
    "rfc822": timestamps.rfc822,
    "unixTimestamp": lambda seconds: str(timestamps.unix(seconds)),
}


class RestOperation(CompiledOperation):
    """Bindings of one operation. Subclasses read and write the part that is in the body."""

    event_xml: ClassVar[bool] = False
    """Whether events in a stream are XML."""

    def __init__(
        self, service: ServiceModel, operation: OperationModel, *, validates: bool, raw_shapes: frozenset[str]
    ) -> None:
        super().__init__(service, operation, validates=validates, raw_shapes=raw_shapes)
        self._bind_input()
        self._bind_output()

    # ---- requests

    def _bind_input(self) -> None:
        shape = self.input_shape
        members = {} if shape is None else shape.members
        path = self.operation.request_uri.partition("?")[0]
        self._segments = [segment for segment in path.split("/") if segment]
        self._labels = {_label_name(segment): segment for segment in self._segments if segment.startswith("{")}
        self._uri = {
            ref.location_name or member: (member, self._reader(ref))
            for member, ref in members.items()
            if ref.location == "uri"
        }
        self._query = {
            ref.location_name or member: (member, self._is_list(ref), self._reader(ref))
            for member, ref in members.items()
            if ref.location == "querystring" and self.service.shapes[ref.shape].type != "map"
        }
        self._query_map = [
            (member, self.service.shapes[ref.shape])
            for member, ref in members.items()
            if ref.location == "querystring" and self.service.shapes[ref.shape].type == "map"
        ]
        self._headers = {
            (ref.location_name or member).lower(): (member, self._header_reader(ref))
            for member, ref in members.items()
            if ref.location == "header"
        }
        self._header_maps = [
            (member, (ref.location_name or "").lower()) for member, ref in members.items() if ref.location == "headers"
        ]
        self._payload = None if shape is None else shape.payload
        self._body_members = any(ref.location is None for ref in members.values())

    def parse(self, request: RequestData) -> dict[str, Any]:
        parameters: dict[str, Any] = {}
        if self.operation.input is None:
            return parameters
        try:
            self._read_path(request.resource, parameters)
            self._read_query(request.query, parameters)
            self._read_headers(request.headers, parameters)
            if self._payload is not None:
                value = self.read_payload(request, self._payload)
                if value is not None:
                    parameters[self._payload] = value
            elif self._body_members and request.body:
                assert not isinstance(request.body, BodyStream)
                parameters.update(self.read_body(request.body))
        except RecursionError:
            raise self.unreadable("The request body is nested too deeply.") from None
        return self.check(parameters)

    def read_payload(self, request: RequestData, member: str) -> Any:
        """The payload member's value, or None if there is none."""
        assert self.input_shape is not None
        ref = self.input_shape.members[member]
        shape = self.service.shapes[ref.shape]
        body = request.body
        if shape.type == "blob":
            return body if body or isinstance(body, BodyStream) or self.operation.streaming_input else None
        assert not isinstance(body, BodyStream)
        if shape.type == "string":
            if not body and member not in self.input_shape.required:
                return None
            try:
                return body.decode()
            except UnicodeDecodeError:
                raise self.unreadable("The request body is not valid UTF-8.") from None
        return self.read_structure(body, ref) if body else None

    def read_structure(self, body: bytes, ref: Ref) -> Any:
        """A payload that is a structure (or a list, or a document)."""
        raise NotImplementedError

    def read_body(self, body: bytes) -> dict[str, Any]:
        """The members without a location."""
        raise NotImplementedError

    def unreadable(self, message: str) -> AwsError:
        """The error for a request that cannot be read."""
        return SerializationException(message)

    def _read_path(self, path: str, parameters: dict[str, Any]) -> None:
        if not self._labels:
            return
        segments = path.split("/")[1:]
        for index, template in enumerate(self._segments):
            if not template.startswith("{"):
                continue
            binding = self._uri.get(_label_name(template))
            if binding is None:
                continue
            if template.endswith("+}"):
                after = len(self._segments) - index - 1
                part = "/".join(segments[index : len(segments) - after])
            else:
                part = segments[index] if index < len(segments) else ""
            try:
                text = self.path_text(part)
            except UnicodeDecodeError:
                raise self.unreadable_path() from None
            if text:
                parameters[binding[0]] = self._scalar(template, binding[1], text)

    def path_text(self, part: str) -> str:
        """A part of the path, decoded. Raises UnicodeDecodeError."""
        return unquote(part, errors="strict") if "%" in part else part

    def unreadable_path(self) -> AwsError:
        return self.unreadable("The request path is not valid UTF-8.")

    def _read_query(self, query: str, parameters: dict[str, Any]) -> None:
        if not query or not (self._query or self._query_map):
            return
        rest: dict[str, list[str]] = {}
        for name, value in pairs(query):
            binding = self._query.get(name)
            if binding is None:
                rest.setdefault(name, []).append(value)
                continue
            member, many, read = binding
            if many:
                parameters.setdefault(member, []).append(self._scalar(name, read, value))
            elif value or not self._blank_is_absent(read):
                parameters[member] = self._scalar(name, read, value)
        for member, shape in self._query_map:
            assert shape.value is not None
            lists = self.service.shapes[shape.value.shape].type == "list"
            if rest:
                parameters[member] = {name: values if lists else values[-1] for name, values in rest.items()}

    def _read_headers(self, headers: dict[str, str], parameters: dict[str, Any]) -> None:
        bindings = self._headers
        for name, value in headers.items():
            if name in bindings:
                member, read = bindings[name]
                parameters[member] = self._scalar(name, read, value)
        for member, prefix in self._header_maps:
            found = {name[len(prefix) :]: value for name, value in headers.items() if name.startswith(prefix)}
            if found:
                parameters[member] = found

    def _scalar(self, name: str, read: Callable[[Any], Any], text: str) -> Any:
        try:
            return read(text)
        except AwsError as error:
            raise self.unreadable_value(name, read, text, error.message) from None

    def unreadable_value(self, name: str, read: Callable[[Any], Any], text: str, message: str) -> AwsError:
        """The error for a parameter of the path, the query or a header that `read` refused."""
        return self.unreadable(message)

    def _blank_is_absent(self, read: Callable[[Any], Any]) -> bool:
        return False

    def _is_list(self, ref: Ref) -> bool:
        return self.service.shapes[ref.shape].type == "list"

    def _reader(self, ref: Ref) -> Callable[[Any], Any]:
        shape = self.service.shapes[ref.shape]
        if shape.type == "list":
            assert shape.member is not None
            return self._reader(shape.member)
        return SCALARS.get(shape.type, SCALARS["string"])

    def _header_reader(self, ref: Ref) -> Callable[[Any], Any]:
        shape = self.service.shapes[ref.shape]
        if ref.jsonvalue:
            return self._read_json_header
        if shape.type == "list":
            assert shape.member is not None
            inner = self.service.shapes[shape.member.shape]
            element = SCALARS[inner.type]
            split = _split_dates if inner.type == "timestamp" else split_list
            return lambda text: [element(part) for part in split(text)]
        return SCALARS[shape.type]

    def _read_json_header(self, text: str) -> str:
        try:
            document = base64.b64decode(text, validate=True)
            msgspec.json.decode(document)
            return document.decode()
        except (binascii.Error, ValueError, RecursionError):
            raise self.unreadable("A header is not JSON in Base64.") from None

    # ---- answers

    def _bind_output(self) -> None:
        shape = self.output_shape
        members = {} if shape is None else shape.members
        self._out_headers = {
            member: (ref.location_name or member, header_text(self.service, ref))
            for member, ref in members.items()
            if ref.location == "header"
        }
        self._out_header_maps = [
            (member, ref.location_name or "") for member, ref in members.items() if ref.location == "headers"
        ]
        self._out_status = next((member for member, ref in members.items() if ref.location == "statusCode"), None)
        self._out_payload = None if shape is None else shape.payload
        self._out_body = any(ref.location is None for ref in members.values())

    def serialize(self, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        answer = answer or {}
        headers = self.common_headers(request_id)
        for member, value in answer.items():
            if value is not None and member in self._out_headers:
                name, text = self._out_headers[member]
                headers.append((name, text(value)))
        for member, prefix in self._out_header_maps:
            for name, value in (answer.get(member) or {}).items():
                headers.append((f"{prefix}{name}", str(value)))
        status = answer.get(STATUS) or self.operation.status
        if self._out_status is not None:
            status = answer.get(self._out_status) or status
        content_type, body = self._body_of(answer)
        if content_type is not None and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", content_type))
        return ResponseData(status, headers, body)

    def _body_of(self, answer: dict[str, Any]) -> tuple[str | None, Any]:
        shape = self.output_shape
        if shape is None:
            return None, b""
        if self._out_payload is None:
            return self.write_body(answer) if self._out_body else (None, b"")
        ref = shape.members[self._out_payload]
        value = answer.get(self._out_payload)
        inner = self.service.shapes[ref.shape]
        if inner.eventstream:
            from fogbank.wire.protocols.event_stream import EventStream

            stream = EventStream(self.service, ref.shape, xml=self.event_xml)
            return "application/vnd.amazon.eventstream", stream.encode_all(value)
        if inner.type == "blob":
            return "application/octet-stream", b"" if value is None else value
        if inner.type == "string":
            return "text/plain", b"" if value is None else str(value).encode()
        return self.write_payload(value, ref)

    def common_headers(self, request_id: str) -> list[tuple[str, str]]:
        return [("x-amzn-RequestId", request_id)]

    def write_payload(self, value: Any, ref: Ref) -> tuple[str | None, bytes]:
        """A payload that is a structure, with its content type."""
        raise NotImplementedError

    def write_body(self, answer: dict[str, Any]) -> tuple[str | None, bytes]:
        """The members without a location, with their content type."""
        raise NotImplementedError


def _label_name(segment: str) -> str:
    return segment.strip("{}").removesuffix("+")


def split_list(text: str) -> list[str]:
    """A header with a list: parts between commas; a part in quotes may hold commas."""
    if '"' not in text:
        return [part.strip() for part in text.split(",")]
    parts: list[str] = []
    rest = text
    while rest:
        rest = rest.lstrip()
        if not rest.startswith('"'):
            part, _, rest = rest.partition(",")
            parts.append(part.strip())
            continue
        value, position = [], 1
        while position < len(rest) and rest[position] != '"':
            position += rest[position] == "\\" and position + 1 < len(rest)
            value.append(rest[position])
            position += 1
        parts.append("".join(value))
        rest = rest[position + 1 :].partition(",")[2]
    return parts


def _split_dates(text: str) -> list[str]:
    """Dates as in HTTP have a comma of their own: `Thu, 01 Jan 2026 00:00:00 GMT`."""
    parts = [part.strip() for part in text.split(",")]
    if not parts[0].isalpha():
        return parts
    return [f"{day}, {rest}" for day, rest in zip(parts[::2], parts[1::2], strict=False)]


def header_text(service: ServiceModel, ref: Ref) -> Text:
    """How a value is written in a header."""
    shape = service.shapes[ref.shape]
    if ref.jsonvalue:
        return lambda value: base64.b64encode(
            value.encode() if isinstance(value, str) else msgspec.json.encode(value)
        ).decode()
    match shape.type:
        case "timestamp":
            return _FORMATS[ref.timestamp_format or shape.timestamp_format or "rfc822"]
        case "boolean":
            return lambda value: "true" if value else "false"
        case "float" | "double":
            return float_text
        case "blob":
            return lambda value: base64.b64encode(value).decode()
        case "list":
            assert shape.member is not None
            element = header_text(service, shape.member)
            return lambda value: ",".join(_quoted(element(part)) for part in value)
        case _:
            return str


def _quoted(text: str) -> str:
    if '"' not in text and "," not in text:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
