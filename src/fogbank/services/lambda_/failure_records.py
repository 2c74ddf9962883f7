"""Where the records of failed invocations go: topics, queues, functions, buses and buckets.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from datetime import UTC, datetime
from typing import Any

from fogbank.core import targets
from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.ids import new_id


def is_bucket(destination: str) -> bool:
    arn = parse_arn(destination)
    return arn is not None and arn.service == "s3"


async def put_object(ctx: Context, destination: str, folder: str, record: dict[str, Any]) -> None:
    """Write a record to a bucket as `FOLDER/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-ID`. Raises the bucket's AwsError."""
    arn = parse_arn(destination)
    assert arn is not None
    moment = datetime.fromtimestamp(ctx.now_ms / 1000, UTC)
    key = f"{folder}/{moment:%Y/%m/%d}/{moment:%Y-%m-%dT%H.%M.%S}-{new_id()}"
    await ctx.call(ctx.cloud.s3.put_object, Bucket=arn.resource, Key=key, Body=targets.as_text(record).encode())
