"""What a request and its answer are, in the words of server access logs and of request metrics.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
"""

import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from fogbank.core.context import Context
from fogbank.core.http_message import RequestData, ResponseData
from fogbank.core.numerals import whole_number
from fogbank.services.s3.fields import owner_id
from fogbank.services.s3.records import NULL_VERSION, ObjectVersion

# What the log calls a subresource: of a bucket, of an object.
_SUBRESOURCES: dict[str, tuple[str, str]] = {
    "accelerate": ("ACCELERATE", ""),
    "acl": ("ACL", "ACL"),
    "analytics": ("ANALYTICS", ""),
    "attributes": ("", "ATTRIBUTES"),
    "cors": ("CORS", ""),
    "delete": ("MULTI_OBJECT_DELETE", ""),
    "encryption": ("ENCRYPTION", ""),
    "intelligent-tiering": ("INTELLIGENT_TIERING", ""),
    "inventory": ("INVENTORY", ""),
    "legal-hold": ("", "OBJECT_LOCK_LEGALHOLD"),
    "lifecycle": ("LIFECYCLE", ""),
    "location": ("LOCATION", ""),
    "logging": ("LOGGING_STATUS", ""),
    "metrics": ("METRICS", ""),
    "notification": ("NOTIFICATION", ""),
    "object-lock": ("OBJECT_LOCK_CONFIGURATION", ""),
    "ownershipControls": ("OWNERSHIP_CONTROLS", ""),
    "policy": ("BUCKETPOLICY", ""),
    "policyStatus": ("BUCKETPOLICYSTATUS", ""),
    "publicAccessBlock": ("PUBLIC_ACCESS_BLOCK", ""),
    "replication": ("REPLICATION", ""),
    "requestPayment": ("REQUEST_PAYMENT", ""),
    "restore": ("", "OBJECT_RESTORE"),
    "retention": ("", "OBJECT_LOCK_RETENTION"),
    "select": ("", "SELECT"),
    "tagging": ("TAGGING", "OBJECT_TAGGING"),
    "uploads": ("UPLOADS", "UPLOADS"),
    "versioning": ("VERSIONING", ""),
    "versions": ("BUCKETVERSIONS", ""),
    "website": ("WEBSITE", ""),
}
_ERROR_CODE = re.compile(rb"<Code>([^<]+)</Code>")


class Facts(msgspec.Struct, frozen=True):
    """A request that has been answered; what is not known is empty or None."""

    bucket: str
    key: str
    method: str
    resource: str
    """Such as `OBJECT`, `BUCKET` or `ACL`."""
    query: dict[str, str]
    status: int
    error: str
    bytes_in: int
    bytes_out: int
    object_size: int | None
    duration_ms: int

    @property
    def operation(self) -> str:
        return f"REST.{self.method}.{self.resource}"


def facts(ctx: Context, request: RequestData, response: ResponseData, now_ms: int) -> Facts:
    bucket, _, key = request.resource[1:].partition("/")
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    headers = {name.lower(): value for name, value in response.headers}
    copies = "x-amz-copy-source" in request.headers
    given = request.headers.get("x-amz-decoded-content-length") or request.headers.get("content-length", "")
    bytes_in = whole_number(given) or 0
    whole = response.body if isinstance(response.body, bytes) else None
    length = headers.get("content-length", "")
    bytes_out = int(length) if length.isdecimal() else len(whole or b"")
    error = _ERROR_CODE.search(whole) if whole is not None and response.status >= 300 else None
    method = "COPY" if copies else request.method
    resource = _resource(method, key, query)
    return Facts(
        bucket=bucket,
        key=unquote(key),
        method=method,
        resource=resource,
        query=query,
        status=response.status,
        error=error[1].decode() if error is not None else "",
        bytes_in=bytes_in,
        bytes_out=0 if request.method == "HEAD" else bytes_out,
        object_size=_object_size(request.method, resource, headers, bytes_in, bytes_out, response.status),
        duration_ms=max(now_ms - ctx.now_ms, 0),
    )


def log_line(ctx: Context, request: RequestData, response: ResponseData, found: Facts, *, owner: str) -> str:
    """The line of the server access log; `owner` is the canonical id of the bucket's owner."""
    headers = {name.lower(): value for name, value in response.headers}
    authorization = request.headers.get("authorization", "")
    by_query = "X-Amz-Signature" in found.query or "Signature" in found.query
    target = f"{request.path}?{request.query}" if request.query else request.path
    return _line(
        ctx,
        owner=owner,
        bucket=found.bucket,
        requester="" if ctx.access_key is None else owner_id(ctx.account),
        operation=found.operation,
        key=found.key,
        uri=f"{request.method} {target} HTTP/1.1",
        status=found.status,
        error=found.error,
        bytes_sent=found.bytes_out,
        object_size=found.object_size,
        duration_ms=found.duration_ms,
        referer=request.headers.get("referer", ""),
        agent=request.headers.get("user-agent", ""),
        version_id=found.query.get("versionId", ""),
        host_id=headers.get("x-amz-id-2", ""),
        signature="SigV4"
        if "AWS4" in authorization or "X-Amz-Signature" in found.query
        else "SigV2"
        if by_query
        else "",
        authentication="AuthHeader" if authorization else "QueryString" if by_query else "",
        host=request.headers.get("host", ""),
    )


def lifecycle_line(ctx: Context, operation: str, key: str, version: ObjectVersion, *, owner: str, bucket: str) -> str:
    """The line for what a lifecycle rule did.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-and-other-bucket-config.html
    """
    return _line(
        ctx,
        owner=owner,
        bucket=bucket,
        requester="AmazonS3",
        operation=operation,
        key=key,
        object_size=version.size,
        version_id="" if version.version_id == NULL_VERSION else version.version_id,
    )


def _line(
    ctx: Context,
    *,
    owner: str,
    bucket: str,
    requester: str,
    operation: str,
    key: str,
    uri: str = "",
    status: int | None = None,
    error: str = "",
    bytes_sent: int = 0,
    object_size: int | None = None,
    duration_ms: int | None = None,
    referer: str = "",
    agent: str = "",
    version_id: str = "",
    host_id: str = "",
    signature: str = "",
    authentication: str = "",
    host: str = "",
) -> str:
    """A line of the log; a dash stands for what is not known."""
    duration = "-" if duration_ms is None else str(duration_ms)
    fields = [
        owner,
        bucket,
        datetime.fromtimestamp(ctx.now_ms / 1000, UTC).strftime("[%d/%b/%Y:%H:%M:%S +0000]"),
        ctx.peer or "-",
        requester or "-",
        ctx.request_id,
        operation,
        quote(quote(key)) or "-",
        f'"{uri or "-"}"',
        "-" if status is None else str(status),
        error or "-",
        str(bytes_sent or "-"),
        "-" if object_size is None else str(object_size),
        duration,
        duration,
        f'"{referer or "-"}"',
        f'"{agent or "-"}"',
        version_id or "-",
        host_id or "-",
        signature or "-",
        "-",
        authentication or "-",
        host or "-",
        "-",
        "-",
        "-",
    ]
    return " ".join(fields)


def _resource(method: str, key: str, query: dict[str, str]) -> str:
    if "uploadId" in query:
        return "PART" if "partNumber" in query else "UPLOAD"
    for name in query:
        found = _SUBRESOURCES.get(name, ("", ""))[bool(key)]
        if found:
            return found
    return "OBJECT" if key else "BUCKET"


def _object_size(
    method: str, resource: str, headers: dict[str, str], bytes_in: int, bytes_out: int, status: int
) -> int | None:
    if status >= 300 or resource != "OBJECT":
        return None
    if method == "PUT":
        return bytes_in
    if method not in ("GET", "HEAD"):
        return None
    total = headers.get("content-range", "").rpartition("/")[2]
    return int(total) if total.isdecimal() else bytes_out
