"""Configurations of which a bucket may have many: analytics, intelligent tiering, inventory and metrics.

They are kept, listed in the order of their ids and given back. Metrics are counted for the filters of the last kind
(see `request_metrics.py`); no reports are written and nothing is tiered.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer
from fogbank.services.s3 import listing
from fogbank.services.s3.configs import BucketConfigs
from fogbank.services.s3.errors import (
    IdMismatch,
    InvalidArgument,
    InvalidConfigurationId,
    InvalidS3DestinationBucket,
    MalformedXML,
    NoSuchConfiguration,
    TooManyConfigurations,
)

CONFIGURATIONS_MAX = 1000  # of one kind in a bucket
PAGE_MAX = 100
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::[^/]+")
_DAYS_MIN = {"ARCHIVE_ACCESS": 90, "DEEP_ARCHIVE_ACCESS": 180}
_DAYS_MAX = 730


class Kind(msgspec.Struct, frozen=True):
    """A kind of configuration: `member` is what answers call one, `check` raises what is wrong with it."""

    name: str
    member: str
    check: Callable[[Mapping[str, Any]], None]
    mismatch: type[AwsError] = MalformedXML


def _check_filter(configuration: Mapping[str, Any]) -> None:
    """A filter is one thing, or several that are joined by And."""
    given = configuration.get("Filter")
    if given is None:
        return
    joined = given.get("And")
    if len(given) != 1 or (joined is not None and sum(map(_count, joined.values())) < 2):
        raise MalformedXML()


def _count(predicate: Any) -> int:
    return len(predicate) if isinstance(predicate, list) else 1


def _check_analytics(configuration: Mapping[str, Any]) -> None:
    _check_filter(configuration)
    export = configuration["StorageClassAnalysis"].get("DataExport")
    if export is not None:
        _check_destination(export["Destination"]["S3BucketDestination"]["Bucket"])


def _check_inventory(configuration: Mapping[str, Any]) -> None:
    destination = configuration["Destination"]["S3BucketDestination"]
    _check_destination(destination["Bucket"])
    encryption = destination.get("Encryption")
    if encryption is not None and len(encryption) != 1:
        raise MalformedXML()


def _check_destination(arn: str) -> None:
    if _BUCKET_ARN.fullmatch(arn) is None:
        raise InvalidS3DestinationBucket()


def _check_tiering(configuration: Mapping[str, Any]) -> None:
    _check_filter(configuration)
    tierings = configuration["Tierings"]
    if not tierings or len({tiering["AccessTier"] for tiering in tierings}) < len(tierings):
        raise MalformedXML()
    for tiering in tierings:
        days_min = _DAYS_MIN[tiering["AccessTier"]]
        if not days_min <= tiering["Days"] <= _DAYS_MAX:
            raise InvalidArgument(
                f"'Days' for the access tier {tiering['AccessTier']} must be between {days_min} and {_DAYS_MAX}",
                members={"ArgumentName": "Days", "ArgumentValue": str(tiering["Days"])},
            )


_ANALYTICS = Kind("analytics", "AnalyticsConfiguration", _check_analytics)
_INVENTORY = Kind("inventory", "InventoryConfiguration", _check_inventory, IdMismatch)
METRICS = Kind("metrics", "MetricsConfiguration", _check_filter)
_TIERING = Kind("tiering", "IntelligentTieringConfiguration", _check_tiering)


class NamedConfigs(BucketConfigs):
    """The operations on configurations with an id."""

    # ---- analytics --------------------------------------------------------------------------------------------

    def delete_bucket_analytics_configuration(
        self, ctx: Context, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        return self._delete_named(ctx, _ANALYTICS, Bucket, Id, ExpectedBucketOwner)

    def get_bucket_analytics_configuration(
        self, ctx: Context, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        return self._get_named(ctx, _ANALYTICS, Bucket, Id, ExpectedBucketOwner)

    def list_bucket_analytics_configurations(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ContinuationToken: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        return self._list_named(ctx, _ANALYTICS, Bucket, ContinuationToken, ExpectedBucketOwner)

    def put_bucket_analytics_configuration(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Id: str,
        AnalyticsConfiguration: dict[str, Any],
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        return self._put_named(ctx, _ANALYTICS, Bucket, Id, AnalyticsConfiguration, ExpectedBucketOwner)

    # ---- intelligent tiering ----------------------------------------------------------------------------------

    def delete_bucket_intelligent_tiering_configuration(
        self, ctx: Context, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        return self._delete_named(ctx, _TIERING, Bucket, Id, ExpectedBucketOwner)

    def get_bucket_intelligent_tiering_configuration(
        self, ctx: Context, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        return self._get_named(ctx, _TIERING, Bucket, Id, ExpectedBucketOwner)

    def list_bucket_intelligent_tiering_configurations(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ContinuationToken: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        return self._list_named(ctx, _TIERING, Bucket, ContinuationToken, ExpectedBucketOwner)

    def put_bucket_intelligent_tiering_configuration(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Id: str,
        IntelligentTieringConfiguration: dict[str, Any],
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        return self._put_named(ctx, _TIERING, Bucket, Id, IntelligentTieringConfiguration, ExpectedBucketOwner)

    # ---- inventory --------------------------------------------------------------------------------------------

    def delete_bucket_inventory_configuration(
        self, ctx: Context, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        return self._delete_named(ctx, _INVENTORY, Bucket, Id, ExpectedBucketOwner)

    def get_bucket_inventory_configuration(
        self, ctx: Context, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        return self._get_named(ctx, _INVENTORY, Bucket, Id, ExpectedBucketOwner)

    def list_bucket_inventory_configurations(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ContinuationToken: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        return self._list_named(ctx, _INVENTORY, Bucket, ContinuationToken, ExpectedBucketOwner)

    def put_bucket_inventory_configuration(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Id: str,
        InventoryConfiguration: dict[str, Any],
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        return self._put_named(ctx, _INVENTORY, Bucket, Id, InventoryConfiguration, ExpectedBucketOwner)

    # ---- metrics ----------------------------------------------------------------------------------------------

    def delete_bucket_metrics_configuration(
        self, ctx: Context, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        return self._delete_named(ctx, METRICS, Bucket, Id, ExpectedBucketOwner)

    def get_bucket_metrics_configuration(
        self, ctx: Context, *, Bucket: str, Id: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        return self._get_named(ctx, METRICS, Bucket, Id, ExpectedBucketOwner)

    def list_bucket_metrics_configurations(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ContinuationToken: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        return self._list_named(ctx, METRICS, Bucket, ContinuationToken, ExpectedBucketOwner)

    def put_bucket_metrics_configuration(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Id: str,
        MetricsConfiguration: dict[str, Any],
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        return self._put_named(ctx, METRICS, Bucket, Id, MetricsConfiguration, ExpectedBucketOwner)

    # ---- steps ------------------------------------------------------------------------------------------------

    def _delete_named(self, ctx: Context, kind: Kind, bucket: str, id: str, owner: str | None) -> Answer:
        self._bucket(ctx, bucket, owner)
        if not self._tables.configs.delete((bucket, _place(kind, id))):
            raise NoSuchConfiguration()
        self._note_metrics(bucket)
        return None

    def _get_named(self, ctx: Context, kind: Kind, bucket: str, id: str, owner: str | None) -> Answer:
        self._bucket(ctx, bucket, owner)
        configuration = self._known(bucket, _place(kind, id))
        if configuration is None:
            raise NoSuchConfiguration()
        return {kind.member: configuration}

    def _list_named(self, ctx: Context, kind: Kind, bucket: str, token: str | None, owner: str | None) -> Answer:
        self._bucket(ctx, bucket, owner)
        after = _place(kind, listing.untoken(token)) if token else None
        found = self._named(bucket, kind, after=after)[: PAGE_MAX + 1]
        answer: dict[str, Any] = {"IsTruncated": len(found) > PAGE_MAX}
        if found:
            answer[f"{kind.member}List"] = found[:PAGE_MAX]
        if token:
            answer["ContinuationToken"] = token
        if len(found) > PAGE_MAX:
            answer["NextContinuationToken"] = listing.token(found[PAGE_MAX - 1]["Id"])
        return answer

    def _put_named(
        self, ctx: Context, kind: Kind, bucket: str, id: str, configuration: dict[str, Any], owner: str | None
    ) -> Answer:
        self._bucket(ctx, bucket, owner)
        if configuration["Id"] != id:
            raise kind.mismatch()
        if _ID.fullmatch(id) is None:
            raise InvalidConfigurationId()
        kind.check(configuration)
        place = _place(kind, id)
        if self._known(bucket, place) is None and len(self._named(bucket, kind)) >= CONFIGURATIONS_MAX:
            raise TooManyConfigurations()
        self._set(bucket, place, configuration)
        self._note_metrics(bucket)
        return None

    def _note_metrics(self, name: str) -> None:
        """Note in the bucket's record whether its requests are to be measured."""
        bucket = self._tables.buckets.get((name,))
        assert bucket is not None
        metered = bool(self._named(name, METRICS))
        if metered != bucket.metered:
            self._tables.buckets.put((name,), replace(bucket, metered=metered))

    def _named(self, bucket: str, kind: Kind, *, after: str | None = None) -> list[dict[str, Any]]:
        """The configurations of a kind, in the order of their ids."""
        found = []
        first = _place(kind, "")
        for (_, place), config in self._tables.configs.scan((bucket,), start=(bucket, after or first)):
            if not place.startswith(first):
                break
            if place != after:
                found.append(config.value)
        return found


def _place(kind: Kind, id: str) -> str:
    """Where a configuration lies among the others of its bucket."""
    return f"{kind.name}/{id}"
