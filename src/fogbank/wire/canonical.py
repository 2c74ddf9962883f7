"""The canonical form of a request, which its signature is made of.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote_to_bytes

_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~-]*\Z")
_PLAIN_QUERY = re.compile(r"[A-Za-z0-9_.~&=-]*\Z")
_SPACES = re.compile(r" {2,}")
_UNRESERVED = "-_.~"


def canonical_request(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    signed_headers: Iterable[str],
    payload_hash: str,
    *,
    s3: bool,
    as_sent: bool = False,
) -> str:
    """`signed_headers` are sorted, in lower case; `query` is without the signature. S3 encodes its paths once and
    leaves them otherwise as they are. With `as_sent` what the client encoded in its own way is left so, as botocore
    signs it.
    """
    names = tuple(signed_headers)
    lines = ""
    for name in names:
        value = headers.get(name, "")
        if "  " in value or value[:1] == " " or value[-1:] == " ":
            value = _SPACES.sub(" ", value.strip())
        lines += f"{name}:{value}\n"
    uri = (path if as_sent else _s3_path(path)) if s3 else _normal_path(path)
    return f"{method}\n{uri}\n{canonical_query(query, as_sent=as_sent)}\n{lines}\n{';'.join(names)}\n{payload_hash}"


def _s3_path(path: str) -> str:
    if _PLAIN_PATH.match(path):
        return path or "/"
    return quote(unquote_to_bytes(path), safe=f"/{_UNRESERVED}")


def _normal_path(path: str) -> str:
    """Without dots and doubled slashes, and encoded once more than it was sent."""
    if path in ("", "/"):
        return "/"
    if "//" in path or "/." in path:
        path = _without_dots(path)
    return path if _PLAIN_PATH.match(path) else quote(path, safe=f"/{_UNRESERVED}")


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part and part != ".":
            kept.append(part)
    last = path.rpartition("/")[2]
    slash = "/" if kept and last in ("", ".", "..") else ""
    return f"/{'/'.join(kept)}{slash}"


def canonical_query(query: str, *, as_sent: bool = False) -> str:
    if not query:
        return ""
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    if as_sent or _PLAIN_QUERY.match(query):
        encoded = [(name, value) for name, _, value in pairs]
    else:
        encoded = [(_encoded(name), _encoded(value)) for name, _, value in pairs]
    encoded.sort()
    return "&".join([f"{name}={value}" for name, value in encoded])


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_UNRESERVED)
