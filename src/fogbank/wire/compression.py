"""Requests whose body is compressed, as SDKs do with the large ones of PutMetricData.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-compression.html
"""

import zlib

from fogbank.wire.errors import SerializationException
from fogbank.wire.protocols.request import RequestData

# What a body may come to. PutMetricData takes 1 MB, and a few bytes can stand for gigabytes.
UNPACKED_MAX = 8 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def unpack(request: RequestData) -> None:
    """Put the plain body in the place of a compressed one. What S3 and functions are given is theirs to read."""
    body = request.body
    rpc = request.path == "/" or request.path.startswith("/service/")
    if not rpc or request.method != "POST" or not isinstance(body, bytes):
        return
    unpacker = zlib.decompressobj(_GZIP)
    try:
        request.body = unpacker.decompress(body, UNPACKED_MAX)
    except zlib.error:
        raise SerializationException("The request body is not gzip, as its Content-Encoding says.") from None
    if not unpacker.eof:
        raise SerializationException("The request body is compressed with gzip and ends too early or is too large.")
    request.packed = body
