"""HTTP endpoints as destinations.

https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
AWS takes HTTPS on port 443 alone. Here plain HTTP and any port will do, as what listens on loopback has no certificate.
"""

import asyncio
import base64
import gzip
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.http_client import HttpAnswer, HttpRequest, NoAnswer, TimedOut, send
from fogbank.core.json_text import parse
from fogbank.services.firehose import processors, s3_settings
from fogbank.services.firehose.batches import Batches, Hints
from fogbank.services.firehose.destination import DeliveryFailed, Destination, Retry, Settings
from fogbank.services.firehose.errors import InvalidArgument
from fogbank.services.firehose.records import Batch, DeliveryStream
from fogbank.services.firehose.stream_metrics import StreamMetrics

REQUESTS_AT_ONCE_MAX = 2  # of one stream: each holds a batch in memory
RECORDS_MAX = 10_000  # of one request
ANSWER_BYTES_MAX = 1024 * 1024
TIMEOUT_S = 180
_RETRY_S = 300
_PROTOCOL_VERSION = "1.0"
_SIZE_EXCEEDED = 413

_encode = msgspec.json.Encoder().encode


class HttpDestination(Destination):
    """An endpoint of the user."""

    metric: ClassVar[str] = "DeliveryToHttpEndpoint"

    def __init__(self, cloud: Cloud, batches: Batches, metrics: StreamMetrics) -> None:
        self._cloud = cloud
        self._batches = batches
        self._metrics = metrics
        self._turns: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()
        """By the streams' ids: an endpoint that does not answer holds up nobody else."""

    def complete(self, given: Settings) -> Settings:
        if "EndpointConfiguration" not in given or "S3Configuration" not in given:
            raise InvalidArgument("EndpointConfiguration and S3Configuration must be specified")
        url = given["EndpointConfiguration"]["Url"]
        if not url.startswith(("https://", "http://")):
            raise InvalidArgument(f"The URL of an HTTP endpoint must be an HTTPS URL: {url}")
        if given.get("SecretsManagerConfiguration", {}).get("Enabled"):
            raise NotImplementedInFogbank("Fogbank's firehose does not implement SecretsManagerConfiguration.")
        settings = {
            "RequestConfiguration": {},
            "RetryOptions": {},
            "S3BackupMode": "FailedDataOnly",
            **given,
            "BufferingHints": s3_settings.buffering(given.get("BufferingHints")),
            "CloudWatchLoggingOptions": s3_settings.logging(given.get("CloudWatchLoggingOptions")),
            "S3Configuration": s3_settings.complete(given["S3Configuration"]),
        }
        settings["RequestConfiguration"] = {"ContentEncoding": "NONE"} | settings["RequestConfiguration"]
        settings["RetryOptions"] = {"DurationInSeconds": _RETRY_S} | settings["RetryOptions"]
        configuration = processors.complete(given.get("ProcessingConfiguration"), given.get("RoleARN", ""))
        processing = processors.read(configuration)
        if processing.query is not None or processing.split is not None:
            raise InvalidArgument("Dynamic Partitioning is supported for S3 destinations only.")
        if "ProcessingConfiguration" in given:
            settings["ProcessingConfiguration"] = configuration
        return settings

    def updated(self, settings: Settings, update: Settings) -> Settings:
        after = settings | update
        if "S3Update" in after:
            after["S3Configuration"] = settings.get("S3Configuration", {}) | after.pop("S3Update")
        if settings and "EndpointConfiguration" in update:
            # Who updates has not been told the key, and keeps it by saying none.
            before = settings["EndpointConfiguration"]
            kept = {"AccessKey": before["AccessKey"]} if "AccessKey" in before else {}
            after["EndpointConfiguration"] = kept | update["EndpointConfiguration"]
        return after

    def describe(self, settings: Settings) -> dict[str, Any]:
        shown = dict(settings)
        shown["S3DestinationDescription"] = s3_settings.describe(shown.pop("S3Configuration"))
        endpoint = settings["EndpointConfiguration"]
        shown["EndpointConfiguration"] = {name: endpoint[name] for name in ("Url", "Name") if name in endpoint}
        return {"HttpEndpointDestinationDescription": shown}

    def arn(self, settings: Settings) -> str:
        return str(settings["EndpointConfiguration"]["Url"])

    def roles(self, settings: Settings) -> list[str]:
        own = [settings["RoleARN"]] if "RoleARN" in settings else []
        return [*own, settings["S3Configuration"]["RoleARN"]]

    def hints(self, settings: Settings) -> Hints:
        return Hints.of(settings["BufferingHints"])

    def backup(self, settings: Settings) -> Settings | None:
        found: Settings | None = settings["S3Configuration"] if settings["S3BackupMode"] == "AllData" else None
        return found

    def errors(self, settings: Settings) -> Settings:
        found: Settings = settings["S3Configuration"]
        return found

    def error_type(self, settings: Settings) -> str:
        return "http-endpoint-failed"

    def retry(self, settings: Settings) -> Retry:
        return Retry(settings["RetryOptions"]["DurationInSeconds"] * 1000, first_delay_ms=1_000, delay_ms_max=120_000)

    async def deliver(self, ctx: Context, stream: DeliveryStream, batch_id: int, batch: Batch) -> None:
        """As many requests as the batch needs; a batch that is tried again sends them all again, with the same ids."""
        delimiter = processors.delimiter(stream.settings)
        records = size = 0
        turns = self._turns.setdefault(stream.id, asyncio.Semaphore(REQUESTS_AT_ONCE_MAX))
        async with turns:
            for number, part in enumerate(self._parts(batch_id)):
                request_id = str(uuid.uuid5(uuid.UUID(batch.uuid), str(number)))
                part_size = sum(map(len, part))
                self._metrics.add(stream, f"{self.metric}.ProcessedRecords", len(part))
                self._metrics.add(stream, f"{self.metric}.ProcessedBytes", part_size)
                request = await self._cloud.blobs.in_thread(
                    _request, stream, request_id, self._cloud.clock.now_ms(), part, delimiter
                )
                await _deliver(request, request_id)
                records += len(part)
                size += part_size
        await ctx.run(self._batches.remove, stream.id, batch_id)
        age_ms = self._cloud.clock.now_ms() - batch.opened_ms
        self._metrics.delivered(stream, self.metric, records, size, age_ms)

    def _parts(self, batch_id: int) -> Iterator[list[bytes]]:
        data = [record for chunk in self._batches.chunks(batch_id) for record in chunk.data]
        return (data[at : at + RECORDS_MAX] for at in range(0, len(data), RECORDS_MAX))


def _request(
    stream: DeliveryStream, request_id: str, now_ms: int, records: list[bytes], delimiter: bytes
) -> HttpRequest:
    settings = stream.settings
    document = {
        "requestId": request_id,
        "timestamp": now_ms,
        "records": [{"data": base64.b64encode(record + delimiter).decode()} for record in records],
    }
    body = _encode(document)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Amazon Kinesis Data Firehose Agent/1.0",
        "X-Amz-Firehose-Protocol-Version": _PROTOCOL_VERSION,
        "X-Amz-Firehose-Request-Id": request_id,
        "X-Amz-Firehose-Source-Arn": stream.arn,
    }
    if "AccessKey" in settings["EndpointConfiguration"]:
        headers["X-Amz-Firehose-Access-Key"] = settings["EndpointConfiguration"]["AccessKey"]
    attributes = settings["RequestConfiguration"].get("CommonAttributes")
    if attributes:
        common = {given["AttributeName"]: given["AttributeValue"] for given in attributes}
        headers["X-Amz-Firehose-Common-Attributes"] = _encode({"commonAttributes": common}).decode()
    if settings["RequestConfiguration"]["ContentEncoding"] == "GZIP":
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, mtime=0)
    url = settings["EndpointConfiguration"]["Url"]
    return HttpRequest(method="POST", url=url, headers=headers, body=body, timeout_s=TIMEOUT_S)


async def _deliver(request: HttpRequest, request_id: str) -> None:
    """Raises DeliveryFailed for every answer but the one that confirms the request."""
    try:
        answer = await send(request, read_bytes_max=ANSWER_BYTES_MAX + 1, follow_redirects=False, own_thread=True)
    except TimedOut as error:
        raise DeliveryFailed(
            "HttpEndpoint.RequestTimeout", "The delivery timed out before a response was received and will be retried."
        ) from error
    except NoAnswer as error:
        raise DeliveryFailed(
            "HttpEndpoint.ConnectionFailed",
            "Unable to connect to the destination endpoint. Contact the owner of the endpoint to resolve this issue.",
        ) from error
    if len(answer.body) > ANSWER_BYTES_MAX:
        raise DeliveryFailed(
            "HttpEndpoint.ResponseTooLarge",
            "The response received from the endpoint is too large. Contact the owner of the endpoint to resolve this "
            "issue.",
        )
    if answer.status == 200 and _confirms(answer, request_id):
        return
    if answer.status == _SIZE_EXCEEDED:
        raise DeliveryFailed("HttpEndpoint.DestinationException", _received(answer.body), for_good=True)
    if answer.status == 200 or not 400 <= answer.status < 600:
        raise DeliveryFailed(
            "HttpEndpoint.InvalidResponseFromDestination",
            "The response received from the specified endpoint is invalid. Contact the owner of the endpoint to "
            "resolve the issue.",
        )
    raise DeliveryFailed("HttpEndpoint.DestinationException", _received(answer.body))


def _received(body: bytes) -> str:
    return f"Received the following response from the endpoint destination. {body.decode(errors='replace')}"


def _confirms(answer: HttpAnswer, request_id: str) -> bool:
    headers = {name.lower(): value for name, value in answer.headers}
    if not headers.get("content-type", "").lower().startswith("application/json") or "content-encoding" in headers:
        return False
    document = parse(answer.body)
    return isinstance(document, dict) and document.get("requestId") == request_id and "timestamp" in document
