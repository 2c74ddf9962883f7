"""Receipt handles: they say where the leased message lies, so that deleting it is one write."""

import base64
import binascii
import struct
from typing import NamedTuple

from fogbank.services.sqs.errors import ReceiptHandleIsInvalid

_FORM = struct.Struct(">4sQQQQI")
_MARK = b"fogb"


class Receipt(NamedTuple):
    """One receive of one message; `due_ms` is when its lease was to end, `group` its FIFO group."""

    queue_id: int
    sequence: int
    received_ms: int
    due_ms: int
    receives: int
    group: str = ""


def encode(receipt: Receipt) -> str:
    *numbers, group = receipt
    return base64.b64encode(_FORM.pack(_MARK, *numbers) + group.encode()).decode()


def decode(handle: str, queue_id: int) -> Receipt:
    """The receipt behind a handle; ReceiptHandleIsInvalid unless it was made for this queue."""
    try:
        packed = base64.b64decode(handle, validate=True)
        mark, *numbers = _FORM.unpack_from(packed)
        receipt = Receipt._make((*numbers, packed[_FORM.size :].decode()))
    except (binascii.Error, struct.error, ValueError):
        raise _invalid(handle) from None
    if mark != _MARK or receipt.queue_id != queue_id:
        raise _invalid(handle)
    return receipt


def _invalid(handle: str) -> ReceiptHandleIsInvalid:
    return ReceiptHandleIsInvalid(f'The input receipt handle "{handle}" is not a valid receipt handle.')
