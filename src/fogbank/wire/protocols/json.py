"""AWS JSON 1.0 and 1.1: the operation is in X-Amz-Target, everything else in the body."""

from typing import Any

from fogbank.core.errors import AwsError
from fogbank.wire.errors import InvalidParameterValue, MissingParameter
from fogbank.wire.model import OperationModel, ServiceModel
from fogbank.wire.parse_json import body_parser, decode_any
from fogbank.wire.protocols.operation import CompiledOperation, error_shape, message_key
from fogbank.wire.protocols.request import RequestData, ResponseData
from fogbank.wire.serialize_json import converter, encode
from fogbank.wire.validate import Violations

# The Smithy namespace that AWS puts before an error's name; other services send the bare name.
_NAMESPACES = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#",
    "dynamodbstreams": "com.amazonaws.dynamodb.v20120810#",
    "sqs": "com.amazonaws.sqs#",
    "cloudwatch": "com.amazonaws.cloudwatch.v2010_08_01#",
}
# Errors of the framework under every service keep the framework's namespace.
_CORAL_SERVICE = frozenset({"SerializationException", "UnknownOperationException", "InternalFailure"})
_CORAL_VALIDATE = frozenset({"ValidationException"})


class JsonOperation(CompiledOperation):
    def __init__(
        self,
        service: ServiceModel,
        operation: OperationModel,
        *,
        validates: bool,
        raw_shapes: frozenset[str],
        version: str,
    ) -> None:
        super().__init__(service, operation, validates=validates, raw_shapes=raw_shapes)
        self._content_type = ("Content-Type", f"application/x-amz-json-{version}")
        self._parse_body = None
        if operation.input is not None:
            self._parse_body = body_parser(
                service, operation.input.shape, validates=validates, raw_shapes=raw_shapes, refuse=self.refuse
            )
        self._convert = None if operation.output is None else converter(service, operation.output.shape)
        self._output = operation.output is not None
        self._stream_member: str | None = None
        if operation.output is not None:
            members = service.shapes[operation.output.shape].members.items()
            self._stream_member = next((name for name, ref in members if service.shapes[ref.shape].eventstream), None)

    def parse(self, request: RequestData) -> dict[str, Any]:
        body = request.body
        assert isinstance(body, bytes)
        if self._parse_body is None:
            if body:
                decode_any(body)
            return {}
        parameters: dict[str, Any] = self._parse_body(body)
        return parameters

    def serialize(self, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        headers = [self._content_type, ("x-amzn-RequestId", request_id)]
        if not self._output:
            return ResponseData(200, headers, b"")
        if not answer:
            return ResponseData(200, headers, b"{}")
        if self._stream_member is not None:
            return self._stream(answer, self._stream_member, request_id)
        if self._convert is not None:
            answer = self._convert(answer)
        elif None in answer.values():
            answer = {key: value for key, value in answer.items() if value is not None}
        return ResponseData(200, headers, encode(answer))

    def _stream(self, answer: dict[str, Any], member: str, request_id: str) -> ResponseData:
        from fogbank.wire.protocols.event_stream import EventStream

        shape = self.output_shape
        assert shape is not None
        # SDKs wait for an initial response before the events.
        stream = EventStream(self.service, shape.members[member].shape, xml=False)
        rest = {key: value for key, value in answer.items() if key != member and value is not None}
        body = stream.encode_all(answer.get(member), initial=encode(rest))
        headers = [("Content-Type", "application/vnd.amazon.eventstream"), ("x-amzn-RequestId", request_id)]
        return ResponseData(200, headers, body)

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        return json_fault(self.service, error, request_id, self._content_type)

    def refuse(self, violations: Violations) -> AwsError:
        if self.service.name == "sqs":
            return sqs_refusal(violations)
        return super().refuse(violations)


def json_fault(
    service: ServiceModel | None,
    error: AwsError,
    request_id: str,
    content_type: tuple[str, str] = ("Content-Type", "application/x-amz-json-1.0"),
) -> ResponseData:
    """An error as `{"__type": …, "message": …}`, also for a request whose operation is not known."""
    headers = [content_type, ("x-amzn-RequestId", request_id)]
    if service is not None and service.query_compatible:
        headers.append(("x-amzn-query-error", query_error(error.code, error, service)))
    return ResponseData(error.status, headers, encode(error_body(service, error)))


def error_body(service: ServiceModel | None, error: AwsError) -> dict[str, Any]:
    """An error as JSON has it; CBOR has the same keys."""
    name, shape = (error.code, None) if service is None else error_shape(service, error)
    body: dict[str, Any] = {"__type": error_type(service, name)}
    if error.message:
        # SerializationException and its like come from the framework, which writes "Message".
        body[message_key(shape, "Message" if name in _CORAL_SERVICE else "message")] = error.message
    if service is None:
        body.update(error.members)
    else:
        body.update(error_members(service, name, error))
    return body


def error_type(service: ServiceModel | None, name: str) -> str:
    namespace = _NAMESPACES.get(service.name, "") if service is not None else ""
    if namespace and name in _CORAL_SERVICE:
        return f"com.amazon.coral.service#{name}"
    if namespace and name in _CORAL_VALIDATE:
        return f"com.amazon.coral.validate#{name}"
    return f"{namespace}{name}"


def sqs_refusal(violations: Violations) -> AwsError:
    """SQS speaks as it did in its query days: one sentence for the first absent parameter."""
    if violations.missing:
        return MissingParameter(f"The request must contain the parameter {violations.missing[0]}.")
    return InvalidParameterValue(violations.sentence())


def error_members(service: ServiceModel, name: str, error: AwsError) -> dict[str, Any]:
    """What an error carries beside its message, ready for JSON."""
    if not error.members:
        return {}
    members = {key: value for key, value in error.members.items() if value is not None}
    if name in service.shapes:
        convert = converter(service, name)
        if convert is not None:
            converted: dict[str, Any] = convert(members)
            return converted
    return members


def query_error(name: str, error: AwsError, service: ServiceModel) -> str:
    """The header that tells an SDK which code the query protocol would have used."""
    found = service.error_shapes.get(name)
    model_code = found[1].error.code if found is not None and found[1].error is not None else None
    return f"{error.query_code or model_code or name};{'Sender' if error.sender else 'Receiver'}"
