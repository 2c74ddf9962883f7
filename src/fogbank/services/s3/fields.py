"""Fields of requests and answers that several operations share: checked, read and written the same way."""

import re
from urllib.parse import unquote_plus

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.s3.errors import InvalidArgument, KeyTooLong
from fogbank.services.s3.records import NULL_VERSION, ObjectVersion, Upload
from fogbank.services.s3.version_ids import place_of

KEY_BYTES_MAX = 1024
_ORIGIN = re.compile(r"\Ahttps?://[^/]*")
PART_NUMBER_MAX = 10_000


def storage(version: ObjectVersion | Upload) -> str:
    return str(version.headers.get("StorageClass", "STANDARD"))


def owner_id(account: str) -> str:
    """S3 names owners by a canonical id of 64 hex digits; here it is made of the account's number."""
    return account.rjust(64, "0")


def over_http(ctx: Context) -> bool:
    """Whether it is a request's own operation: calls in process have no headers but a trace."""
    return "host" in ctx.headers


def check_key(key: str) -> None:
    if len(key) <= KEY_BYTES_MAX // 4:  # No character has more bytes in UTF-8.
        return
    size = len(key.encode())
    if size > KEY_BYTES_MAX:
        raise KeyTooLong(members={"MaxSizeAllowed": str(KEY_BYTES_MAX), "Size": str(size)})


def check_part_number(number: int) -> None:
    if not 1 <= number <= PART_NUMBER_MAX:
        raise InvalidArgument(
            "Part number must be an integer between 1 and 10000, inclusive",
            members={"ArgumentName": "partNumber", "ArgumentValue": str(number)},
        )


def check_version_id(version_id: str) -> None:
    """Raises InvalidArgument for an id that no version can ever have had."""
    if version_id != NULL_VERSION and place_of(version_id) is None:
        raise InvalidArgument(
            "Invalid version id specified", members={"ArgumentName": "versionId", "ArgumentValue": version_id}
        )


def copy_source(text: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of `bucket/key?versionId=…`, URL-encoded, with or without a slash or an origin before it.

    A plus sign is a space, as forms have it.
    """
    path, _, query = _ORIGIN.sub("", text, count=1).partition("?versionId=")
    bucket, _, key = unquote_plus(path).removeprefix("/").partition("/")
    if bucket.startswith("arn:"):
        raise NotImplementedInFogbank("Fogbank's S3 does not implement copy sources that are access points.")
    if not bucket or not key:
        raise InvalidArgument(
            f"Invalid copy source {'object key' if bucket else 'bucket name'}",
            members={"ArgumentName": "x-amz-copy-source", "ArgumentValue": "x-amz-copy-source"},
        )
    return bucket, key, unquote_plus(query) or None
