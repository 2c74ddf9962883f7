"""Page tokens: what a list has to know to go on."""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from fogbank.services.kinesis.errors import InvalidArgument

T = TypeVar("T")


def make_token(content: Any) -> str:
    return base64.b64encode(msgspec.msgpack.encode(content)).decode()


def read_token(token: str, *, type: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(base64.b64decode(token, validate=True), type=type)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise InvalidArgument("NextToken is invalid.") from None
