"""Who signs a request, for which region and service. Nothing is verified here."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from fogbank.wire.protocols.request import RequestData


class Credential(NamedTuple):
    access_key: str
    region: str | None
    service: str | None


_IN_HEADER = re.compile(r"Credential=([^,\s]+)")
_IN_QUERY = re.compile(r"(?:^|&)X-Amz-Credential=([^&]+)")
_LEGACY_QUERY = re.compile(r"(?:^|&)AWSAccessKeyId=([^&]+)")


def credential(request: RequestData) -> Credential | None:
    """The credential that a request names, in any of the forms that AWS has had; None if it names none."""
    header = request.headers.get("authorization")
    if header is not None:
        if header.startswith("AWS4-"):
            match = _IN_HEADER.search(header)
            return None if match is None else _scope(match[1])
        if header.startswith("AWS "):  # Signature version 2, `AWS key:signature`: S3 only
            return _legacy(header[4:].partition(":")[0])
        return None
    query = request.query
    if query and "X-Amz-Credential=" in query:
        match = _IN_QUERY.search(query)
        return None if match is None else _scope(unquote(match[1]))
    if query and "AWSAccessKeyId=" in query:
        match = _LEGACY_QUERY.search(query)
        return None if match is None else _legacy(unquote(match[1]))
    return None


@lru_cache(maxsize=1024)  # a scope stays the same for a day
def _scope(text: str) -> Credential | None:
    parts = text.rsplit("/", 4)
    if len(parts) == 5 and parts[4] == "aws4_request":
        access_key, _, region, service, _ = parts
        # Signature version 4a signs for a set of regions and leaves the region out of the scope.
        if not re.fullmatch(r"\d{8}", parts[1]) and re.fullmatch(r"\d{8}", region):
            return Credential(f"{access_key}/{parts[1]}", None, service)
        return Credential(access_key, region or None, service or None)
    if len(parts) == 4 and parts[3] == "aws4_request":
        return Credential(parts[0], None, parts[2] or None)
    return None


@lru_cache(maxsize=1024)
def _legacy(access_key: str) -> Credential | None:
    return Credential(access_key, None, "s3") if access_key else None
