"""The cloud's clock, as a driver lets it run.

A real cloud's time passes by itself, and the driver sleeps. A Fogbank with a virtual clock can be moved, so that an
hour of CloudWatch's minutes and cooldowns passes in seconds of work: what happens in each of these minutes stays.
"""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from boto3 import Session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TRIES = 60
PAUSE_S = 0.5


class RealClock:
    moved = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


class MovedClock:
    """A virtual clock: it runs as a real one does, and jumps when the driver waits."""

    moved = True

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._ahead_s = 0.0
        self.wait(0)

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._ahead_s, UTC)

    def wait(self, seconds: float) -> None:
        answer = _patiently(lambda: _ask(self._endpoint, "clock", {"advance_seconds": seconds}))
        self._ahead_s = answer["now_ms"] / 1000 - time.time()


Clock = RealClock | MovedClock


def clock_of_the_cloud() -> Clock:
    """Moved where the endpoint is a Fogbank with a virtual clock; real elsewhere, AWS included."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    if not endpoint:
        return RealClock()
    try:
        virtual = _ask(endpoint, "status")["clock"] == "virtual"
    except (OSError, ValueError, KeyError):  # Another cloud, which does not know the question.
        return RealClock()
    return MovedClock(endpoint) if virtual else RealClock()


def _ask(endpoint: str, name: str, body: object = None) -> Any:
    """Signed: a cloud that authorizes lets its root alone move the clock."""
    url = f"{endpoint}/_fogbank/{name}"
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-Fogbank": "1", "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    signed = AWSRequest("GET" if data is None else "POST", url, headers)
    if (credentials := _root()) is not None:
        SigV4Auth(credentials, "fogbank", "us-east-1").add_auth(signed)
    request = urllib.request.Request(url, data, dict(signed.headers.items()))
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _root() -> Credentials | None:
    """`fogbank run --ephemeral` hands the root's key on beside its operator's; else the driver has it, if anybody."""
    access_key = os.environ.get("FOGBANK_ROOT_ACCESS_KEY_ID")
    if access_key is not None:
        return Credentials(access_key, os.environ["FOGBANK_ROOT_SECRET_ACCESS_KEY"])
    return Session().get_credentials()


def _patiently(ask: Callable[[], Any]) -> Any:
    """The cloud may be starting again: a refused connection is tried again, as the SDK does for its own requests."""
    for _ in range(TRIES - 1):
        try:
            return ask()
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(PAUSE_S)
    return ask()
