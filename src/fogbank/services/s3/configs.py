"""A bucket's configurations: how they are kept, and the smallest of them.

Versioning, request payment, transfer acceleration and attribute-based access control are a word each. The last two are
kept and change nothing: a request is as fast as it is, and authorization is off.
"""

from typing import Any

from msgspec.structs import replace

from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.errors import (
    AccessDenied,
    IllegalVersioningConfiguration,
    InvalidBucketState,
    InvalidRequest,
    MalformedXML,
)
from fogbank.services.s3.records import BucketConfig


class BucketConfigs(S3Base):
    """How configurations are read and written, and the operations on the smallest."""

    # ---- for the operations on one kind ---------------------------------------------------------------------------

    def _known(self, bucket: str, kind: str) -> Any:
        """The configuration of a bucket, shared: do not change it. None if there is none."""
        config = self._tables.configs.peek((bucket, kind))
        return config.value if config is not None else None

    def _set(self, bucket: str, kind: str, value: Any) -> None:
        self._tables.configs.put((bucket, kind), BucketConfig(value))

    def _read(self, ctx: Context, bucket: str, owner: str | None, kind: str, absent: type[AwsError]) -> Any:
        self._bucket(ctx, bucket, owner)
        value = self._known(bucket, kind)
        if value is None:
            raise absent(members={"BucketName": bucket})
        return value

    def _write(self, ctx: Context, bucket: str, owner: str | None, kind: str, value: Any) -> None:
        self._bucket(ctx, bucket, owner)
        self._set(bucket, kind, value)

    def _clear(self, ctx: Context, bucket: str, owner: str | None, kind: str) -> None:
        self._bucket(ctx, bucket, owner)
        self._tables.configs.delete((bucket, kind))

    # ---- versioning -------------------------------------------------------------------------------------------

    def get_bucket_versioning(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        versioning = self._bucket(ctx, Bucket, ExpectedBucketOwner).versioning
        return {"Status": versioning} if versioning else None

    def put_bucket_versioning(
        self,
        ctx: Context,
        *,
        Bucket: str,
        VersioningConfiguration: dict[str, Any],
        MFA: str | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        status = VersioningConfiguration.get("Status")
        if status is None:
            raise IllegalVersioningConfiguration()
        if bucket.object_lock and status == "Suspended":
            raise InvalidBucketState(
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
            )
        if bucket.replicates and status == "Suspended":
            raise InvalidBucketState(
                "A replication configuration is present on this bucket, so the versioning state cannot be changed."
            )
        if VersioningConfiguration.get("MFADelete") == "Enabled":
            if MFA is None:
                raise AccessDenied("Mfa Authentication must be used for this request")
            raise NotImplementedInFogbank("Fogbank's PutBucketVersioning of s3 does not implement MFADelete.")
        self._tables.buckets.put((bucket.name,), replace(bucket, versioning=status))
        return None

    # ---- request payment --------------------------------------------------------------------------------------

    def get_bucket_request_payment(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        return {"Payer": self._known(Bucket, "request_payment") or "BucketOwner"}

    def put_bucket_request_payment(
        self,
        ctx: Context,
        *,
        Bucket: str,
        RequestPaymentConfiguration: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._write(ctx, Bucket, ExpectedBucketOwner, "request_payment", RequestPaymentConfiguration["Payer"])
        return None

    # ---- transfer acceleration --------------------------------------------------------------------------------

    def get_bucket_accelerate_configuration(
        self, ctx: Context, *, Bucket: str, RequestPayer: str | None = None, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        status = self._known(Bucket, "accelerate")
        return charged | ({"Status": status} if status else {})

    def put_bucket_accelerate_configuration(
        self,
        ctx: Context,
        *,
        Bucket: str,
        AccelerateConfiguration: dict[str, Any],
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if "." in Bucket:
            raise InvalidRequest(
                "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
            )
        if AccelerateConfiguration.get("Status") not in ("Enabled", "Suspended"):
            raise MalformedXML()
        self._set(Bucket, "accelerate", AccelerateConfiguration["Status"])
        return None

    # ---- attribute-based access control -----------------------------------------------------------------------

    def get_bucket_abac(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        return {"AbacStatus": {"Status": self._known(Bucket, "abac") or "Disabled"}}

    def put_bucket_abac(
        self,
        ctx: Context,
        *,
        Bucket: str,
        AbacStatus: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if "Status" not in AbacStatus:
            raise MalformedXML()
        self._set(Bucket, "abac", AbacStatus["Status"])
        return None
