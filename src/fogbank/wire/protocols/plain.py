"""Operations that no model describes: the service reads the request and writes the answer itself.

Requests to users' REST APIs are such, and of S3 the forms that browsers post, their preflight requests, and websites.
"""

from typing import Any

from fogbank.core.errors import AwsError
from fogbank.wire.model import ServiceModel
from fogbank.wire.protocols.fault import serialize_fault
from fogbank.wire.protocols.operation import CompiledOperation
from fogbank.wire.protocols.request import RequestData, ResponseData
from fogbank.wire.protocols.rest_xml import RestXmlOperation, s3_headers


class BareOperation(CompiledOperation):
    """Its handler takes `request` and gives a `ResponseData`. Errors are the service's usual ones."""

    def __init__(self, service: ServiceModel, *, validates: bool, raw_shapes: frozenset[str]) -> None:
        self.service = service
        self.validates = validates
        self.raw_shapes = raw_shapes
        self.members = ()
        self.streaming_input = True

    def parse(self, request: RequestData) -> dict[str, Any]:
        return {"request": request}

    def serialize(self, answer: Any, request_id: str) -> ResponseData:
        response: ResponseData = answer
        return response

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        return serialize_fault(self.service, self.service.protocols[0], error, request_id)


class PlainOperation(BareOperation):
    """One of S3's, whose handler takes a `codec`, too."""

    def __init__(self, service: ServiceModel, *, validates: bool, raw_shapes: frozenset[str]) -> None:
        super().__init__(service, validates=validates, raw_shapes=raw_shapes)
        self._others: dict[str, RestXmlOperation] = {}

    def parse(self, request: RequestData) -> dict[str, Any]:
        return {"request": request, "codec": self}

    def serialize(self, answer: Any, request_id: str) -> ResponseData:
        response = super().serialize(answer, request_id)
        if not any(name == "x-amz-request-id" for name, _ in response.headers):
            response.headers += s3_headers(request_id)
        return response

    # ---- the codec

    def read(self, operation: str, request: RequestData) -> dict[str, Any]:
        return self._other(operation).parse(request)

    def write(self, operation: str, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        return self._other(operation).serialize(answer, request_id)

    def _other(self, name: str) -> RestXmlOperation:
        compiled = self._others.get(name)
        if compiled is None:
            compiled = self._others[name] = RestXmlOperation(
                self.service, self.service.operations[name], validates=self.validates, raw_shapes=self.raw_shapes
            )
            compiled.refusal = self.refusal
        return compiled
