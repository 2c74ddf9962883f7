"""The condition keys of S3's actions, and what a request tells of each.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from fogbank.core.authorization import Parameters, Source, found, values_at
from fogbank.core.context import Context
from fogbank.core.moments import iso_seconds
from fogbank.core.signing import ALGORITHM, ALGORITHM_4A
from fogbank.services.s3.fields import copy_source

Facts = dict[str, str | Sequence[str]]
"""Condition keys with their values."""

_VERSION_2 = "AWS"
_DAY_MS = 86_400_000


def _header(name: str) -> Source:
    return lambda ctx, parameters: ctx.headers.get(name)


def _first(*paths: str) -> Source:
    """What the first of these parameters that is given says."""
    return lambda ctx, parameters: next((str(value) for path in paths for value in values_at(parameters, path)), None)


# ---- of every action --------------------------------------------------------------------------------------------


def _signed_in_query(ctx: Context) -> Mapping[str, str]:
    return dict(parse_qsl(ctx.query)) if "Signature=" in ctx.query else {}


def _auth_type(ctx: Context, parameters: Parameters) -> str | None:
    if ctx.headers.get("authorization", "").startswith("AWS"):
        return "REST-HEADER"
    return "REST-QUERY-STRING" if _signed_in_query(ctx) else None


def _signature_version(ctx: Context, parameters: Parameters) -> str | None:
    header = ctx.headers.get("authorization", "")
    if header.startswith("AWS"):
        algorithm = header.partition(" ")[0]
    elif query := _signed_in_query(ctx):
        algorithm = query.get("X-Amz-Algorithm", _VERSION_2)
    else:
        return None
    return algorithm if algorithm in (ALGORITHM, ALGORITHM_4A, _VERSION_2) else None


def _signature_age(ctx: Context, parameters: Parameters) -> str | None:
    """Of what is signed in its query by version 4, which says when."""
    try:
        signed = datetime.strptime(_signed_in_query(ctx).get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    # Clients do not know of a clock that was moved here: they sign by their own.
    age_ms = ctx.now_ms - round(signed.timestamp() * 1000)
    return str(max(age_ms - ctx.cloud.clock.offset_ms, 0))


OF_ALL: Mapping[str, Source] = {
    "s3:authType": _auth_type,
    "s3:signatureversion": _signature_version,
    "s3:signatureAge": _signature_age,
    "s3:x-amz-content-sha256": _header("x-amz-content-sha256"),
}


# ---- of writing and of reading objects --------------------------------------------------------------------------


def _retained_until_ms(parameters: Parameters) -> int | None:
    paths = ("ObjectLockRetainUntilDate", "Retention.RetainUntilDate")
    until_s: Any = next((value for path in paths for value in values_at(parameters, path)), None)
    return None if until_s is None else round(until_s * 1000)


def _retained_until(ctx: Context, parameters: Parameters) -> str | None:
    until_ms = _retained_until_ms(parameters)
    return None if until_ms is None else iso_seconds(until_ms)


def _retention_days(ctx: Context, parameters: Parameters) -> str | None:
    """The last of them may be shorter than the others."""
    until_ms = _retained_until_ms(parameters)
    return None if until_ms is None else str(-((ctx.now_ms - until_ms) // _DAY_MS))


LOCKED: Mapping[str, Source] = {
    "s3:object-lock-mode": _first("ObjectLockMode", "Retention.Mode"),
    "s3:object-lock-legal-hold": _first("ObjectLockLegalHoldStatus", "LegalHold.Status"),
    "s3:object-lock-retain-until-date": _retained_until,
    "s3:object-lock-remaining-retention-days": _retention_days,
}

_HEADERS = (
    "x-amz-acl", "x-amz-bucket-namespace", "x-amz-copy-source", "x-amz-grant-full-control", "x-amz-grant-read",
    "x-amz-grant-read-acp", "x-amz-grant-write", "x-amz-grant-write-acp", "x-amz-metadata-directive",
    "x-amz-object-ownership", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm", "x-amz-storage-class", "x-amz-website-redirect-location",
    "if-match", "if-none-match",
)  # fmt: skip
WRITTEN: Mapping[str, Source] = {**{f"s3:{name}": _header(name) for name in _HEADERS}, **LOCKED}


def creates(whether: bool) -> Mapping[str, Source]:
    """Whether the object is there afterwards: uploads create none before they are completed."""
    return {"s3:ObjectCreationOperation": str(whether).lower()}


# ---- tags -------------------------------------------------------------------------------------------------------


def tag_facts(ctx: Context, parameters: Parameters) -> Facts:
    """The tags of the request, and of the object that it is about."""
    key = parameters.get("Key")
    asked = _request_tags(parameters)
    if key is None:
        return asked
    return asked | _existing_tags(ctx, str(parameters["Bucket"]), str(key), parameters.get("VersionId"))


def tag_facts_of_source(ctx: Context, parameters: Parameters) -> Facts:
    """The same with the tags of the object that is copied."""
    source = copy_source(str(parameters.get("CopySource", "")))
    return _request_tags(parameters) | _existing_tags(ctx, *source)


def _existing_tags(ctx: Context, bucket: str, key: str, version_id: str | None) -> Facts:
    tags = ctx.cloud.s3.object_tags(bucket, key, version_id)
    return {f"s3:ExistingObjectTag/{name}": value for name, value in tags.items()}


def _request_tags(parameters: Parameters) -> Facts:
    given = parameters.get("Tagging")
    if isinstance(given, str):
        tags: Iterable[tuple[str, str]] = parse_qsl(given, keep_blank_values=True)
    else:
        rows = given.get("TagSet", ()) if isinstance(given, Mapping) else ()
        tags = [(str(row["Key"]), str(row["Value"])) for row in rows if isinstance(row, Mapping) and "Key" in row]
    asked: Facts = {f"s3:RequestObjectTag/{name}": value for name, value in tags}
    if asked:
        asked["s3:RequestObjectTagKeys"] = [name for name, _ in tags]
    return asked


# ---- asked by S3 itself -----------------------------------------------------------------------------------------


def facts_of(ctx: Context, parameters: Parameters) -> Facts:
    """All that a request tells about a bucket or an object, for what S3 asks in the course of an operation."""
    told = tag_facts(ctx, parameters)
    keys = {**OF_ALL, **WRITTEN, "s3:VersionId": "{VersionId}"}
    for key, source in keys.items():
        if values := found(source, ctx, parameters):
            told[key] = values[0]
    return told
