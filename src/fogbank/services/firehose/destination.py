"""What a destination is to the rest of Firehose: a module implements this and is named in `destinations.py`."""

from typing import Any, ClassVar, NamedTuple, Protocol

from fogbank.core.context import Context
from fogbank.services.firehose.batches import Hints
from fogbank.services.firehose.records import Batch, DeliveryStream

Settings = dict[str, Any]


class DeliveryFailed(Exception):
    """It could not be delivered. `code` and the message are as Firehose logs them. `for_good`: no retry, no backup."""

    def __init__(self, code: str, message: str, *, for_good: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.for_good = for_good


class Retry(NamedTuple):
    """How long a batch is tried after its first failure, and how long is waited between: the delay doubles."""

    duration_ms: int
    first_delay_ms: int
    delay_ms_max: int

    def delay_ms(self, attempts: int) -> int:
        return min(self.first_delay_ms << min(attempts - 1, 20), self.delay_ms_max)


S3_RETRY = Retry(duration_ms=86_400_000, first_delay_ms=5_000, delay_ms_max=300_000)
"""What waits for S3 is kept for 24 hours, and then lost."""


class Destination(Protocol):
    """A kind of destination. Its methods are given a stream's settings as `complete` made them."""

    metric: ClassVar[str]
    """What the names of its metrics begin with, such as `DeliveryToS3`."""

    def complete(self, given: Settings) -> Settings:
        """The configuration with its defaults; raises InvalidArgument for what Firehose refuses, and NotImplemented."""

    def updated(self, settings: Settings, update: Settings) -> Settings:
        """Settings of this kind with an update over them, to be completed; for another kind, the settings are empty."""

    def describe(self, settings: Settings) -> dict[str, Any]:
        """The members of a DestinationDescription."""

    def arn(self, settings: Settings) -> str:
        """What error logs call the destination."""

    def roles(self, settings: Settings) -> list[str]:
        """The roles that it names."""

    def hints(self, settings: Settings) -> Hints:
        """When a batch is complete."""

    def backup(self, settings: Settings) -> Settings | None:
        """The S3 configuration by which records are backed up as they come; None if they are not."""

    def errors(self, settings: Settings) -> Settings:
        """The S3 configuration by which error output is written."""

    def error_type(self, settings: Settings) -> str:
        """The error output type of records whose delivery is given up; empty if they are lost."""

    def retry(self, settings: Settings) -> Retry: ...

    async def deliver(self, ctx: Context, stream: DeliveryStream, batch_id: int, batch: Batch) -> None:
        """Deliver the batch and remove it. Raises DeliveryFailed."""
