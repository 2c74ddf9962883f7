"""Waiting for what the server does behind its answers, in real time."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0


def eventually(check: Callable[[], Any]) -> Any:
    """The first true answer of `check`; a failure, if there is none in time."""
    found = _first(check, PATIENCE_S)
    assert found, "it did not happen"
    return found


def soon(check: Callable[[], Any], *, within_s: float) -> bool:
    """Whether `check` becomes true in so little time: for who goes on and asks again."""
    return bool(_first(check, within_s))


def _first(check: Callable[[], Any], within_s: float) -> Any:
    until = time.monotonic() + within_s
    while not (found := check()) and time.monotonic() < until:
        time.sleep(0.01)
    return found
