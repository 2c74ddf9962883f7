"""Calls to Ray. They block, for as long as a cluster does not answer: a thread waits for each, until a deadline."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fogbank.core.own_thread import in_own_thread

# What answers at all does so in milliseconds; a head node that is overloaded is given time.
ANSWER_S = 20.0

_TRACEBACK = "Traceback (most recent call last):"

T = TypeVar("T")


class ClusterLost(Exception):
    """The cluster does not answer, or says that what was asked for is gone."""


async def ask(work: Callable[[], T], *, within_s: float = ANSWER_S) -> T:
    """What `work` gives, which calls Ray. Raises ClusterLost."""
    import ray

    try:
        async with asyncio.timeout(within_s):
            return await in_own_thread(work, "fogbank-ray")
    except TimeoutError:
        raise ClusterLost(f"it does not answer within {within_s:.0f} s") from None
    except Exception as error:
        known = isinstance(error, (ray.exceptions.RayError, ConnectionError))
        # A client that has lost its connection says so by a bare Exception, or stumbles over what it has taken down.
        if not known and type(error) not in (Exception, AttributeError):
            raise
        raise ClusterLost(in_one_line(error)) from error


def in_one_line(error: Exception) -> str:
    """What it says; how it ends, where the cluster has sent a whole traceback."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1] if _TRACEBACK in lines else lines[0]
