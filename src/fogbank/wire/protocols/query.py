"""The query protocol: parameters in a form, answers in XML with a result wrapper."""

from typing import Any, ClassVar

from fogbank.core.body import BodyStream
from fogbank.core.errors import AwsError
from fogbank.wire import timestamps
from fogbank.wire.model import OperationModel, ServiceModel, Shape
from fogbank.wire.parse_form import FormReader, form_text, pairs, tree_of
from fogbank.wire.protocols.json import sqs_refusal
from fogbank.wire.protocols.operation import CompiledOperation, error_shape
from fogbank.wire.protocols.request import RequestData, ResponseData
from fogbank.wire.protocols.sqs_query import complete, sqs_query_model
from fogbank.wire.serialize_xml import Out, XmlWriter, escape, namespace_attribute
from fogbank.wire.validate import Violations

_XML = ("Content-Type", "text/xml")


class QueryOperation(CompiledOperation):
    constraint_code: ClassVar[str] = "ValidationError"
    ec2: ClassVar[bool] = False

    def __init__(
        self, service: ServiceModel, operation: OperationModel, *, validates: bool, raw_shapes: frozenset[str]
    ) -> None:
        if service.name == "sqs":
            # botocore's model speaks JSON only; SQS itself still takes forms, with their own names.
            service = sqs_query_model(service)
        super().__init__(service, operation, validates=validates, raw_shapes=raw_shapes)
        self._read = None if operation.input is None else FormReader(service, ec2=self.ec2).reader(operation.input)
        self._xmlns = namespace_attribute(service.namespace)
        self._writer = XmlWriter(service, self.iso8601)
        shape = self.output_shape
        self._contents = None if shape is None else self._writer.contents(shape)

    @staticmethod
    def iso8601(seconds: float) -> str:
        return timestamps.iso8601(seconds)

    def parse(self, request: RequestData) -> dict[str, Any]:
        if self._read is None:
            return {}
        assert not isinstance(request.body, BodyStream)
        parameters = pairs(request.query) if request.query else []
        if request.body:
            parameters += pairs(form_text(request.body))
        value: dict[str, Any] = self._read(tree_of(parameters))
        if self.service.name == "sqs":
            complete(value, request, self.operation.name, self.members)
        return self.check(value)

    def serialize(self, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        name = self.operation.name
        out: Out = [f"<{name}Response{self._xmlns}>"]
        if self._contents is not None:
            assert self.operation.output is not None
            wrapper = self.operation.output.result_wrapper or f"{name}Result"
            out.append(f"<{wrapper}>")
            self._contents(out, answer or {})
            if len(out) == 2:
                out[1] = f"<{wrapper}/>"
            else:
                out.append(f"</{wrapper}>")
        out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>")
        return ResponseData(200, [_XML, ("x-amzn-RequestId", request_id)], "".join(out).encode(errors="replace"))

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        return query_fault(self.service, error, request_id)

    def refuse(self, violations: Violations) -> AwsError:
        return sqs_refusal(violations) if self.service.name == "sqs" else super().refuse(violations)


def query_fault(service: ServiceModel | None, error: AwsError, request_id: str) -> ResponseData:
    """`<ErrorResponse>`, also for a request whose operation is not known."""
    xmlns = "" if service is None else namespace_attribute(service.namespace)
    kind = "Sender" if error.sender else "Receiver"
    detail = "<Detail/>" if service is not None and service.name == "sqs" else ""
    text = (
        f"<ErrorResponse{xmlns}><Error><Type>{kind}</Type>{error_contents(service, error)}{detail}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return ResponseData(error.status, [_XML, ("x-amzn-RequestId", request_id)], text.encode(errors="replace"))


def error_contents(service: ServiceModel | None, error: AwsError) -> str:
    """Code, message and further members of an error as elements; REST has an empty message where there is none."""
    name, shape = (error.code, None) if service is None else error_shape(service, error)
    message = escape(error.query_message or error.message)
    out: Out = [f"<Code>{escape(error_code(name, shape, error))}</Code>"]
    if message or (service is not None and "rest-xml" in service.protocols):
        out.append(f"<Message>{message}</Message>")
    for member, value in error.members.items():
        ref = None if shape is None else shape.members.get(member)
        if value is None:
            continue
        if service is not None and ref is not None:
            writer = XmlWriter(service, timestamps.iso8601_milliseconds)
            writer.writer(ref)(out, writer.element_name(ref, member), value)
        else:
            out.append(f"<{member}>{escape(str(value))}</{member}>")
    return "".join(out)


def error_code(name: str, shape: Shape | None, error: AwsError) -> str:
    if error.query_code is not None:
        return error.query_code
    if shape is not None and shape.error is not None and shape.error.code is not None:
        return shape.error.code
    return name
