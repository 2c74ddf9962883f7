"""Lifecycle configurations, and what they say beforehand of an object.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html
"""

from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.moments import http_date
from fogbank.core.service import Answer
from fogbank.services.s3 import lifecycle_rules
from fogbank.services.s3.configs import BucketConfigs
from fogbank.services.s3.errors import InvalidRequest, MalformedXML, NoSuchLifecycle
from fogbank.services.s3.lifecycle_checks import checked_rules
from fogbank.services.s3.lifecycle_rules import ALL_128K, VARIES, Rule
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import ObjectVersion

_CONFIG = "lifecycle"
_PARSED_MAX = 1000


class Lifecycles(BucketConfigs):
    """The lifecycle operations of `S3Service`, and the headers that tell of them."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._parsed_rules: dict[str, tuple[Any, list[Rule]]] = {}

    def delete_bucket_lifecycle(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        self._tables.configs.delete((Bucket, _CONFIG))
        self._set_has_lifecycle(ctx, bucket, on=False)
        return None

    def get_bucket_lifecycle_configuration(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        configuration: dict[str, Any] = self._read(ctx, Bucket, ExpectedBucketOwner, _CONFIG, NoSuchLifecycle)
        return configuration

    def put_bucket_lifecycle_configuration(
        self,
        ctx: Context,
        *,
        Bucket: str,
        LifecycleConfiguration: dict[str, Any] | None = None,
        TransitionDefaultMinimumObjectSize: str = ALL_128K,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        size = TransitionDefaultMinimumObjectSize
        if size not in (ALL_128K, VARIES):
            raise InvalidRequest(f"Invalid TransitionDefaultMinimumObjectSize found: {size}")
        if LifecycleConfiguration is None:
            raise MalformedXML()
        rules = checked_rules(LifecycleConfiguration["Rules"])
        self._set(Bucket, _CONFIG, {"Rules": rules, "TransitionDefaultMinimumObjectSize": size})
        self._set_has_lifecycle(ctx, bucket, on=True)
        return {"TransitionDefaultMinimumObjectSize": size}

    # ---- for others -------------------------------------------------------------------------------------------

    def _expiration(self, bucket: BucketRecord, key: str, version: ObjectVersion) -> dict[str, str]:
        """When the current version of an object expires and by which rule, as the member of an answer, if it does."""
        if not bucket.has_lifecycle:
            return {}
        found = lifecycle_rules.expiry(
            self._lifecycle_rules(bucket.name), key, version.tags, version.size, version.modified_ms
        )
        if found is None:
            return {}
        at_ms, rule = found
        return {"Expiration": f'expiry-date="{http_date(at_ms)}", rule-id="{quote(rule.id)}"'}

    def _abort_notice(self, bucket: BucketRecord, key: str, initiated_ms: int) -> dict[str, Any]:
        """When an upload that is not completed is aborted and by which rule, as members of an answer, if it is."""
        if not bucket.has_lifecycle:
            return {}
        found = lifecycle_rules.abort(self._lifecycle_rules(bucket.name), key, initiated_ms)
        return {} if found is None else {"AbortDate": found[0] / 1000, "AbortRuleId": quote(found[1].id)}

    def _lifecycle_rules(self, bucket: str) -> list[Rule]:
        """The enabled rules of a bucket, parsed once for as long as its configuration is remembered."""
        configuration = self._known(bucket, _CONFIG)
        if configuration is None:
            return []
        parsed = self._parsed_rules.get(bucket)
        if parsed is not None and parsed[0] is configuration:
            return parsed[1]
        if len(self._parsed_rules) >= _PARSED_MAX:
            self._parsed_rules.clear()
        rules = lifecycle_rules.enabled_rules(configuration)
        self._parsed_rules[bucket] = configuration, rules
        return rules

    def _set_has_lifecycle(self, ctx: Context, bucket: BucketRecord, *, on: bool) -> None:
        self._tables.buckets.put((bucket.name,), replace(bucket, has_lifecycle=on))
