"""Answers compressed for callers that take them so.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-enable-compression.html
"""

import gzip
import zlib
from collections.abc import Callable

from fogbank.services.apigateway.execution.call import Incoming, Outgoing, first

_CODINGS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


def compress(incoming: Incoming, outgoing: Outgoing, size_min: int | None) -> None:
    """Compress an answer of `size_min` bytes or more, unless its integration has; with None no answer is."""
    if size_min is None or len(outgoing.body) < max(size_min, 1) or outgoing.header("Content-Encoding") is not None:
        return
    coding = preferred(first(incoming.headers, "Accept-Encoding") or "")
    if coding in _CODINGS:
        outgoing.body = _CODINGS[coding](outgoing.body)
        outgoing.headers.append(("Content-Encoding", coding))


def preferred(accepted: str) -> str:
    """The coding of the highest weight that can be written; of those that weigh the same, the first one."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        coding, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        if coding.strip() in (*_CODINGS, "identity") and weight > 0:
            weights.setdefault(coding.strip(), weight)
    return max(weights, key=lambda coding: weights[coding], default="identity")
