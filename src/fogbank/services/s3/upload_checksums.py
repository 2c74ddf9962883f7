"""Checksums of multipart uploads: of the whole object, or of the checksums of its parts.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

from awscrt import checksums as crt

from fogbank.services.s3 import checksums
from fogbank.services.s3.checksums import ALGORITHMS, COMPOSITE, DEFAULT, FULL_OBJECT, checksum_of, decoded, encoded
from fogbank.services.s3.errors import BadDigest, InvalidPart, InvalidRequest
from fogbank.services.s3.records import Part, Upload

Combine = Callable[[int, int, int], int]
# A CRC of a whole follows from those of its parts and their lengths; no other checksum does.
_COMBINE: dict[str, Combine] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}


class Whole(NamedTuple):
    """The checksum of a completed upload, as `ObjectVersion` has it."""

    checksums: dict[str, str]
    checksum_type: str
    part_checksums: list[str]


def settled(algorithm: str | None, checksum_type: str | None) -> tuple[str, str]:
    """Algorithm and type of a new upload; both empty if it has none of its own."""
    if algorithm is None:
        if checksum_type is not None:
            raise InvalidRequest(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return "", ""
    name = algorithm.upper()
    if name not in ALGORITHMS:
        raise InvalidRequest(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
            "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
        )
    kind = checksum_type or (FULL_OBJECT if name == DEFAULT else COMPOSITE)
    if name == DEFAULT if kind == COMPOSITE else name not in _COMBINE:
        raise InvalidRequest(f"The {kind} checksum type cannot be used with the {name.lower()} checksum algorithm.")
    return name, kind


def check_part_sent(upload: Upload, algorithm: str) -> None:
    """A part comes with a checksum by the upload's algorithm; one may be left out if that of the whole counts."""
    expected = upload.checksum_algorithm
    if expected and algorithm != expected and (algorithm or upload.checksum_type == COMPOSITE):
        raise InvalidRequest(
            f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, "
            f"actual checksum Type: {algorithm.lower() or 'null'}"
        )


def check_type(upload: Upload, checksum_type: str | None) -> None:
    if checksum_type is not None and checksum_type != upload.checksum_type:
        raise InvalidRequest(
            f"The upload was created using the {upload.checksum_type or 'null'} checksum mode. "
            "The complete request must use the same checksum mode."
        )


def check_part(upload: Upload, upload_id: str, number: int, part: Part, named: Mapping[str, Any]) -> None:
    """What the completing request says of the checksum of a part."""
    given = checksums.given(named)
    algorithm = upload.checksum_algorithm
    for name, value in given.items():
        if algorithm and name != algorithm:
            raise BadDigest(f"The {name.lower()} you specified for part {number} did not match what we received.")
        if not algorithm or value != part.checksums.get(name):
            raise InvalidPart(members={"ETag": part.etag, "PartNumber": str(number), "UploadId": upload_id})
    if not given and upload.checksum_type == COMPOSITE:
        raise InvalidRequest(
            f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the "
            f"checksum for each part. It was missing for part {number} in the request."
        )


def of_whole(upload: Upload, parts: list[Part]) -> Whole:
    if upload.key_verifier and not upload.checksum_algorithm:
        return Whole({}, "", [])  # As AWS was recorded to do with keys of customers.
    algorithm = upload.checksum_algorithm or DEFAULT
    if not all(algorithm in part.checksums for part in parts):
        return Whole({}, "", [])  # Uploaded to an older version of Fogbank.
    values = [part.checksums[algorithm] for part in parts]
    if upload.checksum_type == COMPOSITE:
        digests = b"".join(_digest(value) for value in values)
        return Whole({algorithm: f"{checksum_of(algorithm, digests)}-{len(parts)}"}, COMPOSITE, values)
    size = len(_digest(values[0]))
    crcs = [(int.from_bytes(_digest(value)), part.size) for value, part in zip(values, parts, strict=True)]
    crc, _ = reduce(lambda left, right: (_COMBINE[algorithm](left[0], right[0], right[1]), 0), crcs)
    # Of several parts AWS does not keep them.
    return Whole({algorithm: encoded(crc.to_bytes(size))}, FULL_OBJECT, values if len(values) == 1 else [])


def check_whole(upload: Upload, whole: Whole, given: Mapping[str, str], checksum_type: str | None) -> None:
    """What the completing request says of the checksum of the whole. Without an algorithm, AWS does not look at it."""
    if not given or not upload.checksum_algorithm:
        return
    # Unless the request says FULL_OBJECT, AWS compares with a composite checksum, which such an upload has not.
    comparable = upload.checksum_type == COMPOSITE or checksum_type == FULL_OBJECT
    if not comparable or dict(given) != whole.checksums:
        raise BadDigest(f"The {upload.checksum_algorithm.lower()} you specified did not match the calculated checksum.")


def _digest(value: str) -> bytes:
    digest = decoded(value, len(value) * 3 // 4 - value.count("="))
    assert digest is not None, f"the checksum {value} was written by us"
    return digest
