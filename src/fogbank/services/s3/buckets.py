"""Buckets: made, listed, found, deleted. https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingBucket.html"""

from collections.abc import Mapping
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.s3 import listing
from fogbank.services.s3.acl import grant_headers
from fogbank.services.s3.addresses import global_bucket_url
from fogbank.services.s3.bucket_tags import BucketTags
from fogbank.services.s3.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    IllegalLocationConstraint,
    InvalidArgument,
    InvalidBucketName,
    InvalidLocationConstraint,
    InvalidTag,
    TooManyBuckets,
)
from fogbank.services.s3.fields import owner_id
from fogbank.services.s3.multipart import MultipartUploads
from fogbank.services.s3.names import is_bucket_name
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.regions import REGIONS
from fogbank.services.s3.shelf import ENABLED
from fogbank.services.s3.storage_metrics import StorageMetrics
from fogbank.services.s3.tags import tag_map

BUCKETS_MAX = 10_000  # of an account; more by quota
LISTED_MAX = 10_000
_CLASSIC_REGION = "us-east-1"
# The one location that is not called as its region.
_EU, _EU_REGION = "EU", "eu-west-1"
_RESERVED = (
    'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. '
    'Remove "aws:" from your tag keys and try again.'
)


class Buckets(BucketTags, MultipartUploads, StorageMetrics):
    """The bucket operations of `S3Service`."""

    def create_bucket(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ACL: str | None = None,
        CreateBucketConfiguration: dict[str, Any] | None = None,
        GrantFullControl: str | None = None,
        GrantRead: str | None = None,
        GrantReadACP: str | None = None,
        GrantWrite: str | None = None,
        GrantWriteACP: str | None = None,
        ObjectLockEnabledForBucket: bool = False,
        ObjectOwnership: str | None = None,
    ) -> Answer:
        configuration = CreateBucketConfiguration or {}
        if "Location" in configuration or "Bucket" in configuration:
            raise NotImplementedInFogbank("Fogbank's CreateBucket of s3 does not implement directory buckets.")
        if not is_bucket_name(Bucket):
            raise InvalidBucketName(members={"BucketName": Bucket})
        location = configuration.get("LocationConstraint") or None
        region = _region_of(location, ctx.region)
        tags = _tags(configuration)
        headers = grant_headers(GrantFullControl, GrantRead, GrantReadACP, GrantWriteACP, GrantWrite)
        bucket = self._tables.buckets.get((Bucket,))
        if bucket is not None:
            self._remake(ctx, bucket, region, tags)
        else:
            self._check_room(ctx)
            bucket = BucketRecord(
                name=Bucket,
                account=ctx.account,
                region=region,
                created_ms=ctx.now_ms,
                versioning=ENABLED if ObjectLockEnabledForBucket else "",
                object_lock=ObjectLockEnabledForBucket,
                counted=True,
                location=location if location == _EU else "",
            )
            self._tables.buckets.put((Bucket,), bucket)
            self._set_defaults(Bucket, ObjectOwnership)
            self._set_tags(Bucket, tags)
            self._tell_storage_daily(ctx)
        self._set_new_bucket_acl(bucket, ACL, headers)
        place = f"/{Bucket}" if region == _CLASSIC_REGION else global_bucket_url(ctx.endpoint, Bucket)
        return {"Location": place, "BucketArn": f"arn:aws:s3:::{Bucket}"}

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
        self._tables.acls.delete((Bucket,))
        self._usages.forget(Bucket)
        self._tables.log_lines.delete_all((Bucket,))
        self._tables.lifecycle_runs.delete((Bucket,))
        self._tables.buckets.delete((Bucket,))
        return None

    def get_bucket_location(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if bucket.region == _CLASSIC_REGION:
            return None
        return {"LocationConstraint": bucket.location or bucket.region}

    def head_bucket(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        region = self._bucket(ctx, Bucket, ExpectedBucketOwner).region
        return {"BucketRegion": region, "BucketArn": f"arn:aws:s3:::{Bucket}", "AccessPointAlias": False}

    def list_buckets(
        self,
        ctx: Context,
        *,
        MaxBuckets: int = LISTED_MAX,
        ContinuationToken: str | None = None,
        Prefix: str | None = None,
        BucketRegion: str | None = None,
    ) -> Answer:
        if BucketRegion is not None and BucketRegion not in REGIONS:
            raise InvalidArgument(
                f"Argument value {BucketRegion} is not a valid AWS Region", members={"ArgumentName": "bucket-region"}
            )
        if not 1 <= MaxBuckets <= LISTED_MAX:
            raise InvalidArgument(
                f"Argument max-buckets must be an integer between 1 and {LISTED_MAX}",
                members={"ArgumentName": "max-buckets", "ArgumentValue": str(MaxBuckets)},
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

    # ---- steps ------------------------------------------------------------------------------------------------

    def _remake(self, ctx: Context, known: BucketRecord, region: str, tags: Mapping[str, str]) -> None:
        """In us-east-1 the owner may make a bucket again, for old times' sake: only its ACL is reset."""
        if known.account != ctx.account:
            raise BucketAlreadyExists(members={"BucketName": known.name})
        if known.region != _CLASSIC_REGION or region != _CLASSIC_REGION or tags:
            raise BucketAlreadyOwnedByYou(members={"BucketName": known.name})
        self._tables.acls.delete((known.name,))

    def _check_room(self, ctx: Context) -> None:
        # Counting rows is cheap, looking at each of them is not.
        if self._tables.buckets.count() < BUCKETS_MAX:
            return
        if sum(bucket.account == ctx.account for bucket in self._tables.buckets.values(())) >= BUCKETS_MAX:
            raise TooManyBuckets()


def _region_of(location: str | None, asked: str) -> str:
    """The region that a location constraint means at the endpoint of the region `asked`."""
    if location is None:
        if asked == _CLASSIC_REGION:
            return asked
        raise IllegalLocationConstraint(
            "The unspecified location constraint is incompatible for the region specific endpoint "
            "this request was sent to."
        )
    region = _EU_REGION if location == _EU else location
    if asked == _CLASSIC_REGION:
        if region == _CLASSIC_REGION or region not in REGIONS:
            raise InvalidLocationConstraint(members={"LocationConstraint": location})
    elif region != asked:
        raise IllegalLocationConstraint(
            f"The {location} location constraint is incompatible for the region specific endpoint "
            "this request was sent to."
        )
    return region


def _tags(configuration: Mapping[str, Any]) -> dict[str, str]:
    tags = configuration.get("Tags") or []
    if any(tag["Key"].startswith("aws:") for tag in tags):
        raise InvalidTag(_RESERVED)
    return tag_map(tags)
