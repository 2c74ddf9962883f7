"""A function that does what it is told: each act answers with what it got.

What a function must not get is asserted; that it could be had outside is asserted beside it where that costs nothing.
"""

import textwrap
from typing import Any

from tests.engines.compute.harness import Harness, answer, call
from tests.patience import PATIENCE_S

# Runs the event as Python, and answers with what it leaves in `got`, or with the error.
PUPPET = """
import ctypes, errno, json, os, resource, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
kept = {}

def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result

def handler(event, context):
    scope = {**globals(), "got": None}
    scope["context"] = context
    try:
        exec(event, scope)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return scope["got"]
"""


def act(source: str, **options: Any) -> Any:
    return call(textwrap.dedent(source), timeout_s=PATIENCE_S, **options)


def get(harness: Harness, *acts: str, **options: Any) -> list[Any]:
    """What the acts of one environment gave."""
    outcomes = harness.invoke(harness.spec(PUPPET, **options), *map(act, acts))
    return [answer(outcome) for outcome in outcomes]
