"""The ec2 protocol: query with capitalized names, flat lists, and answers without a result wrapper.

https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
"""

from typing import Any, ClassVar

from fogbank.core.errors import AwsError
from fogbank.wire import timestamps
from fogbank.wire.model import ServiceModel
from fogbank.wire.protocols.operation import error_shape
from fogbank.wire.protocols.query import QueryOperation, error_code
from fogbank.wire.protocols.request import ResponseData
from fogbank.wire.serialize_xml import Out, escape

_XML = ("Content-Type", "text/xml;charset=UTF-8")


class Ec2Operation(QueryOperation):
    constraint_code: ClassVar[str] = "InvalidParameterValue"
    ec2: ClassVar[bool] = True

    @staticmethod
    def iso8601(seconds: float) -> str:
        return timestamps.iso8601_milliseconds(seconds)

    def serialize(self, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        name = self.operation.name
        out: Out = [f"<{name}Response{self._xmlns}><requestId>{request_id}</requestId>"]
        if self._contents is None:
            out.append("<return>true</return>")
        else:
            self._contents(out, answer or {})
        out.append(f"</{name}Response>")
        return ResponseData(200, [_XML, ("x-amzn-RequestId", request_id)], "".join(out).encode(errors="replace"))

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        return ec2_fault(self.service, error, request_id)


def ec2_fault(service: ServiceModel | None, error: AwsError, request_id: str) -> ResponseData:
    """`<Response><Errors>`, also for a request whose operation is not known."""
    name, shape = (error.code, None) if service is None else error_shape(service, error)
    text = (
        f"<Response><Errors><Error><Code>{escape(error_code(name, shape, error))}</Code>"
        f"<Message>{escape(error.message)}</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
    )
    return ResponseData(error.status, [_XML, ("x-amzn-RequestId", request_id)], text.encode(errors="replace"))
