"""Text that templates and policies lie in: objects of Fogbank's own S3, by their URLs."""

import re
import urllib.parse
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.cloudformation import template
from fogbank.services.cloudformation.errors import ValidationError


async def fetch(ctx: Context, url: str) -> str:
    """The text behind a URL, in the words that templates and policies use for failures."""
    bucket, key = place(url)
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "s3":
        raise ValidationError(f"S3 error: Domain name specified in {bucket} is not a valid S3 domain")
    if parts.scheme not in ("http", "https") or not _is_s3(ctx, parts.hostname or ""):
        raise ValidationError("TemplateURL must be a supported URL.")
    try:
        return await read(ctx, bucket, key)
    except AwsError as error:
        if isinstance(error, ValidationError):
            raise
        raise ValidationError(f"S3 error: {error.message}") from None


async def read(ctx: Context, bucket: str, key: str) -> str:
    answer = await ctx.call(ctx.cloud.s3.get_object, Bucket=bucket, Key=key)
    body = await _bytes(answer["Body"])
    if len(body) > template.URL_BYTES_MAX:
        raise ValidationError(f"Template file s3://{bucket}/{key} is larger than {template.URL_BYTES_MAX} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ValidationError(f"Template file s3://{bucket}/{key} is not UTF-8 text") from None


def place(url: str) -> tuple[str, str]:
    """Bucket and key of a URL in path style, in virtual-hosted style, or `s3://bucket/key`."""
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.unquote(parts.path.lstrip("/"))
    host = parts.hostname or ""
    hosted = re.fullmatch(r"(.+)\.s3[.-].*|(.+)\.localhost", host)
    if parts.scheme == "s3":
        return host, path
    if hosted:
        return str(hosted[1] or hosted[2]), path
    bucket, _, key = path.partition("/")
    return bucket, key


def _is_s3(ctx: Context, host: str) -> bool:
    own = urllib.parse.urlsplit(ctx.endpoint).hostname
    local = host in (own, "localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
    return local or re.search(r"(^|\.)s3[.-]", host) is not None


async def _bytes(body: Any) -> bytes:
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    return b"".join([chunk async for chunk in body])
