"""Operations that no model describes: the service reads the request and writes the answer itself.

S3 has some, and only S3: forms that browsers post, their preflight requests, and websites.
"""

from typing import Any

from fogbank.core.errors import AwsError
from fogbank.wire.model import ServiceModel
from fogbank.wire.protocols.operation import CompiledOperation
from fogbank.wire.protocols.request import RequestData, ResponseData
from fogbank.wire.protocols.rest_xml import rest_xml_fault, s3_headers


class PlainOperation(CompiledOperation):
    """Its handler takes `request` and gives a `ResponseData`. Errors are the service's usual ones."""

    def __init__(self, service: ServiceModel) -> None:
        self.service = service
        self.members = ()
        self.streaming_input = True

    def parse(self, request: RequestData) -> dict[str, Any]:
        return {"request": request}

    def serialize(self, answer: Any, request_id: str) -> ResponseData:
        response: ResponseData = answer
        response.headers += s3_headers(request_id)
        return response

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        return rest_xml_fault(self.service, error, request_id)
