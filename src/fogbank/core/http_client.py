"""Requests to HTTP endpoints of the user: subscriptions, API destinations, token endpoints."""

import asyncio
import ipaddress
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from fogbank.core.own_thread import in_own_thread

if TYPE_CHECKING:
    from urllib.request import HTTPRedirectHandler


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    timeout_s: float = 5.0


class HttpAnswer(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class NoAnswer(Exception):
    """The endpoint could not be reached, or did not answer in time."""


class TimedOut(NoAnswer):
    """It could be reached, as far as is known, and did not answer in time."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or its address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def send(
    request: HttpRequest, *, read_bytes_max: int = 65_536, follow_redirects: bool = True, own_thread: bool = False
) -> HttpAnswer:
    """The endpoint's answer, whatever its status; at most `read_bytes_max` of its body. Raises NoAnswer.

    `own_thread` is for requests with a long time limit: they hold up neither others nor the server's end.
    """
    work = partial(_send, request, read_bytes_max, follow_redirects)
    return await (in_own_thread(work, "http") if own_thread else asyncio.to_thread(work))


def _send(request: HttpRequest, read_bytes_max: int, follow_redirects: bool) -> HttpAnswer:
    # Imported here: most clouds call no HTTP endpoint, and these cost 20 ms at start.
    import http.client
    import urllib.error
    import urllib.request

    if not request.url.startswith(("http://", "https://")):
        raise NoAnswer(f"this is no HTTP address: {request.url}")  # urllib would also read files.
    try:
        call = urllib.request.Request(
            request.url, data=request.body, headers=dict(request.headers), method=request.method
        )
        handlers = () if follow_redirects else (_stay_handler(),)
        with urllib.request.build_opener(*handlers).open(call, timeout=request.timeout_s) as answer:
            return HttpAnswer(answer.status, answer.read(read_bytes_max), tuple(answer.headers.items()))
    except urllib.error.HTTPError as error:
        with error:
            return HttpAnswer(error.code, error.read(read_bytes_max), tuple(error.headers.items()))
    except TimeoutError as error:
        raise TimedOut(str(error)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.URLError) and isinstance(error.reason, TimeoutError):
            raise TimedOut(str(error)) from error
        raise NoAnswer(str(error)) from error


def _stay_handler() -> "type[HTTPRedirectHandler]":
    """A handler with which a redirect is an answer like any other."""
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: object) -> None:
            return None

    return Stay
