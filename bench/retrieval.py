"""One sample out of a bulk file: its index entry by a query, then the range of the object that the entry names."""

import itertools
import os

from bench.load import CONNECTIONS, Outcome, Session, Unexpected, drive
from bench.recording import Recorder, client
from bench.servers import Running

FILES = 20
SAMPLES = 500
"""Of a file. Each has an index entry."""
SAMPLE_BYTES = 2_000
BUCKET = TABLE = "bench-retrieval"


def retrieve(server: Running, seconds: float) -> Outcome:
    files = [os.urandom(SAMPLES * SAMPLE_BYTES) for _ in range(FILES)]
    _store(server.endpoint, files)
    query, get = (Recorder(service, server.endpoint).request for service in ("dynamodb", "s3"))
    steps = []
    for file, sample in itertools.product(range(FILES), range(0, SAMPLES, 10)):
        offset = sample * SAMPLE_BYTES
        asked = query(
            "query",
            TableName=TABLE,
            KeyConditionExpression="device = :d AND sampled BETWEEN :from AND :to",
            ExpressionAttributeValues={":d": {"S": f"device-{sample}"}, ":from": _at(file), ":to": _at(file)},
        )
        fetched = get("get_object", Bucket=BUCKET, Key=_key(file), Range=f"bytes={offset}-{offset + SAMPLE_BYTES - 1}")
        steps.append((asked, b'"%d"' % offset, fetched, files[file][offset : offset + SAMPLE_BYTES]))

    def session(number: int) -> Session:
        start = number * 17 % len(steps)
        for asked, offset, fetched, sample in itertools.cycle(steps[start:] + steps[:start]):
            entry = yield asked
            if offset not in entry:
                raise Unexpected(entry[:300].decode(errors="replace"))
            body = yield fetched
            if body != sample:
                raise Unexpected(f"{len(body)} bytes that are not the sample's")

    outcome = drive(server, session, connections=CONNECTIONS, seconds=seconds)
    outcome.each = 0.5
    return outcome


def _key(file: int) -> str:
    return f"bulk/{file:04d}"


def _at(file: int) -> dict[str, str]:
    return {"N": str(file)}


def _store(endpoint: str, files: list[bytes]) -> None:
    s3, dynamodb = client("s3", endpoint), client("dynamodb", endpoint)
    s3.create_bucket(Bucket=BUCKET)
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "device", "KeyType": "HASH"}, {"AttributeName": "sampled", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "device", "AttributeType": "S"},
            {"AttributeName": "sampled", "AttributeType": "N"},
        ],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    for file, body in enumerate(files):
        s3.put_object(Bucket=BUCKET, Key=_key(file), Body=body)
        for first in range(0, SAMPLES, 25):
            items = [
                {
                    "device": {"S": f"device-{sample}"},
                    "sampled": _at(file),
                    "bucket": {"S": BUCKET},
                    "key": {"S": _key(file)},
                    "offset": {"N": str(sample * SAMPLE_BYTES)},
                    "length": {"N": str(SAMPLE_BYTES)},
                }
                for sample in range(first, first + 25)
            ]
            dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}} for item in items]})
