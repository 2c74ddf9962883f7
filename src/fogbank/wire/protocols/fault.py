"""Errors of requests that have no operation: the form is the protocol's, and nothing is compiled for it."""

from fogbank.core.errors import AwsError
from fogbank.wire.model import ServiceModel
from fogbank.wire.protocols.request import ResponseData


def serialize_fault(service: ServiceModel | None, protocol: str, error: AwsError, request_id: str) -> ResponseData:
    """An error in a protocol, for a service if it is known."""
    match protocol:
        case "query":
            from fogbank.wire.protocols.query import query_fault

            return query_fault(service, error, request_id)
        case "ec2":
            from fogbank.wire.protocols.ec2 import ec2_fault

            return ec2_fault(service, error, request_id)
        case "coral-xml":
            # What SQS says to a request without an action in any form.
            return ResponseData(error.status, [("Content-Type", "text/xml")], f"<{error.code}/>\n".encode())
        case "rest-xml":
            from fogbank.wire.protocols.rest_xml import rest_xml_fault

            return rest_xml_fault(service, error, request_id)
        case "rest-json":
            from fogbank.wire.protocols.rest_json import rest_json_fault

            return rest_json_fault(service, error, request_id)
        case "smithy-rpc-v2-cbor":
            from fogbank.wire.protocols.cbor import cbor_fault

            return cbor_fault(service, error, request_id)
        case "amz-cbor":
            from fogbank.wire.protocols.cbor import amz_cbor_fault

            return amz_cbor_fault(service, error, request_id)
        case _:
            from fogbank.wire.protocols.json import json_fault

            return json_fault(service, error, request_id)
