"""Putting records. https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html"""

import base64
import hashlib
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.firehose.errors import InvalidArgument, ServiceUnavailable
from fogbank.services.firehose.records import MB, Chunk, DeliveryStream
from fogbank.services.firehose.stream_operations import DIRECT_PUT, StreamOperations
from fogbank.services.firehose.throughput import Throughputs

REQUEST_BYTES_MAX = 4 * MB


class Writing(StreamOperations):
    """The operations that put records, of `FirehoseService`. That a record is not too large, the model says."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._throughputs = Throughputs()

    def put_record(self, ctx: Context, *, DeliveryStreamName: str, Record: dict[str, Any]) -> Answer:
        stream = self._writable(ctx, DeliveryStreamName)
        ids = self._take(ctx, stream, "PutRecord", [Record["Data"]])
        if not ids:
            raise ServiceUnavailable()
        return {"RecordId": ids[0], "Encrypted": bool(stream.encryption)}

    def put_record_batch(self, ctx: Context, *, DeliveryStreamName: str, Records: list[dict[str, Any]]) -> Answer:
        """Records beyond the stream's quota are reported, and the others are put."""
        stream = self._writable(ctx, DeliveryStreamName)
        ids = self._take(ctx, stream, "PutRecordBatch", [record["Data"] for record in Records])
        responses = [{"RecordId": record_id} for record_id in ids]
        refused = len(Records) - len(ids)
        responses += [{"ErrorCode": ServiceUnavailable.code, "ErrorMessage": ServiceUnavailable.message}] * refused
        return {"FailedPutCount": refused, "Encrypted": bool(stream.encryption), "RequestResponses": responses}

    # ---- steps ------------------------------------------------------------------------------------------------------

    def _writable(self, ctx: Context, name: str) -> DeliveryStream:
        stream = self._stream(ctx, name, shared=True)
        if stream.type != DIRECT_PUT:
            raise InvalidArgument(f"This operation is not permitted on {stream.type} delivery stream type.")
        if stream.active_ms > ctx.now_ms:
            raise ServiceUnavailable()
        return stream

    def _take(self, ctx: Context, stream: DeliveryStream, operation: str, data: list[bytes]) -> list[str]:
        """Keep the records, or as many as the stream takes; the ids of those."""
        sizes = list(map(len, data))
        if sum(sizes) > REQUEST_BYTES_MAX:
            raise InvalidArgument("Records size exceeds 4 MB limit")
        count = self._throughputs.admitted(stream, sizes, ctx.now_ms)
        if count < len(data):
            self._metrics.add(stream, "ThrottledRecords", len(data) - count)
        if not count:
            return []
        self._gather(stream, Chunk(ctx.now_ms, data[:count]))
        self._metrics.put(stream, operation, count, sum(sizes[:count]))
        return _record_ids(stream, ctx.request_id, count)


def _record_ids(stream: DeliveryStream, request_id: str, count: int) -> list[str]:
    """Ids as long as Firehose's, which say nothing: what differs between those of a request is at their end."""
    digest = hashlib.sha512(f"{stream.id}/{request_id}".encode()).digest()
    head = base64.b64encode(digest * 2).decode()[:168]
    return [f"{head}{number:056x}" for number in range(count)]
