"""The telemetry stream -> a result for each sample -> Firehose, which writes them for reading in bulk.

It reads for itself, beside the reader that keeps the samples, so that neither waits for the other. At least once: a
batch that comes again is analysed again, and who reads the results takes one row of a device and its number.
"""

import base64
import json
import os
import time
from typing import Any

import boto3
from health import examine

RECORDS_PER_CALL = 500  # Firehose quota: records in one PutRecordBatch
ATTEMPTS = 8

firehose = boto3.client("firehose")
delivery_stream = os.environ["RESULTS"]


def handler(event: dict[str, Any], _context: object) -> None:
    samples = [sample for sample in map(read, event["Records"]) if sample is not None]
    records = [{"Data": json.dumps(examine(sample), separators=(",", ":")).encode() + b"\n"} for sample in samples]
    for first in range(0, len(records), RECORDS_PER_CALL):
        put(records[first : first + RECORDS_PER_CALL])


def read(record: dict[str, Any]) -> dict[str, Any] | None:
    """The sample; None if it is none. (It is kept all the same, by the other reader.)"""
    try:
        sample = json.loads(base64.b64decode(record["kinesis"]["data"]))
    except ValueError:
        return None
    return sample if isinstance(sample, dict) and "rssi" in sample else None


def put(records: list[dict[str, bytes]]) -> None:
    """All of them; what Firehose does not take at once is sent again."""
    for attempt in range(ATTEMPTS):
        outcomes = firehose.put_record_batch(DeliveryStreamName=delivery_stream, Records=records)["RequestResponses"]
        records = [record for record, outcome in zip(records, outcomes, strict=True) if "ErrorCode" in outcome]
        if not records:
            return
        time.sleep(min(0.05 * 2**attempt, 2.0))
    raise RuntimeError(f"Firehose does not take {len(records)} results: the batch will come again")
