"""Version ids say where their version lies in time, so that a list can go on behind one that is deleted meanwhile."""

import base64
import binascii
import secrets

_PLACE_BYTES, _RANDOM_BYTES = 8, 16
_PLACE_MAX = 2**63 - 1
_ALPHABET = b"._"  # AWS's ids have letters, digits, dots and underlines, 32 in all.


def new_version_id(place: int) -> str:
    """An id of a version whose sequence is `place` or higher, and of which older versions are below it."""
    random = secrets.token_bytes(_RANDOM_BYTES)
    hidden = place ^ int.from_bytes(random[:_PLACE_BYTES])
    return base64.b64encode(hidden.to_bytes(_PLACE_BYTES) + random, altchars=_ALPHABET).decode()


def place_of(version_id: str) -> int | None:
    """The place that an id was made with; None if it is not one of ours."""
    try:
        data = base64.b64decode(version_id, altchars=_ALPHABET, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) != _PLACE_BYTES + _RANDOM_BYTES:
        return None
    place = int.from_bytes(data[:_PLACE_BYTES]) ^ int.from_bytes(data[_PLACE_BYTES : 2 * _PLACE_BYTES])
    return place if place <= _PLACE_MAX else None
