"""Identifiers that are unlikely to repeat; not for secrets (those come from `secrets`)."""

from random import getrandbits

_RANDOM_BITS = ((1 << 128) - 1) & ~(0xF << 76) & ~(0x3 << 62)
_VERSION_4 = (0x4 << 76) | (0x2 << 62)


def new_id() -> str:
    """A random UUID (version 4) as text. `uuid.uuid4` asks the kernel each time, which costs more than a request."""
    text = f"{getrandbits(128) & _RANDOM_BITS | _VERSION_4:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def host_id(request_id: str) -> str:
    """The second id that S3 gives a request, opaque to clients."""
    return request_id.replace("-", "")
