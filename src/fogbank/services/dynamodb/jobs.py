"""What exports to S3 and imports from it have in common: their ids, client tokens, lists and ends."""

import secrets
from collections.abc import Iterable
from typing import Any, TypeVar

from fogbank.core.asking import asking
from fogbank.core.context import Context
from fogbank.core.delegation import on_behalf_of
from fogbank.core.errors import AwsError
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.records import Export, Import, Job

PAGE_MAX = 25
_DAY_MS = 24 * 3600 * 1000
LISTED_MS = 90 * _DAY_MS
# A client token is known for eight hours after its request.
TOKEN_MS = 8 * 3600 * 1000
# The form of NextToken in the service's model: hexadecimal digits in groups of 16, at least 112 of them.
_TOKEN_DIGITS_MIN, _TOKEN_GROUP = 112, 16

T = TypeVar("T", Export, Import)
JobKey = tuple[str, str, str, str]


def new_key(ctx: Context, table: str) -> JobKey:
    return (ctx.account, ctx.region, table, f"{ctx.now_ms:014d}-{secrets.token_hex(4)}")


def key_of(ctx: Context, arn: str) -> JobKey:
    """Where the job of that ARN lies, if there is one."""
    table, _, rest = definitions.name_of(arn).partition("/")
    return (ctx.account, ctx.region, table, rest.rpartition("/")[2])


def has_token(job: Job, ctx: Context, token: str | None) -> bool:
    """Whether the job was begun with that client token, not too long ago."""
    return bool(token) and job.token == token and ctx.now_ms - job.started_ms < TOKEN_MS


def page(ctx: Context, records: Iterable[T], after: str | None, size: int) -> tuple[list[T], dict[str, str]]:
    """A page of the exports or imports of the last days, ordered by their ARNs, and the NextToken if there are more."""
    last = "" if after is None else _read_token(after)
    found = {r.job.arn: r for r in records if r.job.arn > last and ctx.now_ms - r.job.started_ms < LISTED_MS}
    arns = sorted(found)
    return [found[arn] for arn in arns[:size]], {"NextToken": _token(arns[size - 1])} if len(arns) > size else {}


def _token(arn: str) -> str:
    digits = arn.encode().hex()
    length = max(len(digits), _TOKEN_DIGITS_MIN)
    return digits.ljust(-(-length // _TOKEN_GROUP) * _TOKEN_GROUP, "0")


def _read_token(token: str) -> str:
    try:
        return bytes.fromhex(token).rstrip(b"\0").decode()
    except ValueError:
        raise Validation("Invalid NextToken") from None


def with_rights(ctx: Context, job: Job) -> Context:
    """The context in which S3 is asked on behalf of who asked for the job, now."""
    return asking(on_behalf_of(ctx.refreshed(), job.caller, "dynamodb.amazonaws.com"))


def end(job: Job, now_ms: int, failure: tuple[str, str] | None = None) -> None:
    job.status, job.ended_ms = "COMPLETED" if failure is None else "FAILED", now_ms
    if failure is not None:
        job.failure_code, job.failure_message = failure


def failure_of(error: Exception) -> tuple[str, str]:
    """FailureCode and FailureMessage of what went wrong with S3, or of a bug."""
    if isinstance(error, AwsError):
        return f"S3{error.code}", error.message
    return "InternalFailure", str(error)


def describe_end(job: Job) -> dict[str, Any]:
    """The members of a description that tell how the job ended."""
    description: dict[str, Any] = {"EndTime": job.ended_ms / 1000} if job.ended_ms else {}
    if job.failure_code:
        description |= {"FailureCode": job.failure_code, "FailureMessage": job.failure_message}
    return description
