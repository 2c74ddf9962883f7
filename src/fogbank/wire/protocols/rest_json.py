"""rest-json: the REST bindings with JSON bodies."""

from typing import Any

from fogbank.core.errors import AwsError
from fogbank.wire.model import Ref, ServiceModel
from fogbank.wire.parse_json import coercer, decode_any
from fogbank.wire.protocols.json import error_members
from fogbank.wire.protocols.operation import error_shape, message_key
from fogbank.wire.protocols.request import ResponseData
from fogbank.wire.protocols.rest import RestOperation, header_text
from fogbank.wire.serialize_json import converter, encode

_JSON = "application/json"


class RestJsonOperation(RestOperation):
    def _bind_input(self) -> None:
        super()._bind_input()
        self._coerce = None
        if self.operation.input is not None and self._payload is None:
            self._coerce = coercer(self.service, self.operation.input.shape, self.raw_shapes)

    def _bind_output(self) -> None:
        super()._bind_output()
        self._convert = None
        if self.operation.output is not None:
            shape = self.output_shape
            assert shape is not None
            target = shape.members[shape.payload].shape if shape.payload else self.operation.output.shape
            self._convert = converter(self.service, target)

    def read_structure(self, body: bytes, ref: Ref) -> Any:
        value = decode_any(body)
        return None if value is None else coercer(self.service, ref.shape, self.raw_shapes)(value)

    def read_body(self, body: bytes) -> dict[str, Any]:
        value = decode_any(body)
        if value is None or self._coerce is None:
            return {}
        parameters: dict[str, Any] = self._coerce(value)
        return parameters

    def write_payload(self, value: Any, ref: Ref) -> tuple[str | None, bytes]:
        if value is None:
            return _JSON, b"{}"
        return _JSON, encode(value if self._convert is None else self._convert(value))

    def write_body(self, answer: dict[str, Any]) -> tuple[str | None, bytes]:
        if self._convert is not None:
            answer = self._convert(answer)
        elif None in answer.values():
            answer = {key: value for key, value in answer.items() if value is not None}
        return _JSON, encode(answer)

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        return rest_json_fault(self.service, error, request_id)


def rest_json_fault(service: ServiceModel | None, error: AwsError, request_id: str) -> ResponseData:
    """The code in a header, message and members in the body; also for a request whose operation is not
    known.
    """
    name, shape = (error.code, None) if service is None else error_shape(service, error)
    headers = [("Content-Type", _JSON), ("x-amzn-RequestId", request_id), ("x-amzn-ErrorType", name)]
    body: dict[str, Any] = {}
    told = error.members.get("Type", "") is not None
    if told and service is not None and service.name == "lambda" and (shape is None or "Type" in shape.members):
        # Lambda's error structures all carry who is at fault, but for some that are recorded with none.
        body["Type"] = "User" if error.sender else "Service"
    if error.message:
        body[message_key(shape)] = error.message
    members = dict(error.members)
    if shape is not None and service is not None:
        for member, ref in shape.members.items():
            if ref.location == "header" and member in members:
                headers.append((ref.location_name or member, header_text(service, ref)(members.pop(member))))
        body.update(error_members(service, name, error) if error.members else {})
    else:
        body.update(members)
    return ResponseData(error.status, headers, encode(body))
