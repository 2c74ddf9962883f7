"""Compares the results that Firehose has written as Parquet with results of what the devices sent."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fleet import Fleet

try:
    from pyarrow import parquet
except ImportError:  # The driver needs nothing but boto3: then the results are not read.
    parquet = None

sys.path.append(str(Path(__file__).parent / "src" / "analysis"))

from health import examine

Rows = dict[tuple[str, int], dict[str, Any]]


def can_be_read() -> bool:
    return parquet is not None


def expected(fleet: Fleet) -> Rows:
    """By device and number; events are not analysed."""
    found: Rows = {}
    for number in range(fleet.total):
        message = fleet.message(number)
        if not message.event:
            row = examine(json.loads(fleet.body(message)))
            found[row["device"], row["seq"]] = row
    return found


def written(s3: Any, bucket: str, fleet: Fleet) -> Iterator[dict[str, Any]]:
    """The fleet's rows, those that came twice included."""
    prefix = f"ap-{fleet.name}-"
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="results/"):
        for each in page.get("Contents", ()):
            body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            rows = parquet.read_table(io.BytesIO(body)).to_pylist()
            yield from (row for row in rows if row["device"].startswith(prefix))


def compare(s3: Any, bucket: str, fleet: Fleet, should: Rows) -> dict[str, int]:
    seen: set[tuple[str, int]] = set()
    result = {"rows": 0, "wrong": 0, "again": 0}
    for row in written(s3, bucket, fleet):
        name = (row["device"], row["seq"])
        result["rows"] += 1
        result["again"] += name in seen
        result["wrong"] += should.get(name) != row
        seen.add(name)
    return result | {"missing": len(should.keys() - seen)}
