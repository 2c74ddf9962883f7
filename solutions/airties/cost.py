"""What the run would have cost by AWS's public prices, beside keeping each sample as an object of its own.

Both take in, read and analyse alike; they differ in how samples are kept and found again. An object for each sample
needs no index: its key says device and time. The prices and their date are in prices.json.
"""

import json
from dataclasses import dataclass
from pathlib import Path

GB = 1024**3
PRICES = json.loads(Path(__file__).with_name("prices.json").read_text())


@dataclass(frozen=True)
class Usage:
    """What was used, by the measures that AWS bills."""

    samples: int
    sample_bytes: int
    shard_hours: float
    files: int
    index_writes: float  # units
    index_bytes: int
    invocations: int
    gb_seconds: float
    results: int


def bill(usage: Usage) -> dict[str, float]:
    """Dollars for the run; what is stored is counted for a month."""
    p, mean = PRICES, usage.sample_bytes / max(usage.samples, 1)
    units = usage.samples * -(-mean // p["kinesis_put_unit_bytes"])
    result_gb = usage.results * p["firehose_record_step_bytes"] / GB
    return {
        "kinesis": usage.shard_hours * p["kinesis_shard_hour"] + units / 1e6 * p["kinesis_million_put_units"],
        "lambda": usage.invocations / 1e6 * p["lambda_million_requests"] + usage.gb_seconds * p["lambda_gb_second"],
        "firehose": result_gb * (p["firehose_gb"] + p["firehose_conversion_gb"]),
        "s3": usage.files / 1e3 * p["s3_thousand_puts"] + usage.sample_bytes / GB * p["s3_gb_month"],
        "index": usage.index_writes / 1e6 * p["dynamodb_million_write_units"]
        + usage.index_bytes / GB * p["dynamodb_gb_month"],
    }


def one_object_a_sample(usage: Usage) -> float:
    """What takes the place of S3's and the index's share of the bill."""
    return usage.samples / 1e3 * PRICES["s3_thousand_puts"] + usage.sample_bytes / GB * PRICES["s3_gb_month"]


def retrievals() -> tuple[float, float]:
    """A million samples found again: by a lookup (half a read unit) and a range request; by one request."""
    gets = 1e3 * PRICES["s3_thousand_gets"]
    return gets + 0.5 * PRICES["dynamodb_million_read_units"], gets
