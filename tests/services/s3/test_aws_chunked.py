"""Bodies in chunks, as SDKs send them with signatures or trailing checksums."""

import base64
import zlib
from collections.abc import Iterable

import pytest

from fogbank.core.errors import AwsError
from fogbank.services.s3.integrity import Promises
from tests.services.s3.conftest import Send

BODY = b"Hello\r\n\r\n\r\n\r\n"
UNSIGNED = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-decoded-content-length": str(len(BODY)),
}
SIGNED = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x-amz-decoded-content-length": str(len(BODY))}
CRC32 = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()
TRAILER = {"x-amz-trailer": "x-amz-checksum-crc32"}


def chunk(data: bytes, *, signed: bool = False) -> bytes:
    return b"%x%b\r\n%b" % (
        len(data),
        b";chunk-signature=" + b"a" * 64 if signed else b"",
        data + b"\r\n" if data else b"",
    )


def framed(*trailers: str, signed: bool = False) -> bytes:
    lines = "".join(f"{line}\r\n" for line in trailers)
    return chunk(BODY, signed=signed) + chunk(b"", signed=signed) + lines.encode() + b"\r\n"


def payload(headers: dict[str, str], arrivals: Iterable[bytes]) -> bytes:
    promises = Promises(headers)
    found = b"".join(bytes(part) for arrived in arrivals for part in promises.update(arrived))
    promises.check()
    return found


GOOD = [
    pytest.param(UNSIGNED, framed(), id="unsigned, without a trailer"),
    pytest.param(UNSIGNED | TRAILER, framed(f"x-amz-checksum-crc32:{CRC32}"), id="unsigned, with a checksum"),
    pytest.param(SIGNED, framed(signed=True), id="signed"),
    pytest.param(
        SIGNED | TRAILER | {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"},
        framed(f"x-amz-checksum-crc32:{CRC32}\n", "x-amz-trailer-signature:" + "b" * 64, signed=True),
        id="signed, with a signed checksum as AWS's examples have it",
    ),
]


@pytest.mark.parametrize(("headers", "body"), GOOD)
def test_the_payload_is_the_same_however_it_arrives(headers: dict[str, str], body: bytes) -> None:
    for size in (1, 2, 3, 7, len(body)):
        arrivals = [body[at : at + size] for at in range(0, len(body), size)]
        assert payload(headers, arrivals) == BODY, f"in pieces of {size} bytes"


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        pytest.param(UNSIGNED, chunk(BODY), "IncompleteBody", id="no last chunk"),
        pytest.param(UNSIGNED, chunk(BODY) + chunk(b""), "IncompleteBody", id="no end behind the last chunk"),
        pytest.param(UNSIGNED, b"x" + framed(), "IncompleteBody", id="no size"),
        pytest.param(UNSIGNED, framed().replace(b"\r\n0\r\n", b"0\r\n"), "IncompleteBody", id="no end of a chunk"),
        pytest.param(UNSIGNED, framed() + b"more", "IncompleteBody", id="something behind the end"),
        pytest.param(SIGNED, framed(), "IncompleteBody", id="no signatures"),
        pytest.param(UNSIGNED, b"1" * 9000, "IncompleteBody", id="a line without end"),
        pytest.param(UNSIGNED | TRAILER, framed(), "MalformedTrailerError", id="a trailer that does not come"),
        pytest.param(UNSIGNED, framed(f"x-amz-checksum-crc32:{CRC32}"), "MalformedTrailerError", id="not announced"),
        pytest.param(UNSIGNED | TRAILER, framed(f":{CRC32}"), "MalformedTrailerError", id="a trailer without a name"),
        pytest.param(UNSIGNED | TRAILER, framed("x-amz-checksum-crc32:AAAAAA=="), "BadDigest", id="a wrong checksum"),
        pytest.param(UNSIGNED | TRAILER, framed("x-amz-checksum-crc32:crc"), "InvalidRequest", id="no checksum at all"),
        pytest.param(UNSIGNED | {"x-amz-trailer": "x-other"}, framed(), "InvalidRequest", id="an unknown trailer"),
        pytest.param(
            UNSIGNED | {"x-amz-decoded-content-length": "7"}, framed(), "IncompleteBody", id="another length than told"
        ),
        pytest.param(
            {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
            framed(),
            "MissingContentLength",
            id="no length",
        ),
    ],
)
def test_a_malformed_stream_is_refused(headers: dict[str, str], body: bytes, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        payload(headers, [body])
    assert caught.value.code == code


def test_only_the_last_chunk_may_be_small() -> None:
    large, small = bytes(8192), b"small"
    headers = UNSIGNED | {"x-amz-decoded-content-length": str(len(large) + len(small))}
    assert payload(headers, [chunk(large) + chunk(small) + chunk(b"") + b"\r\n"]) == large + small
    with pytest.raises(AwsError) as caught:
        payload(headers, [chunk(small) + chunk(large) + chunk(b"") + b"\r\n"])
    assert caught.value.code == "InvalidChunkSizeError"
    assert caught.value.members == {"Chunk": "2", "BadChunkSize": "5"}


def test_the_framing_is_not_part_of_the_object(send: Send, s3: object, bucket: str) -> None:
    headers = UNSIGNED | TRAILER | {"Content-Encoding": "gzip,aws-chunked"}
    body = framed(f"x-amz-checksum-crc32:{CRC32}")
    assert send("PUT", f"/{bucket}/k", headers=headers, body=body).status == 200
    got = send("GET", f"/{bucket}/k", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (got.body, got.headers["Content-Encoding"]) == (BODY, "gzip")
    assert got.headers["x-amz-checksum-crc32"] == CRC32
