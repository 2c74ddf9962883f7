"""Version ids say where their version lies in time: it is found by its id at once, and a list can go on behind one that
is deleted meanwhile. An id that was not given out can be told by its check.
"""

import base64
import binascii
import secrets
import zlib

_PLACE_BYTES, _RANDOM_BYTES, _CHECK_BYTES = 8, 12, 4
_PLACE_MAX = 2**63 - 1
_ALPHABET = b"._"  # AWS's ids have letters, digits, dots and underlines, 32 in all.


def new_version_id(place: int) -> str:
    """An id for the version whose sequence is `place`."""
    random = secrets.token_bytes(_RANDOM_BYTES)
    hidden = place ^ int.from_bytes(random[:_PLACE_BYTES])
    data = hidden.to_bytes(_PLACE_BYTES) + random
    return base64.b64encode(data + _check(data), altchars=_ALPHABET).decode()


def place_of(version_id: str) -> int | None:
    """The place that an id was made with; None if it is not one of ours."""
    try:
        data = base64.b64decode(version_id, altchars=_ALPHABET, validate=True)
    except (binascii.Error, ValueError):
        return None
    data, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if len(data) != _PLACE_BYTES + _RANDOM_BYTES or check != _check(data):
        return None
    place = int.from_bytes(data[:_PLACE_BYTES]) ^ int.from_bytes(data[_PLACE_BYTES : 2 * _PLACE_BYTES])
    return place if place <= _PLACE_MAX else None


def _check(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECK_BYTES)
