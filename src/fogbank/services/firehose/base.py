"""What every operation of Firehose stands on: finding streams."""

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.firehose.errors import ResourceNotFound
from fogbank.services.firehose.records import DeliveryStream, FirehoseTables


class FirehoseBase(Service):
    """The common steps of the operations of `FirehoseService`; all in the caller's transaction."""

    name = "firehose"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = FirehoseTables(cloud.store)

    def _stream(self, ctx: Context, name: str, *, shared: bool = False) -> DeliveryStream:
        """The stream of that name. A `shared` one must not be changed."""
        key = (ctx.account, ctx.region, name)
        stream = self._tables.streams.peek(key) if shared else self._tables.streams.get(key)
        if stream is None:
            raise not_found(ctx, name)
        return stream

    def _stream_of_arn(self, ctx: Context, arn: str) -> DeliveryStream:
        parsed = parse_arn(arn)
        if parsed is None or not parsed.resource.startswith("deliverystream/"):
            raise ResourceNotFound(f"{arn} is no Firehose stream.")
        return self._stream(ctx, parsed.resource.removeprefix("deliverystream/"))

    def _save(self, stream: DeliveryStream) -> None:
        self._tables.streams.put(stream.key, stream)


def not_found(ctx: Context, name: str) -> ResourceNotFound:
    return ResourceNotFound(f"Firehose {name} under account {ctx.account} not found.")
