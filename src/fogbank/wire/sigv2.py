"""Signature version 2, which S3 still takes in regions that are older than 2014: boto3 presigns with it there.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from fogbank.wire.protocols.request import RequestData

# The parameters that say what a request is about; they are signed, others are not. All that name an operation must be
# here: else whoever has a request to read an object, signed by another, could make it one of another operation.
SIGNED = frozenset(
    (
        "abac", "accelerate", "acl", "analytics", "annotation", "attributes", "cors", "defaultObjectAcl", "delete",
        "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location", "logging",
        "metadataAnnotationTable", "metadataConfiguration", "metadataInventoryTable", "metadataJournalTable",
        "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "partNumber", "policy",
        "policyStatus", "publicAccessBlock", "renameObject", "replication", "requestPayment", "response-cache-control",
        "response-content-disposition", "response-content-encoding", "response-content-language",
        "response-content-type", "response-expires", "restore", "retention", "select", "select-type", "session",
        "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
    )
)  # fmt: skip


class SignedV2(NamedTuple):
    """How a request is signed; `expires` is empty for one that is signed in its headers."""

    access_key: str
    signature: str
    text: str
    expires: str = ""
    date: str = ""
    token: str = ""


def read_v2(request: RequestData) -> SignedV2 | None:
    """What a request says of its signature and what was to be signed; None if that is incomplete."""
    query = parse_qsl(request.query, keep_blank_values=True)
    given = dict(query)
    header = request.headers.get("authorization", "")
    if header:
        access_key, colon, signature = header.removeprefix("AWS ").partition(":")
        expires = ""
    else:
        access_key, signature, expires = (given.get(name, "") for name in ("AWSAccessKeyId", "Signature", "Expires"))
        colon = expires
    if not access_key or not signature or not colon:
        return None
    # Of a header and a parameter of the same name S3 goes by the header: that must be the one that is signed.
    headers = {name.lower(): value for name, value in query if _is_amazons(name)} | request.headers
    date = headers.get("date", "")
    signed_date = expires or ("" if "x-amz-date" in headers else date)
    lines = [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), signed_date]
    text = "\n".join(lines) + "\n" + _amazons_headers(headers) + _resource(request, query)
    token = headers.get("x-amz-security-token", "")
    return SignedV2(access_key, signature, text, expires, headers.get("x-amz-date", date), token)


def _is_amazons(name: str) -> bool:
    return name.lower().startswith("x-amz-")


def _amazons_headers(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers) if _is_amazons(name))


def _resource(request: RequestData, query: list[tuple[str, str]]) -> str:
    named = sorted((name, value) for name, value in query if name in SIGNED)
    told = "&".join(f"{name}={unquote(value)}" if value else name for name, value in named)
    return f"{request.resource}?{told}" if told else request.resource
