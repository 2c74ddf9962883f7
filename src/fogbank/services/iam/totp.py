"""One-time codes of six digits, a new one every 30 seconds: RFC 6238, with SHA-1 as authenticator apps have it."""

import hmac
from collections.abc import Iterable

STEP_MS = 30_000


def code_at(seed: bytes, step: int) -> str:
    digest = hmac.digest(seed, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def step_of(seed: bytes, codes: tuple[str, ...], steps: Iterable[int]) -> int | None:
    """The step of the last of these codes, if they follow each other from one of `steps` on; None if they do not."""
    for step in steps:
        if all(hmac.compare_digest(code_at(seed, step + later), code) for later, code in enumerate(codes)):
            return step + len(codes) - 1
    return None
