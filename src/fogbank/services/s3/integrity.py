"""What a request says of its body, and whether the body keeps it: lengths, digests and checksums.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

import re
from collections.abc import Iterator, Mapping

from fogbank.services.s3 import checksums
from fogbank.services.s3.aws_chunked import AwsChunkedDecoder, is_aws_chunked
from fogbank.services.s3.checksums import ALGORITHMS, Checksum, checksum, decoded, encoded
from fogbank.services.s3.errors import (
    BadDigest,
    InvalidArgument,
    InvalidDigest,
    InvalidRequest,
    XAmzContentSHA256Mismatch,
)

_HEX_DIGEST = re.compile(r"[0-9a-fA-F]{64}\Z")
# The payload hashes that are none: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
_NO_HASHES = (
    "UNSIGNED-PAYLOAD",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
)
_HEADERS = {checksums.header(name): name for name in ALGORITHMS}


class Promises:
    """What one request promises of its body. Feed `update` with the body as it arrives, which gives the payload back
    without its framing; `check` raises if a promise was broken.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        *,
        content_md5: str | None = None,
        given: Mapping[str, str] | None = None,
        hex_digests: bool = False,
    ) -> None:
        """`given` are the checksums among the parameters; the headers tell the framing and the payload's hash.
        `hex_digests`: how a wrong MD5 is told. Raises at once what can be told from the request's head.
        """
        self._content_md5 = content_md5
        self._hex_digests = hex_digests
        if content_md5 is not None and decoded(content_md5, 16) is None:
            raise InvalidDigest(members={"Content-MD5": content_md5})
        trailing = _trailing_algorithm(headers)
        self._promised = _single_checksum(given or {}, trailing)
        self.algorithm = self._promised[0] if self._promised else trailing
        """The algorithm of the checksum that comes with the body, in its head or behind it; empty if none does."""
        named = headers.get("x-amz-sdk-checksum-algorithm")
        if named is not None:
            _check_named(named, self.algorithm)
        self._sha256 = _payload_hash(headers)
        self._decoder = AwsChunkedDecoder(headers) if is_aws_chunked(headers) else None
        self._running: dict[str, Checksum] = {}
        if self.algorithm:
            self.compute(self.algorithm)
        if content_md5 is not None:
            self.compute("MD5")
        if self._sha256:
            self.compute("SHA256")

    def compute(self, algorithm: str) -> None:
        """Have `digest` know this one, too; before the first `update`."""
        if algorithm not in self._running:
            self._running[algorithm] = checksum(algorithm)

    def update(self, arrived: bytes) -> Iterator[bytes | memoryview]:
        """The payload in what arrived; it counts as it is taken."""
        for payload in (arrived,) if self._decoder is None else self._decoder.feed(arrived):
            for running in self._running.values():
                running.update(payload)
            yield payload

    def check(self) -> None:
        """The body is complete: raises for the first promise that it does not keep."""
        if self._decoder is not None:
            self._decoder.finish()
        if self._sha256 and self.digest("SHA256").hex() != self._sha256:
            raise XAmzContentSHA256Mismatch(
                members={
                    "ClientComputedContentSHA256": self._sha256,
                    "S3ComputedContentSHA256": self.digest("SHA256").hex(),
                }
            )
        self._check_md5()
        promised = self._promised
        if promised is None and self.algorithm:
            assert self._decoder is not None
            promised = self.algorithm, self._decoder.trailers[checksums.header(self.algorithm)]
        if promised is not None:
            self._check_checksum(*promised)

    def digest(self, algorithm: str) -> bytes:
        """Of the payload, when all of it has been seen."""
        return self._running[algorithm].digest()

    def _check_md5(self) -> None:
        if self._content_md5 is None:
            return
        promised = decoded(self._content_md5, 16) or b""
        if promised != self.digest("MD5"):
            told = promised.hex() if self._hex_digests else self._content_md5
            raise BadDigest(members={"ExpectedDigest": told, "CalculatedDigest": encoded(self.digest("MD5"))})

    def _check_checksum(self, algorithm: str, value: str) -> None:
        digest = self.digest(algorithm)
        if decoded(value, len(digest)) is None:
            raise InvalidRequest(f"Value for {checksums.header(algorithm)} header is invalid.")
        if value != encoded(digest):
            raise BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")


def verified(body: bytes, headers: Mapping[str, str], *, checksummed: bool, required: bool) -> bytes:
    """The payload of a request that has all of its body, if it is what the headers promise.

    `checksummed`: whether x-amz-checksum headers are of this body, or of something that it speaks of.
    """
    given = {name: headers[header] for header, name in _HEADERS.items() if header in headers} if checksummed else {}
    if required and not given and "content-md5" not in headers and "x-amz-trailer" not in headers:
        raise InvalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    promises = Promises(headers, content_md5=headers.get("content-md5"), given=given)
    payload = b"".join(promises.update(body))
    promises.check()
    return payload


def _single_checksum(given: Mapping[str, str], trailing: str) -> tuple[str, str] | None:
    if len(given) > 1:
        raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    if given and trailing:
        raise InvalidRequest("Expecting a single x-amz-checksum- header")
    return next(iter(given.items()), None)


def _check_named(named: str, sent: str) -> None:
    if named.upper() not in ALGORITHMS:
        raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if not sent:
        raise InvalidRequest(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
            "headers were found."
        )
    if named.upper() != sent:
        raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")


def _trailing_algorithm(headers: Mapping[str, str]) -> str:
    trailer = headers.get("x-amz-trailer")
    if trailer is None or not is_aws_chunked(headers):
        return ""
    name = _HEADERS.get(trailer.strip().lower())
    if name is None:
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    return name


def _payload_hash(headers: Mapping[str, str]) -> str:
    """The hash that x-amz-content-sha256 promises, in lower case; empty if it promises none."""
    value = headers.get("x-amz-content-sha256", "")
    if not value or value in _NO_HASHES:
        return ""
    if not _HEX_DIGEST.match(value):
        raise InvalidArgument(
            f"x-amz-content-sha256 must be {', '.join(_NO_HASHES)} or a valid sha256 value.",
            members={"ArgumentName": "x-amz-content-sha256", "ArgumentValue": value},
        )
    return value.lower()
