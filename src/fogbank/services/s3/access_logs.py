"""Where the log of a bucket's requests goes. https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3.acl import Acls
from fogbank.services.s3.errors import (
    CrossLocationLogging,
    InvalidArgument,
    InvalidTargetBucketForLogging,
    MalformedXML,
)
from fogbank.services.s3.grants import check_target_grants
from fogbank.services.s3.public_access import OWNER_ENFORCED

_CONFIG = "logging"
_CLASSIC_REGION = "us-east-1"


class AccessLogs(Acls):
    """The logging operations of `S3Service`."""

    def get_bucket_logging(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        target = self._known(Bucket, _CONFIG)
        return None if target is None else {"LoggingEnabled": target}

    def put_bucket_logging(
        self,
        ctx: Context,
        *,
        Bucket: str,
        BucketLoggingStatus: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        target = BucketLoggingStatus.get("LoggingEnabled")
        if target is None:
            self._tables.configs.delete((Bucket, _CONFIG))
            return None
        there = self._tables.buckets.get((target["TargetBucket"],))
        if there is None or there.account != bucket.account:
            raise InvalidTargetBucketForLogging(members={"TargetBucket": target["TargetBucket"]})
        if there.region != bucket.region:
            source = {} if bucket.region == _CLASSIC_REGION else {"SourceBucketLocation": bucket.region}
            raise CrossLocationLogging(members={**source, "TargetBucketLocation": there.region})
        if target.get("TargetGrants"):
            if self._ownership(there.name) == OWNER_ENFORCED:
                raise InvalidArgument(
                    "Target grants not supported with bucket ownership",
                    members={"ArgumentName": "TargetGrants"},
                )
            check_target_grants(target["TargetGrants"])
        form = target.get("TargetObjectKeyFormat")
        if form is not None and len(form) != 1:
            raise MalformedXML()
        self._set(Bucket, _CONFIG, target)
        return None
