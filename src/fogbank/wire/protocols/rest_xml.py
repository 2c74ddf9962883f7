"""rest-xml: the REST bindings with XML bodies; S3's own ways are marked as such."""

from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from fogbank.core.errors import AwsError
from fogbank.core.ids import host_id
from fogbank.wire import timestamps
from fogbank.wire.errors import MalformedXML, WireError
from fogbank.wire.model import Ref, ServiceModel
from fogbank.wire.parse_form import SCALARS
from fogbank.wire.parse_xml import XmlReader, parse
from fogbank.wire.protocols.query import error_contents
from fogbank.wire.protocols.request import ResponseData
from fogbank.wire.protocols.rest import RestOperation
from fogbank.wire.serialize_xml import Out, XmlWriter, namespace_attribute
from fogbank.wire.validate import Violations

_XML = "application/xml"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
# The names of S3's documents where they are not the payload's: the model leaves them out.
_S3_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketIntelligentTieringConfigurations": "ListBucketIntelligentTieringConfigurationsResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
# Whose answers have no content, whatever the model says.
_S3_NO_CONTENT = frozenset(
    (
        "PutBucketAnalyticsConfiguration",
        "PutBucketIntelligentTieringConfiguration",
        "PutBucketInventoryConfiguration",
        "PutBucketMetricsConfiguration",
        "PutBucketPolicy",
        "PutBucketTagging",
    )
)


class RestXmlOperation(RestOperation):
    constraint_code: ClassVar[str] = "InvalidInput"
    event_xml: ClassVar[bool] = True

    def _bind_input(self) -> None:
        super()._bind_input()
        shape = self.input_shape
        self._read_structure = None if shape is None else XmlReader(self.service).structure(shape)

    def _bind_output(self) -> None:
        super()._bind_output()
        self._writer = XmlWriter(self.service, timestamps.iso8601_milliseconds)
        shape = self.output_shape
        self._is_s3 = self.service.name == "s3"
        # SDKs that read as they go give the rows of S3's lists the owner and the bucket's name that they have seen.
        self._contents = None if shape is None else self._writer.contents(shape, lists_last=self._is_s3)
        self._content_range = next(
            (member for member, (name, _) in self._out_headers.items() if name.lower() == "content-range"), None
        )

    def read_structure(self, body: bytes, ref: Ref) -> Any:
        return XmlReader(self.service).reader(ref)(parse(body))

    def read_body(self, body: bytes) -> dict[str, Any]:
        assert self._read_structure is not None
        parameters: dict[str, Any] = self._read_structure(parse(body))
        return parameters

    def unreadable(self, message: str) -> AwsError:
        if self._is_s3:
            return WireError(message, code="InvalidArgument")
        return WireError(message, code="InvalidInput")

    def path_text(self, part: str) -> str:
        if not self._is_s3:
            return super().path_text(part)
        # S3 has always taken a plus sign in a path for a space.
        return unquote_plus(part, errors="strict") if "%" in part or "+" in part else part

    def unreadable_path(self) -> AwsError:
        if not self._is_s3:
            return super().unreadable_path()
        return WireError("Couldn't parse the specified URI.", code="InvalidURI")

    def unreadable_value(self, name: str, read: Callable[[Any], Any], text: str, message: str) -> AwsError:
        if not self._is_s3 or read is not SCALARS["integer"]:
            return super().unreadable_value(name, read, text, message)
        sentence = f"Provided {name} not an integer or within integer range"
        return WireError(sentence, code="InvalidArgument", members={"ArgumentName": name, "ArgumentValue": text})

    def _blank_is_absent(self, read: Callable[[Any], Any]) -> bool:
        return self._is_s3 and read is SCALARS["integer"]  # As S3 was recorded.

    def refuse(self, violations: Violations) -> AwsError:
        if not self._is_s3:
            return super().refuse(violations)
        # S3 has no sentence with constraints: a bad document is MalformedXML, a bad parameter
        # InvalidArgument.
        shape = self.input_shape
        assert shape is not None
        refusal = self.refusal(violations.sentence(), violations.parameters)
        if refusal is not None:
            return refusal
        for member, ref in shape.members.items():
            name = member[:1].lower() + member[1:]
            if ref.location is not None and any(f" at '{name}" in text for text in violations.found):
                return WireError(violations.sentence(), code="InvalidArgument")
        if self._payload in violations.missing:
            return WireError("Request body is empty", code="MissingRequestBodyError")
        return MalformedXML()

    def common_headers(self, request_id: str) -> list[tuple[str, str]]:
        if self._is_s3:
            return s3_headers(request_id)
        return super().common_headers(request_id)

    def serialize(self, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        response = super().serialize(answer, request_id)
        if self._content_range is not None and (answer or {}).get(self._content_range):
            # Part of the whole (https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7); the model tells only 200.
            response.status = 206
        if self._is_s3 and self.operation.name in _S3_NO_CONTENT:
            response.status = 204
        if self._is_s3 and self.operation.name == "HeadBucket":
            response.headers.append(("Content-Type", _XML))
        elif self.operation.method == "HEAD" and response.body == b"":
            # The length and type that a HEAD tells are the object's.
            response.headers = [
                pair
                for pair in response.headers
                if pair[0].lower() != "content-type" or (answer or {}).get("ContentType") is not None
            ]
        return response

    def write_payload(self, value: Any, ref: Ref) -> tuple[str | None, bytes]:
        if value is None:
            return None, b""
        shape = self.service.shapes[ref.shape]
        name = ref.location_name or shape.location_name or ref.shape
        if self._is_s3 and not (ref.xml_namespace or shape.xml_namespace):
            out: Out = [_DECLARATION, f"<{name}{namespace_attribute(_S3_NAMESPACE)}>"]
            self._writer.contents(shape)(out, value)
            out.append(f"</{name}>")
        else:
            out = [_DECLARATION]
            self._writer.writer(ref)(out, name, value)
        return _XML, "".join(out).encode(errors="replace")

    def write_body(self, answer: dict[str, Any]) -> tuple[str | None, bytes]:
        assert self.operation.output is not None
        assert self._contents is not None
        name = self.operation.name
        output = self.operation.output
        if self._is_s3:
            root, namespace = _S3_ROOTS.get(name, f"{name}Result"), _S3_NAMESPACE
        else:
            root = output.location_name or output.shape
            namespace = self.service.namespace or ""
        out: Out = [_DECLARATION, f"<{root}{namespace_attribute(output.xml_namespace or namespace)}>"]
        if name == "GetBucketLocation":
            # The one document of S3 whose root holds the text: empty stands for us-east-1.
            location = answer.get("LocationConstraint")
            out[-1] = f"{out[-1]}{location}</{root}>" if location else f"{out[-1][:-1]}/>"
        else:
            self._contents(out, answer)
            out.append(f"</{root}>")
        return _XML, "".join(out).encode(errors="replace")

    def serialize_error(self, error: AwsError, request_id: str) -> ResponseData:
        response = rest_xml_fault(self.service, error, request_id)
        if self.operation.method == "HEAD":
            response.body = b""
        return response


def s3_headers(request_id: str) -> list[tuple[str, str]]:
    return [("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id))]


def rest_xml_fault(service: ServiceModel | None, error: AwsError, request_id: str) -> ResponseData:
    """S3's bare `<Error>`, or `<ErrorResponse>` elsewhere; also for a request whose operation is not
    known.
    """
    contents = error_contents(service, error)
    if service is None or service.name == "s3":
        text = (
            f"{_DECLARATION}<Error>{contents}<RequestId>{request_id}</RequestId>"
            f"<HostId>{host_id(request_id)}</HostId></Error>"
        )
        headers = [("Content-Type", _XML), *s3_headers(request_id)]
        # 304 has no body (https://www.rfc-editor.org/rfc/rfc9110#section-15.4.5).
        body = b"" if error.status == 304 else text.encode(errors="replace")
        return ResponseData(error.status, headers, body)
    kind = "Sender" if error.sender else "Receiver"
    text = (
        f"{_DECLARATION}<ErrorResponse{namespace_attribute(service.namespace)}><Error><Type>{kind}</Type>{contents}"
        f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return ResponseData(
        error.status,
        [("Content-Type", _XML), ("x-amzn-RequestId", request_id)],
        text.encode(errors="replace"),
    )
