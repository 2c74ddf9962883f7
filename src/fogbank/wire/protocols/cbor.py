"""CBOR, in two protocols with everything but the operation in the body.

smithy's RPC v2 has the operation in the path: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
The older `application/x-amz-cbor-1.1`, which SDKs for Java speak with Kinesis, is AWS JSON 1.1 in another notation: the
operation is in X-Amz-Target, and timestamps are whole milliseconds.
"""

from collections.abc import Callable
from typing import Any, ClassVar

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

Moment = Callable[[float], Any]
"""What stands for a timestamp of so many seconds."""

_RPC_V2 = [("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]
_AMZ_1_1 = [("Content-Type", "application/x-amz-cbor-1.1")]


def _milliseconds(seconds: float) -> Timestamp:
    return Timestamp(round(seconds * 1000))


class CborOperation(CompiledOperation):
    headers: ClassVar = _RPC_V2
    moment: ClassVar[Moment] = Timestamp
    timestamp: ClassVar[Callable[[float], float]] = float

    def __init__(
        self, service: ServiceModel, operation: OperationModel, *, validates: bool, raw_shapes: frozenset[str]
    ) -> None:
        super().__init__(service, operation, validates=validates, raw_shapes=raw_shapes)
        self._coerce = None if operation.input is None else coercer(service, operation.input.shape, raw_shapes)
        self._convert = (
            None if operation.output is None else converter(service, operation.output.shape, type(self).moment)
        )

    def parse(self, request: RequestData) -> dict[str, Any]:
        assert not isinstance(request.body, BodyStream)
        if self._coerce is None:
            return {}
        try:
            value = decode(request.body, timestamp=type(self).timestamp) if request.body else {}
            parameters: dict[str, Any] = self._coerce(value)
        except CborError as error:
            raise SerializationException(str(error)) from None
        except RecursionError:
            raise SerializationException("The request body is nested too deeply.") from None
        return self.check(parameters)

    def serialize(self, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        headers = [*self.headers, ("x-amzn-RequestId", request_id)]
        if self._convert is None:
            return ResponseData(200, [header for header in headers if header[0] != "Content-Type"], b"")
        return ResponseData(200, headers, encode(self._convert(answer or {})))

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        return cbor_fault(self.service, error, request_id, self.headers, type(self).moment)

    def refuse(self, violations: Violations) -> AwsError:
        return sqs_refusal(violations) if self.service.name == "sqs" else super().refuse(violations)


class AmzCborOperation(CborOperation):
    headers: ClassVar = _AMZ_1_1
    moment: ClassVar[Moment] = _milliseconds
    timestamp: ClassVar[Callable[[float], float]] = lambda milliseconds: milliseconds / 1000


def amz_cbor_fault(service: ServiceModel | None, error: AwsError, request_id: str) -> ResponseData:
    return cbor_fault(service, error, request_id, _AMZ_1_1, _milliseconds)


def cbor_fault(
    service: ServiceModel | None,
    error: AwsError,
    request_id: str,
    protocol: list[tuple[str, str]] = _RPC_V2,
    moment: Moment = Timestamp,
) -> ResponseData:
    """An error with the keys that JSON has; also for a request whose operation is not known."""
    headers = [*protocol, ("x-amzn-RequestId", request_id)]
    name, shape = (error.code, None) if service is None else error_shape(service, error)
    body: dict[str, Any] = {"__type": error_type(service, name)}
    if error.message:
        body[message_key(shape)] = error.message
    members = {key: value for key, value in error.members.items() if value is not None}
    if service is not None:
        if shape is not None:
            members = converter(service, name, moment)(members)
        if service.query_compatible:
            headers.append(("x-amzn-query-error", query_error(error.code, error, service)))
    return ResponseData(error.status, headers, encode(body | members))


def converter(model: ServiceModel, shape_name: str, moment: Moment) -> Callable[[Any], Any]:
    """A function from an answer to what `encode` takes: timestamps marked, absent members left out."""
    key = ("convert_cbor", shape_name, moment)
    found: Callable[[Any], Any] | None = model.compiled.get(key)
    if found is None:
        model.compiled[key] = lambda value: model.compiled[key](value)
        found = model.compiled[key] = _converter(model, shape_name, moment)
    return found


def _converter(model: ServiceModel, shape_name: str, moment: Moment) -> Callable[[Any], Any]:
    shape = model.shapes[shape_name]
    match shape.type:
        case "structure" if not shape.document:
            members = {
                member: (ref.location_name or member, converter(model, ref.shape, moment))
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
            element = converter(model, shape.member.shape, moment)
            return lambda value: [element(inner) for inner in value]
        case "map":
            assert shape.value is not None
            inner_value = converter(model, shape.value.shape, moment)
            return lambda value: {name: inner_value(inner) for name, inner in value.items()}
        case "timestamp":
            return moment
        case "float" | "double":
            return float
        case _:
            return _as_is


def _as_is(value: Any) -> Any:
    return value
