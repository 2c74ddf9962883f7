"""Lanes of the outbox for what follows from changes of objects."""

import zlib

from fogbank.core.outbox import RetryPolicy

RETRY = RetryPolicy(attempts_max=50, delay_max_s=300)
"""For trouble that may pass: some four hours."""
# Keys share lanes, so that a burst of keys is no burst of tasks; what concerns one key keeps to one lane, in order.
_LANES = 16


def lane(bucket: str, destination: str, key: str) -> str:
    return f"{bucket} {destination} {zlib.crc32(key.encode()) % _LANES}"
