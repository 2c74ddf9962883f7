"""What S3's operations ask of IAM.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

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
from fogbank.services.s3.fields import copy_source

_BUCKET = "arn:aws:s3:::{Bucket}"
_OBJECT = "arn:aws:s3:::{Bucket}/{Key}"

Facts = dict[str, str | Sequence[str]]
"""Condition keys with their values."""


def _given(ctx: Context, parameters: Parameters) -> Facts:
    """The condition keys that headers tell, and the tags of the object and of the request."""
    key = parameters.get("Key")
    if key is None:
        return _told(ctx, parameters)
    return _told(ctx, parameters) | _existing_tags(
        ctx, str(parameters["Bucket"]), str(key), parameters.get("VersionId")
    )


def _given_of_source(ctx: Context, parameters: Parameters) -> Facts:
    """The same with the tags of the object that is copied."""
    return _told(ctx, parameters) | _existing_tags(ctx, *copy_source(str(parameters.get("CopySource", ""))))


def _existing_tags(ctx: Context, bucket: str, key: str, version_id: str | None) -> Facts:
    tags = ctx.cloud.s3.object_tags(bucket, key, version_id)
    return {f"s3:ExistingObjectTag/{name}": value for name, value in tags.items()}


def _told(ctx: Context, parameters: Parameters) -> Facts:
    headers = ("acl", "content-sha256", "copy-source", "grant-full-control", "grant-read", "grant-read-acp",
               "grant-write", "grant-write-acp", "metadata-directive", "object-ownership", "server-side-encryption",
               "server-side-encryption-aws-kms-key-id", "server-side-encryption-customer-algorithm", "storage-class",
               "website-redirect-location")  # fmt: skip
    told: Facts = {
        f"s3:x-amz-{name}": value for name in headers if (value := ctx.headers.get(f"x-amz-{name}")) is not None
    }
    told |= {
        f"s3:{name.removeprefix('x-amz-')}": value
        for name in ("if-match", "if-none-match", "x-amz-object-lock-legal-hold", "x-amz-object-lock-mode")
        if (value := ctx.headers.get(name)) is not None
    }
    asked = _request_tags(parameters)
    if asked:
        told |= {f"s3:RequestObjectTag/{name}": value for name, value in asked.items()}
        told["s3:RequestObjectTagKeys"] = list(asked)
    return told


def _request_tags(parameters: Parameters) -> dict[str, str]:
    given = parameters.get("Tagging")
    if isinstance(given, str):
        return dict(parse_qsl(given, keep_blank_values=True))
    rows = given.get("TagSet", ()) if isinstance(given, Mapping) else ()
    return {str(row["Key"]): str(row["Value"]) for row in rows if isinstance(row, Mapping) and "Key" in row}


def _source_of_copy(ctx: Context, parameters: Parameters) -> str:
    bucket, key, _ = copy_source(str(parameters.get("CopySource", "")))
    return f"arn:aws:s3:::{bucket}/{key}"


def _copies_version(ctx: Context, parameters: Parameters) -> bool:
    return copy_source(str(parameters.get("CopySource", "")))[2] is not None


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
        need(_OBJECT, action=action, when=_of_no_version, further=_given),
        need(_OBJECT, action=versioned, when="VersionId", keys=_VERSION, further=_given),
    )


def _config(name: str) -> Need:
    return need(_BUCKET, action=name)


_PUT = need(_OBJECT, action="PutObject", further=_given)
_PUT_WITH_ALL = (
    _PUT,
    need(_OBJECT, action="PutObjectAcl", when=_sets_acl, further=_given),
    need(_OBJECT, action="PutObjectTagging", when="Tagging", further=_given),
    need(_OBJECT, action="PutObjectRetention", when="ObjectLockMode", further=_given),
    need(_OBJECT, action="PutObjectLegalHold", when="ObjectLockLegalHoldStatus", further=_given),
)
_COPIED = (
    need(_source_of_copy, action="GetObject", when=_copies_latest, further=_given_of_source),
    need(_source_of_copy, action="GetObjectVersion", when=_copies_version, further=_given_of_source),
)
_GET = _on_object("GetObject", versioned="GetObjectVersion")
_BYPASS = need(_OBJECT, action="BypassGovernanceRetention", when="BypassGovernanceRetention")

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
        "DeleteBucketLifecycle": _config("PutLifecycleConfiguration"),
        "AbortMultipartUpload": need(_OBJECT),
        "AnswerPreflight": NOTHING,
        "CompleteMultipartUpload": _PUT,
        "CopyObject": (*_PUT_WITH_ALL, *_COPIED),
        "CreateBucket": (
            need(_BUCKET, tags=_NEW_TAGS, keys=_LOCATION, further=_given),
            need(_BUCKET, action="PutBucketAcl", when=_opens_bucket, further=_given),
            need(_BUCKET, action="PutBucketOwnershipControls", when="ObjectOwnership"),
            need(_BUCKET, action="PutBucketObjectLockConfiguration", when=_locks_objects),
            need(_BUCKET, action="PutBucketVersioning", when=_locks_objects),
            need(_BUCKET, action="TagResource", when=_NEW_TAGS, tags=_NEW_TAGS),
        ),
        "CreateMultipartUpload": _PUT_WITH_ALL,
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
        "GetObjectLegalHold": need(_OBJECT, further=_given),
        "GetObjectRetention": need(_OBJECT, further=_given),
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
        "PutBucketAcl": need(_BUCKET, further=_given),
        "PutObject": _PUT_WITH_ALL,
        "PutObjectAcl": _on_object("PutObjectAcl", versioned="PutObjectVersionAcl"),
        "PutObjectLegalHold": need(_OBJECT, further=_given),
        "PutObjectRetention": (need(_OBJECT, further=_given), _BYPASS),
        "PutObjectTagging": _on_object("PutObjectTagging", versioned="PutObjectVersionTagging"),
        "RestoreObject": need(_OBJECT, further=_given),
        "SelectObjectContent": need(_OBJECT, action="GetObject", further=_given),
        "ServeWebsite": NOTHING,
        "UploadPart": _PUT,
        "UploadPartCopy": (_PUT, *_COPIED),
    },
)
