"""GetObjectAttributes. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html"""

from typing import Any, Unpack

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer
from fogbank.services.s3 import checksums
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.customer_keys import CustomerKey
from fogbank.services.s3.errors import InvalidArgument, NoAttributesNamed
from fogbank.services.s3.fields import storage
from fogbank.services.s3.parameters import CustomerKeyParameters
from fogbank.services.s3.records import ObjectVersion

PARTS_MAX = 1000
_KNOWN = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


class ObjectAttributes(S3Base):
    """The attributes of objects, with the parts that they were uploaded in."""

    def refusal(self, sentence: str, parameters: dict[str, Any]) -> AwsError | None:
        refused = super().refusal(sentence, parameters)
        return refused or (NoAttributesNamed() if "at 'objectAttributes'" in sentence else None)

    def get_object_attributes(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        ObjectAttributes: list[str] | None = None,
        VersionId: str | None = None,
        MaxParts: int = PARTS_MAX,
        PartNumberMarker: int = 0,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
        **given: Unpack[CustomerKeyParameters],
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        wanted = _checked(ObjectAttributes)
        version = self._find(ctx, Bucket, Key, VersionId)
        CustomerKey.to_read(given, version.key_verifier)
        answer: dict[str, Any] = {"LastModified": version.modified_ms // 1000, **charged}
        if bucket.versioning:
            answer["VersionId"] = version.version_id
        if "ETag" in wanted:
            answer["ETag"] = version.etag
        if "Checksum" in wanted and version.checksums:
            answer["Checksum"] = _checksum(version)
        if "ObjectParts" in wanted and version.part_sizes:
            answer["ObjectParts"] = _parts(version, after=max(PartNumberMarker, 0), limit=MaxParts)
        if "StorageClass" in wanted:
            answer["StorageClass"] = storage(version)
        if "ObjectSize" in wanted:
            answer["ObjectSize"] = version.size
        return answer


def _checked(attributes: list[str] | None) -> set[str]:
    wanted = [name for name in attributes or [] if name]
    if not wanted:
        raise NoAttributesNamed()
    for name in wanted:
        if name not in _KNOWN:
            raise InvalidArgument(
                "Invalid attribute name specified.",
                members={"ArgumentName": "x-amz-object-attributes", "ArgumentValue": name},
            )
    return set(wanted)


def _checksum(version: ObjectVersion) -> dict[str, str]:
    """Without the number of parts that a composite checksum has behind it elsewhere."""
    bare = {name: value.partition("-")[0] for name, value in version.checksums.items()}
    return {**checksums.members(bare), "ChecksumType": version.checksum_type or checksums.FULL_OBJECT}


def _parts(version: ObjectVersion, *, after: int, limit: int) -> dict[str, Any]:
    """Single parts are told only of uploads with a composite checksum, as AWS was recorded to do."""
    count = len(version.part_sizes)
    answer: dict[str, Any] = {"TotalPartsCount": count}
    if version.checksum_type != checksums.COMPOSITE or not version.part_checksums:
        return answer
    limit = limit if 0 < limit <= PARTS_MAX else PARTS_MAX
    algorithm = next(iter(version.checksums))
    numbers = range(after + 1, min(after + limit, count) + 1)
    return answer | {
        "PartNumberMarker": after,
        "NextPartNumberMarker": numbers[-1] if numbers else 0,
        "MaxParts": limit,
        "IsTruncated": bool(numbers) and numbers[-1] < count,
        "Parts": [
            {
                "PartNumber": number,
                "Size": version.part_sizes[number - 1],
                f"Checksum{algorithm}": version.part_checksums[number - 1],
            }
            for number in numbers
        ],
    }
