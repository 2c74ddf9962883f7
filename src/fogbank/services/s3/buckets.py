"""Buckets: made, listed, found, deleted."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3 import listing
from fogbank.services.s3.configs import BucketConfigs
from fogbank.services.s3.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    IllegalLocationConstraint,
    InvalidArgument,
    InvalidBucketName,
)
from fogbank.services.s3.fields import owner_id
from fogbank.services.s3.multipart import MultipartUploads
from fogbank.services.s3.names import is_bucket_name
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.regions import REGIONS
from fogbank.services.s3.tags import tag_map

_CLASSIC_REGION = "us-east-1"


class Buckets(BucketConfigs, MultipartUploads):
    """The bucket operations of `S3Service`."""

    def create_bucket(
        self,
        ctx: Context,
        *,
        Bucket: str,
        CreateBucketConfiguration: dict[str, Any] | None = None,
        ObjectOwnership: str | None = None,
    ) -> Answer:
        location = (CreateBucketConfiguration or {}).get("LocationConstraint")
        if not is_bucket_name(Bucket):
            raise InvalidBucketName(members={"BucketName": Bucket})
        if location is None and ctx.region != _CLASSIC_REGION:
            raise IllegalLocationConstraint(
                "The unspecified location constraint is incompatible for the region specific endpoint "
                "this request was sent to."
            )
        if location is not None and ctx.region not in (location, _CLASSIC_REGION):
            raise IllegalLocationConstraint(
                f"The {location} location constraint is incompatible for the region specific endpoint "
                "this request was sent to."
            )
        region = location or ctx.region
        known = self._tables.buckets.get((Bucket,))
        if known is not None:
            if known.account != ctx.account:
                raise BucketAlreadyExists(members={"BucketName": Bucket})
            if known.region != _CLASSIC_REGION or region != _CLASSIC_REGION:
                raise BucketAlreadyOwnedByYou(members={"BucketName": Bucket})
        else:
            self._tables.buckets.put((Bucket,), BucketRecord(Bucket, ctx.account, region, ctx.now_ms))
            self._set_defaults(Bucket, ObjectOwnership)
            tags = (CreateBucketConfiguration or {}).get("Tags")
            if tags:
                self._write(ctx, Bucket, None, "tagging", tag_map(tags))
        return {"Location": f"/{Bucket}" if region == _CLASSIC_REGION else f"{ctx.endpoint}/{Bucket}"}

    def delete_bucket(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if self._tables.objects.first((Bucket,)) is not None:
            raise BucketNotEmpty(members={"BucketName": Bucket})
        if self._tables.versions.first((Bucket,)) is not None:
            raise BucketNotEmpty(
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
                members={"BucketName": Bucket},
            )
        self._abort_all(Bucket)
        self._tables.configs.delete_all((Bucket,))
        self._tables.buckets.delete((Bucket,))
        return None

    def get_bucket_location(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        region = self._bucket(ctx, Bucket, ExpectedBucketOwner).region
        return None if region == _CLASSIC_REGION else {"LocationConstraint": region}

    def head_bucket(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        return {"BucketRegion": self._bucket(ctx, Bucket, ExpectedBucketOwner).region}

    def list_buckets(
        self,
        ctx: Context,
        *,
        MaxBuckets: int = 10_000,
        ContinuationToken: str | None = None,
        Prefix: str | None = None,
        BucketRegion: str | None = None,
    ) -> Answer:
        if BucketRegion is not None and BucketRegion not in REGIONS:
            raise InvalidArgument(
                f"Argument value {BucketRegion} is not a valid AWS Region", members={"ArgumentName": "bucket-region"}
            )
        after = listing.untoken(ContinuationToken) if ContinuationToken else ""
        found: list[dict[str, Any]] = []
        answer: dict[str, Any] = {"Buckets": found, "Owner": {"ID": owner_id(ctx.account)}}
        for (name,), bucket in self._tables.buckets.scan(start=(max(after, Prefix or ""),)):
            if not name.startswith(Prefix or ""):
                break
            if name == after or bucket.account != ctx.account or BucketRegion not in (None, bucket.region):
                continue
            if len(found) == MaxBuckets:
                answer["ContinuationToken"] = listing.token(found[-1]["Name"])
                break
            found.append(
                {
                    "Name": name,
                    "CreationDate": bucket.created_ms // 1000,
                    "BucketRegion": bucket.region,
                    "BucketArn": f"arn:aws:s3:::{name}",
                }
            )
        return answer | ({"Prefix": Prefix} if Prefix else {})
