"""A stream -> one bulk file in S3 for each batch, then an index entry for each record in DynamoDB.

At least once: the file is there before an entry names it, and the batch counts as read only when every entry is
written. A batch that fails on the way comes again and makes a file of its own, to which the entries then lead; the
first file stays as right as it was. So a crash at any moment loses nothing and leaves no entry that leads nowhere.
"""

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from bulk import Bulk, Entry, chunks, latest, pack

ITEMS_PER_CALL = 25  # DynamoDB quota: items in one BatchWriteItem
CALLS_AT_ONCE = 8
ATTEMPTS = 8  # of what a table does not take at once, before the batch goes back to the stream

config = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=CALLS_AT_ONCE)
s3 = boto3.client("s3", config=config)
dynamodb = boto3.client("dynamodb", config=config)
cloudwatch = boto3.client("cloudwatch", config=config)
bucket, table, namespace = os.environ["BUCKET"], os.environ["INDEX"], os.environ["NAMESPACE"]


def handler(event: dict[str, Any], _context: object) -> None:
    bulk = pack(event["Records"])
    key = f"{bulk.name}-{uuid.uuid4().hex[:8]}.jsonl"
    s3.put_object(Bucket=bucket, Key=key, Body=bulk.body, ContentType="application/x-ndjson")
    write_index(bulk, key)
    count(bulk)


def write_index(bulk: Bulk, key: str) -> None:
    written = str(int(time.time() * 1000))
    items = [to_item(entry, key, written) for entry in latest(bulk.entries)]
    with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        for _ in pool.map(write_items, chunks(items, ITEMS_PER_CALL)):
            pass


def write_items(items: list[dict[str, Any]]) -> None:
    requests = [{"PutRequest": {"Item": item}} for item in items]
    for attempt in range(ATTEMPTS):
        requests = dynamodb.batch_write_item(RequestItems={table: requests})["UnprocessedItems"].get(table, [])
        if not requests:
            return
        time.sleep(min(0.05 * 2**attempt, 2.0))
    raise RuntimeError(f"the index does not take {len(requests)} entries: the batch will come again")


def to_item(entry: Entry, key: str, written_ms: str) -> dict[str, dict[str, str]]:
    return {
        "device": {"S": entry.device},
        "at_seq": {"S": entry.at_seq},
        "bucket": {"S": bucket},
        "key": {"S": key},
        "offset": {"N": str(entry.offset)},
        "length": {"N": str(entry.length)},
        "sequence": {"S": entry.sequence},
        "shard": {"S": entry.shard},
        "written": {"N": written_ms},
    }


def count(bulk: Bulk) -> None:
    """How much was indexed: beside what the stream took in, it tells whether the reader keeps up."""
    dimensions = [{"Name": "StreamName", "Value": bulk.stream}]
    figures = (("RecordsIndexed", len(bulk.entries), "Count"), ("BulkFileBytes", len(bulk.body), "Bytes"))
    cloudwatch.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": unit}
            for name, value, unit in figures
        ],
    )
