"""How support staff find a sample: a Query for where it lies, a range request for exactly its bytes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Found:
    """An entry of the index, and what lies there."""

    at_ms: int
    entry: dict[str, Any]
    body: bytes
    ms: float


@dataclass
class Cost:
    """What a retrieval took."""

    queries: int = 0
    gets: int = 0
    index_bytes: int = 0
    bytes: int = 0
    ms: float = 0.0


class Retrieval:
    def __init__(self, dynamodb: Any, s3: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._s3 = s3
        self._table = table
        self.cost = Cost()

    def samples(self, device: str, first_ms: int, last_ms: int) -> Iterator[Found]:
        """A device's samples from the first to the last moment, in the order of their times."""
        for entry in self.entries(device, first_ms, last_ms):
            began = time.perf_counter()
            body = self.get(entry)
            yield Found(int(entry["at_seq"]["S"][:13]), entry, body, (time.perf_counter() - began) * 1000)

    def entries(self, device: str, first_ms: int, last_ms: int) -> Iterator[dict[str, Any]]:
        start: dict[str, Any] = {}
        while True:
            began = time.perf_counter()
            answer = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="device = :device AND at_seq BETWEEN :first AND :last",
                ExpressionAttributeValues={
                    ":device": {"S": device},
                    ":first": {"S": f"{first_ms:013d}"},
                    ":last": {"S": f"{last_ms:013d}$"},  # behind every #seq of the last millisecond
                },
                ReturnConsumedCapacity="TOTAL",
                **start,
            )
            self.cost.queries += 1
            self.cost.ms += (time.perf_counter() - began) * 1000
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def get(self, entry: dict[str, Any]) -> bytes:
        """Exactly the sample's bytes."""
        began = time.perf_counter()
        first, length = int(entry["offset"]["N"]), int(entry["length"]["N"])
        answer = self._s3.get_object(
            Bucket=entry["bucket"]["S"], Key=entry["key"]["S"], Range=f"bytes={first}-{first + length - 1}"
        )
        body: bytes = answer["Body"].read()
        self.cost.gets += 1
        self.cost.bytes += len(body)
        self.cost.ms += (time.perf_counter() - began) * 1000
        return body

    def ends(self, device: str) -> tuple[int, int] | None:
        """The times of a device's first and last sample; None if it has none."""
        found = []
        for forward in (True, False):
            items = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="device = :device",
                ExpressionAttributeValues={":device": {"S": device}},
                ScanIndexForward=forward,
                Limit=1,
            )["Items"]
            found += [int(item["at_seq"]["S"][:13]) for item in items]
        return (found[0], found[1]) if found else None
