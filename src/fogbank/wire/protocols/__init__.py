"""The AWS protocols. `compile_operation` picks the one that is asked for and imports no other."""

from fogbank.wire.model import ServiceModel
from fogbank.wire.protocols.operation import CompiledOperation
from fogbank.wire.protocols.request import RequestData, ResponseData

__all__ = ["DOORS", "CompiledOperation", "RequestData", "ResponseData", "compile_operation"]

DOORS = ("bare", "plain")
"""The protocols of what is in no model."""

NO_SHAPES: frozenset[str] = frozenset()


def compile_operation(
    service: ServiceModel,
    operation: str,
    protocol: str,
    *,
    validates: bool = True,
    raw_shapes: frozenset[str] = NO_SHAPES,
) -> CompiledOperation:
    """An operation in a protocol: `json` (or `json-1.0`, `json-1.1`), `query`, `ec2`, `rest-json`, `rest-xml`,
    `smithy-rpc-v2-cbor`, `amz-cbor`, `direct` for calls in process, or `bare` and `plain` for what is in no
    model. The caller keeps the result. Raises `KeyError` for an operation that is not in the model.
    """
    if protocol in DOORS:
        from fogbank.wire.protocols.plain import BareOperation, PlainOperation

        kind = BareOperation if protocol == "bare" else PlainOperation
        return kind(service, validates=validates, raw_shapes=raw_shapes)
    model = service.operations[operation]
    match protocol:
        case "json" | "json-1.0" | "json-1.1":
            from fogbank.wire.protocols.json import JsonOperation

            version = protocol[5:] or service.metadata.get("jsonVersion", "1.0")
            return JsonOperation(service, model, validates=validates, raw_shapes=raw_shapes, version=version)
        case "query":
            from fogbank.wire.protocols.query import QueryOperation

            return QueryOperation(service, model, validates=validates, raw_shapes=raw_shapes)
        case "ec2":
            from fogbank.wire.protocols.ec2 import Ec2Operation

            return Ec2Operation(service, model, validates=validates, raw_shapes=raw_shapes)
        case "rest-json":
            from fogbank.wire.protocols.rest_json import RestJsonOperation

            return RestJsonOperation(service, model, validates=validates, raw_shapes=raw_shapes)
        case "rest-xml":
            from fogbank.wire.protocols.rest_xml import RestXmlOperation

            return RestXmlOperation(service, model, validates=validates, raw_shapes=raw_shapes)
        case "smithy-rpc-v2-cbor":
            from fogbank.wire.protocols.cbor import CborOperation

            return CborOperation(service, model, validates=validates, raw_shapes=raw_shapes)
        case "amz-cbor":
            from fogbank.wire.protocols.cbor import AmzCborOperation

            return AmzCborOperation(service, model, validates=validates, raw_shapes=raw_shapes)
        case "direct":
            from fogbank.wire.direct import DirectOperation

            return DirectOperation(service, model, validates=validates, raw_shapes=raw_shapes)
        case _:
            raise ValueError(f"no such protocol: {protocol}")
