"""How many batches of one queue may be in flight: the ramp up, and the steps back.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

    the mapping starts, or its queue is empty   -> FIRST
    messages wait                               -> 300 more a minute, up to the maximum
    an invocation was throttled, or failed      -> half of what was allowed, once a second, down to FLOOR

A FIFO queue needs no rule of its own: a group with a message in flight gives no other, so that there are never more
batches than groups.
"""

FIRST = 5
# A maximum concurrency is an explicit wish: up to this many batches start at once, the ramp goes on above it.
FIRST_WITH_MAXIMUM = 10
PER_MINUTE = 300
MAXIMUM = 1250
FLOOR = 2  # AWS says "as few as 2 concurrent batches" of a mapping with little to do, and no figure for throttled ones.
BACK_OFF_MS = 1000


class Scaling:
    """The limit of one mapping. It is told what happened and when, and reads no clock."""

    def __init__(self, maximum: int | None, now_ms: int) -> None:
        self._maximum = MAXIMUM if maximum is None else maximum
        self._first = min(FIRST if maximum is None else FIRST_WITH_MAXIMUM, self._maximum)
        self._limit = float(self._first)
        self._counted_ms = now_ms
        self._backed_off_ms = now_ms - BACK_OFF_MS

    @property
    def allowed(self) -> int:
        return int(self._limit)

    def waiting(self, now_ms: int) -> None:
        """There are messages that wait for a batch."""
        grown = (now_ms - self._counted_ms) * PER_MINUTE / 60_000
        self._counted_ms = now_ms
        self._limit = min(self._limit + grown, float(self._maximum))

    def empty(self, now_ms: int) -> None:
        """The queue had nothing to give."""
        self._counted_ms = now_ms
        self._limit = float(self._first)

    def failed(self, now_ms: int) -> None:
        """An invocation was throttled, or ended in an error."""
        if now_ms - self._backed_off_ms < BACK_OFF_MS:
            return  # The batches that run beside each other fail together: that is one reason to step back, not many.
        self._counted_ms = self._backed_off_ms = now_ms
        self._limit = max(self._limit / 2, float(min(FLOOR, self._maximum)))
