"""Throttling of stages and methods: token buckets, as their settings say.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
The account's own limit, 10,000 requests a second, is more than one machine comes by, and is not looked at.
"""

from typing import Any

BUCKETS_MAX = 10_000


class Throttle:
    def __init__(self) -> None:
        self._buckets: dict[tuple[str, ...], tuple[float, int]] = {}
        """Tokens that were left, and when."""

    def admits(self, owner: tuple[str, ...], setting: dict[str, Any], now_ms: int) -> bool:
        """Take a token from the owner's bucket; whether there was one."""
        burst, rate = setting["throttlingBurstLimit"], setting["throttlingRateLimit"]
        left, then_ms = self._buckets.get(owner, (float(burst), now_ms))
        left = min(float(burst), left + (now_ms - then_ms) / 1000 * rate)
        admitted = bool(left >= 1)
        if len(self._buckets) >= BUCKETS_MAX:
            self._buckets.clear()
        self._buckets[owner] = (left - 1 if admitted else left, now_ms)
        return admitted
