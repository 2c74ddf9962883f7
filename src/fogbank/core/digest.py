"""What tells one request from another, for client tokens."""

import hashlib

import msgspec


def request_digest(request: object) -> bytes:
    return hashlib.sha256(msgspec.json.encode(request, order="deterministic")).digest()
