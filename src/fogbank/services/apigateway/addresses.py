"""Addresses of APIs: `https://{api}.execute-api.{region}.amazonaws.com/{stage}/…`, and their local forms."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

_HOST = re.compile(r"([a-z0-9]+)(?:-vpce-[a-z0-9]+)?\.execute-api\..+")


class Address(NamedTuple):
    api_id: str
    stage: str
    path: str
    """Behind the stage, with a slash at the beginning, as it was sent."""


def of_resource(resource: str) -> Address:
    """The address that the wire made of a request to one of the service's doors: `/{api}/{stage}/…`."""
    api_id, _, rest = resource[1:].partition("/")
    return _address(api_id, rest)


def of_url(url: str) -> tuple[Address, str] | None:
    """The address and the query of a URL with an API's host; None if it is none."""
    parts = urlsplit(url)
    match = _HOST.fullmatch(parts.hostname or "")
    if match is None:
        return None
    return _address(match[1], parts.path), parts.query


def _address(api_id: str, rest: str) -> Address:
    # As recorded, slashes before the stage do not count; behind it they do.
    stage, slash, path = rest.lstrip("/").partition("/")
    return Address(api_id, stage, f"{slash}{path}" or "/")
