"""What S3's operations ask of IAM.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from collections.abc import Callable, Mapping

from fogbank.core.authorization import (
    NOTHING,
    Authorization,
    Need,
    Parameters,
    Source,
    Wording,
    alike,
    need,
    pass_role,
)
from fogbank.core.context import Context
from fogbank.services.s3.condition_keys import OF_ALL, WRITTEN, creates, tag_facts, tag_facts_of_source
from fogbank.services.s3.fields import copy_source

_BUCKET = "arn:aws:s3:::{Bucket}"
_OBJECT = "arn:aws:s3:::{Bucket}/{Key}"


def _source_of_copy(ctx: Context, parameters: Parameters) -> str:
    bucket, key, _ = copy_source(str(parameters.get("CopySource", "")))
    return f"arn:aws:s3:::{bucket}/{key}"


def _version_of_copy(ctx: Context, parameters: Parameters) -> str | None:
    return copy_source(str(parameters.get("CopySource", "")))[2]


def _copies_version(ctx: Context, parameters: Parameters) -> bool:
    return _version_of_copy(ctx, parameters) is not None


def _copies_latest(ctx: Context, parameters: Parameters) -> bool:
    return not _copies_version(ctx, parameters)


def _of_no_version(ctx: Context, parameters: Parameters) -> bool:
    return parameters.get("VersionId") is None


_VERSION: Mapping[str, Source] = {"s3:VersionId": "{VersionId}"}
_PREFIXED: Mapping[str, Source] = {
    "s3:prefix": lambda ctx, parameters: [str(parameters.get("Prefix") or "")],
    "s3:delimiter": "{Delimiter}",
}
_LISTED: Mapping[str, Source] = {**_PREFIXED, "s3:max-keys": "{MaxKeys}"}
_LOCATION: Mapping[str, Source] = {"s3:locationconstraint": "{CreateBucketConfiguration.LocationConstraint}"}
_NEW_TAGS = "CreateBucketConfiguration.Tags"
# What PutBucketAcl, PutObject and CreateBucket need, too, if they set an ACL.
_ACL_PARAMETERS = ("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


def _sets_acl(ctx: Context, parameters: Parameters) -> bool:
    return any(parameters.get(name) is not None for name in _ACL_PARAMETERS)


def _opens_bucket(ctx: Context, parameters: Parameters) -> bool:
    """A bucket that is private is what CreateBucket makes."""
    return _sets_acl(ctx, {name: value for name, value in parameters.items() if (name, value) != ("ACL", "private")})


def _locks_objects(ctx: Context, parameters: Parameters) -> bool:
    return bool(parameters.get("ObjectLockEnabledForBucket"))


def _on_object(action: str, *, versioned: str) -> tuple[Need, Need]:
    """An action on an object, which has another name where the request names a version."""
    return (
        need(_OBJECT, action=action, when=_of_no_version, keys=WRITTEN, further=tag_facts),
        need(_OBJECT, action=versioned, when="VersionId", keys={**_VERSION, **WRITTEN}, further=tag_facts),
    )


def _config(name: str) -> Need:
    return need(_BUCKET, action=name)


def _put(action: str = "PutObject", *, when: str | Callable[[Context, Parameters], bool] = "") -> Need:
    return need(_OBJECT, action=action, when=when, keys={**WRITTEN, **creates(True)}, further=tag_facts)


_PUT = _put()
_PUT_WITH_ALL = (
    _PUT,
    _put("PutObjectAcl", when=_sets_acl),
    _put("PutObjectTagging", when="Tagging"),
    _put("PutObjectRetention", when="ObjectLockMode"),
    _put("PutObjectLegalHold", when="ObjectLockLegalHoldStatus"),
)
_PUT_PART = _PUT._replace(keys={**WRITTEN, **creates(False)})
_COPIED = (
    need(_source_of_copy, action="GetObject", when=_copies_latest, keys=WRITTEN, further=tag_facts_of_source),
    need(
        _source_of_copy,
        action="GetObjectVersion",
        when=_copies_version,
        keys={**WRITTEN, "s3:VersionId": _version_of_copy},
        further=tag_facts_of_source,
    ),
)
_GET = _on_object("GetObject", versioned="GetObjectVersion")
_BYPASS = need(
    _OBJECT,
    action="BypassGovernanceRetention",
    when="BypassGovernanceRetention",
    keys=WRITTEN,
    further=tag_facts,
)

_CONFIGS = {
    "BucketAbac": "BucketAbac",
    "BucketAccelerateConfiguration": "AccelerateConfiguration",
    "BucketAnalyticsConfiguration": "AnalyticsConfiguration",
    "BucketCors": "BucketCORS",
    "BucketEncryption": "EncryptionConfiguration",
    "BucketIntelligentTieringConfiguration": "IntelligentTieringConfiguration",
    "BucketInventoryConfiguration": "InventoryConfiguration",
    "BucketLifecycleConfiguration": "LifecycleConfiguration",
    "BucketLogging": "BucketLogging",
    "BucketMetricsConfiguration": "MetricsConfiguration",
    "BucketNotificationConfiguration": "BucketNotification",
    "BucketOwnershipControls": "BucketOwnershipControls",
    "BucketPolicy": "BucketPolicy",
    "BucketReplication": "ReplicationConfiguration",
    "BucketRequestPayment": "BucketRequestPayment",
    "BucketTagging": "BucketTagging",
    "BucketVersioning": "BucketVersioning",
    "BucketWebsite": "BucketWebsite",
    "ObjectLockConfiguration": "BucketObjectLockConfiguration",
    "PublicAccessBlock": "BucketPublicAccessBlock",
}
"""Configurations of buckets by their names in operations, and in actions."""
# Of most configurations whoever may put one may delete it.
_DELETED_BY = {"BucketOwnershipControls", "BucketPolicy", "BucketWebsite"}

AUTHORIZATION = Authorization(
    "s3",
    anonymous=True,
    wording=Wording.S3,
    keys=OF_ALL,
    operations={
        **{f"Get{name}": _config(f"Get{action}") for name, action in _CONFIGS.items()},
        **{f"Put{name}": _config(f"Put{action}") for name, action in _CONFIGS.items()},
        **{
            f"Delete{name}": _config(f"{'Delete' if name in _DELETED_BY else 'Put'}{action}")
            for name, action in _CONFIGS.items()
            if name
            not in (
                "BucketAbac",
                "BucketAccelerateConfiguration",
                "BucketLifecycleConfiguration",
                "BucketLogging",
                "BucketNotificationConfiguration",
                "BucketRequestPayment",
                "BucketVersioning",
                "ObjectLockConfiguration",
            )
        },
        **{
            f"List{name}s": _config(f"Get{_CONFIGS[name]}")
            for name in (
                "BucketAnalyticsConfiguration",
                "BucketIntelligentTieringConfiguration",
                "BucketInventoryConfiguration",
                "BucketMetricsConfiguration",
            )
        },
        "PutBucketReplication": (
            _config("PutReplicationConfiguration"),
            pass_role("ReplicationConfiguration.Role", to="s3.amazonaws.com"),
        ),
        "PutBucketInventoryConfiguration": need(
            _BUCKET,
            action="PutInventoryConfiguration",
            keys={"s3:InventoryAccessibleOptionalFields": "{InventoryConfiguration.OptionalFields[]}"},
        ),
        "DeleteBucketLifecycle": _config("PutLifecycleConfiguration"),
        "AbortMultipartUpload": need(_OBJECT),
        "AnswerPreflight": NOTHING,
        "CompleteMultipartUpload": _PUT,
        "CopyObject": (*_PUT_WITH_ALL, *_COPIED),
        "CreateBucket": (
            need(_BUCKET, tags=_NEW_TAGS, keys={**_LOCATION, **WRITTEN}, further=tag_facts),
            need(_BUCKET, action="PutBucketAcl", when=_opens_bucket, keys=WRITTEN, further=tag_facts),
            need(_BUCKET, action="PutBucketOwnershipControls", when="ObjectOwnership"),
            need(_BUCKET, action="PutBucketObjectLockConfiguration", when=_locks_objects),
            need(_BUCKET, action="PutBucketVersioning", when=_locks_objects),
            need(_BUCKET, action="TagResource", when=_NEW_TAGS, tags=_NEW_TAGS),
        ),
        "CreateMultipartUpload": (_PUT_PART, *_PUT_WITH_ALL[1:]),
        "DeleteBucket": need(_BUCKET),
        "DeleteObject": (*_on_object("DeleteObject", versioned="DeleteObjectVersion"), _BYPASS),
        "DeleteObjectTagging": _on_object("DeleteObjectTagging", versioned="DeleteObjectVersionTagging"),
        # Each of its keys is asked for by itself, and answered so.
        "DeleteObjects": NOTHING,
        "GetBucketAcl": need(_BUCKET),
        "GetBucketLocation": need(_BUCKET),
        "GetBucketPolicyStatus": need(_BUCKET),
        "GetObject": _GET,
        "GetObjectAcl": _on_object("GetObjectAcl", versioned="GetObjectVersionAcl"),
        "GetObjectAttributes": (
            *_GET,
            *_on_object("GetObjectAttributes", versioned="GetObjectVersionAttributes"),
        ),
        "GetObjectLegalHold": need(_OBJECT, keys=WRITTEN, further=tag_facts),
        "GetObjectRetention": need(_OBJECT, keys=WRITTEN, further=tag_facts),
        "GetObjectTagging": _on_object("GetObjectTagging", versioned="GetObjectVersionTagging"),
        "HeadBucket": need(_BUCKET, action="ListBucket"),
        "HeadObject": _GET,
        "ListBuckets": need("*", action="ListAllMyBuckets"),
        "ListMultipartUploads": need(_BUCKET, action="ListBucketMultipartUploads", keys=_PREFIXED),
        "ListObjectVersions": need(_BUCKET, action="ListBucketVersions", keys=_LISTED),
        **alike("ListObjects ListObjectsV2", need(_BUCKET, action="ListBucket", keys=_LISTED)),
        "ListParts": need(_OBJECT, action="ListMultipartUploadParts"),
        # The form's own signature says who sends it, and a website's visitor is nobody: both are asked for there.
        "PostObject": NOTHING,
        "PutBucketAcl": need(_BUCKET, keys=WRITTEN, further=tag_facts),
        "PutObject": _PUT_WITH_ALL,
        "PutObjectAcl": _on_object("PutObjectAcl", versioned="PutObjectVersionAcl"),
        "PutObjectLegalHold": need(_OBJECT, keys=WRITTEN, further=tag_facts),
        "PutObjectRetention": (need(_OBJECT, keys=WRITTEN, further=tag_facts), _BYPASS),
        "PutObjectTagging": _on_object("PutObjectTagging", versioned="PutObjectVersionTagging"),
        "RestoreObject": need(_OBJECT, keys=WRITTEN, further=tag_facts),
        "SelectObjectContent": need(_OBJECT, action="GetObject", keys=WRITTEN, further=tag_facts),
        "ServeWebsite": NOTHING,
        "UploadPart": _PUT_PART,
        "UploadPartCopy": (_PUT_PART, *_COPIED),
    },
)
