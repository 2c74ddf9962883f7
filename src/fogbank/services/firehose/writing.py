"""Putting records. https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html"""

import base64
import hashlib
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.firehose.errors import InvalidArgument, ServiceUnavailable
from fogbank.services.firehose.records import Chunk, DeliveryStream
from fogbank.services.firehose.stream_operations import DIRECT_PUT, StreamOperations

REQUEST_BYTES_MAX = 4 * 1024 * 1024


class Writing(StreamOperations):
    """The operations that put records, of `FirehoseService`. That a record is not too large, the model says."""

    def put_record(self, ctx: Context, *, DeliveryStreamName: str, Record: dict[str, Any]) -> Answer:
        stream = self._writable(ctx, DeliveryStreamName)
        (record_id,) = self._take(ctx, stream, "PutRecord", [Record["Data"]])
        return {"RecordId": record_id, "Encrypted": bool(stream.encryption)}

    def put_record_batch(self, ctx: Context, *, DeliveryStreamName: str, Records: list[dict[str, Any]]) -> Answer:
        stream = self._writable(ctx, DeliveryStreamName)
        ids = self._take(ctx, stream, "PutRecordBatch", [record["Data"] for record in Records])
        return {
            "FailedPutCount": 0,
            "Encrypted": bool(stream.encryption),
            "RequestResponses": [{"RecordId": record_id} for record_id in ids],
        }

    # ---- steps ------------------------------------------------------------------------------------------------------

    def _writable(self, ctx: Context, name: str) -> DeliveryStream:
        stream = self._stream(ctx, name, shared=True)
        if stream.type != DIRECT_PUT:
            raise InvalidArgument(f"This operation is not permitted on {stream.type} delivery stream type.")
        if stream.active_ms > ctx.now_ms:
            raise ServiceUnavailable()
        return stream

    def _take(self, ctx: Context, stream: DeliveryStream, operation: str, data: list[bytes]) -> list[str]:
        """Keep the records; their ids."""
        size = sum(map(len, data))
        if size > REQUEST_BYTES_MAX:
            raise InvalidArgument("Records size exceeds 4 MB limit")
        self._gather(stream, Chunk(ctx.now_ms, data))
        self._metrics.put(stream, operation, len(data), size)
        return _record_ids(stream, ctx.request_id, len(data))


def _record_ids(stream: DeliveryStream, request_id: str, count: int) -> list[str]:
    """Ids as long as Firehose's, which say nothing: what differs between those of a request is at their end."""
    digest = hashlib.sha512(f"{stream.id}/{request_id}".encode()).digest()
    head = base64.b64encode(digest * 2).decode()[:168]
    return [f"{head}{number:056x}" for number in range(count)]
