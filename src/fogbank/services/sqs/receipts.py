"""Receipt handles: they say where the leased message lies, so that deleting it is one write."""

import base64
import binascii
import struct
from typing import NamedTuple

from fogbank.services.sqs.errors import ReceiptHandleIsInvalid

_FORM = struct.Struct(">4sQQQI")
_MARK = b"fogb"


class Receipt(NamedTuple):
    """One receive of one message."""

    queue_id: int
    sequence: int
    due_ms: int
    receives: int


def encode(receipt: Receipt) -> str:
    return base64.b64encode(_FORM.pack(_MARK, *receipt)).decode()


def decode(handle: str, queue_id: int) -> Receipt:
    """The receipt behind a handle; ReceiptHandleIsInvalid unless it was made for this queue."""
    try:
        mark, *fields = _FORM.unpack(base64.b64decode(handle, validate=True))
    except (binascii.Error, struct.error, ValueError):
        mark, fields = b"", [0, 0, 0, 0]
    receipt = Receipt(*fields)
    if mark != _MARK or receipt.queue_id != queue_id:
        raise ReceiptHandleIsInvalid(f'The input receipt handle "{handle}" is not a valid receipt handle.')
    return receipt
