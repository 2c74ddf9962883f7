"""How often functions ran in one chain of events: what the `Lineage` of an X-Ray trace header counts.

`Root=…;Parent=…;Sampled=0;Lineage=1a2b3c4d:2|5e6f7a8b:1`: a hash of a function's ARN, and its turns so far. The SDKs
send the header with what a function asks of other services, and these hand it on with what they cause.
"""

import hashlib
from functools import lru_cache

from fogbank.core.numerals import whole_number

_KEY = "Lineage="
_FUNCTIONS_MAX = 32  # of one chain: the header stays shorter than half a kilobyte


def turns(trace: str, function_arn: str) -> int:
    """How often the function has run in that chain."""
    return _counts(trace).get(_hash(function_arn), 0) if _KEY in trace else 0


def with_turn(trace: str, function_arn: str) -> str:
    """The trace behind one more turn of the function."""
    counts = _counts(trace)
    mine = _hash(function_arn)
    counts[mine] = counts.pop(mine, 0) + 1
    latest = list(counts.items())[-_FUNCTIONS_MAX:]
    lineage = "|".join(f"{function}:{count}" for function, count in latest)
    return ";".join(part for part in (without(trace), _KEY + lineage) if part)


def without(trace: str) -> str:
    """The trace alone, for services that do not count."""
    if _KEY not in trace:
        return trace
    return ";".join(part for part in trace.split(";") if not part.startswith(_KEY))


def only(trace: str) -> str:
    """The lineage alone, for what begins a trace of its own."""
    return next((part for part in trace.split(";") if part.startswith(_KEY)), "")


def _counts(trace: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in only(trace).removeprefix(_KEY).split("|"):
        function, _, count = entry.rpartition(":")
        number = whole_number(count)
        if function and number is not None:
            counts[function] = number
    return counts


@lru_cache(maxsize=4096)
def _hash(function_arn: str) -> str:
    return hashlib.sha256(function_arn.encode()).hexdigest()[:8]
