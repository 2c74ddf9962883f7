"""smithy's RPC v2 with CBOR: the operation is in the path, everything else in the body.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from collections.abc import Callable
from typing import Any

from fogbank.core.body import BodyStream
from fogbank.core.errors import AwsError
from fogbank.wire.cbor import CborError, Timestamp, decode, encode
from fogbank.wire.errors import SerializationException
from fogbank.wire.model import OperationModel, ServiceModel
from fogbank.wire.parse_json import coercer
from fogbank.wire.protocols.json import error_type, query_error, sqs_refusal
from fogbank.wire.protocols.operation import CompiledOperation, error_shape, message_key
from fogbank.wire.protocols.request import RequestData, ResponseData
from fogbank.wire.validate import Violations

_PROTOCOL = [("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]


class CborOperation(CompiledOperation):
    def __init__(
        self, service: ServiceModel, operation: OperationModel, *, validates: bool, raw_shapes: frozenset[str]
    ) -> None:
        super().__init__(service, operation, validates=validates, raw_shapes=raw_shapes)
        self._coerce = None if operation.input is None else coercer(service, operation.input.shape, raw_shapes)
        self._convert = None if operation.output is None else converter(service, operation.output.shape)

    def parse(self, request: RequestData) -> dict[str, Any]:
        assert not isinstance(request.body, BodyStream)
        if self._coerce is None:
            return {}
        try:
            value = decode(request.body) if request.body else {}
            parameters: dict[str, Any] = self._coerce(value)
        except CborError as error:
            raise SerializationException(str(error)) from None
        except RecursionError:
            raise SerializationException("The request body is nested too deeply.") from None
        return self.check(parameters)

    def serialize(self, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        headers = [*_PROTOCOL, ("x-amzn-RequestId", request_id)]
        if self._convert is None:
            return ResponseData(200, headers[:1] + headers[2:], b"")
        return ResponseData(200, headers, encode(self._convert(answer or {})))

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        return cbor_fault(self.service, error, request_id)

    def refuse(self, violations: Violations) -> AwsError:
        return sqs_refusal(violations) if self.service.name == "sqs" else super().refuse(violations)


def cbor_fault(service: ServiceModel | None, error: AwsError, request_id: str) -> ResponseData:
    """An error with the keys that JSON has; also for a request whose operation is not known."""
    headers = [*_PROTOCOL, ("x-amzn-RequestId", request_id)]
    name, shape = (error.code, None) if service is None else error_shape(service, error)
    body: dict[str, Any] = {"__type": error_type(service, name)}
    if error.message:
        body[message_key(shape)] = error.message
    members = {key: value for key, value in error.members.items() if value is not None}
    if service is not None:
        if shape is not None:
            members = converter(service, name)(members)
        if service.query_compatible:
            headers.append(("x-amzn-query-error", query_error(error.code, error, service)))
    return ResponseData(error.status, headers, encode(body | members))


def converter(model: ServiceModel, shape_name: str) -> Callable[[Any], Any]:
    """A function from an answer to what `encode` takes: timestamps marked, absent members left out."""
    key = ("convert_cbor", shape_name)
    found: Callable[[Any], Any] | None = model.compiled.get(key)
    if found is None:
        model.compiled[key] = lambda value: model.compiled[key](value)
        found = model.compiled[key] = _converter(model, shape_name)
    return found


def _converter(model: ServiceModel, shape_name: str) -> Callable[[Any], Any]:
    shape = model.shapes[shape_name]
    match shape.type:
        case "structure" if not shape.document:
            members = {
                member: (ref.location_name or member, converter(model, ref.shape))
                for member, ref in shape.members.items()
            }

            def structure(value: Any) -> dict[str, Any]:
                answer = {}
                for name, inner in value.items():
                    member = members.get(name)
                    if member is not None and inner is not None:
                        answer[member[0]] = member[1](inner)
                return answer

            return structure
        case "list":
            assert shape.member is not None
            element = converter(model, shape.member.shape)
            return lambda value: [element(inner) for inner in value]
        case "map":
            assert shape.value is not None
            inner_value = converter(model, shape.value.shape)
            return lambda value: {name: inner_value(inner) for name, inner in value.items()}
        case "timestamp":
            return Timestamp
        case "float" | "double":
            return float
        case _:
            return _as_is


def _as_is(value: Any) -> Any:
    return value
