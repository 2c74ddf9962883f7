"""Client tokens: a request that comes again with the same token is done once, if it is the same request."""

import hashlib

import msgspec


def digest(request: object) -> bytes:
    """What tells one request from another."""
    return hashlib.sha256(msgspec.json.encode(request, order="deterministic")).digest()
