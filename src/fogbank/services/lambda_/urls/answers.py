"""What a function's result becomes over HTTP: payload format 2.0.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload
"""

import base64
import binascii
import json
from typing import Any

from fogbank.core.http_message import ResponseData
from fogbank.core.numerals import whole_number
from fogbank.core.targets import as_text

# The wire says these itself.
_DROPPED = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


class MalformedAnswer(ValueError):
    """The function answered in the form of HTTP, and not well."""


def http_answer(payload: bytes) -> ResponseData:
    """A result with a `statusCode` says how to answer, any other is the body. Raises MalformedAnswer."""
    try:
        result = json.loads(payload)
    except ValueError as error:
        raise MalformedAnswer("not JSON") from error
    if isinstance(result, dict) and "statusCode" in result:
        return _told(result)
    body = result if isinstance(result, str) else as_text(result)
    return ResponseData(200, [("Content-Type", "application/json")], body.encode(errors="replace"))


def _told(result: dict[str, Any]) -> ResponseData:
    status, headers = head(result)
    body = result.get("body")
    if body is None:
        content = b""
    elif not isinstance(body, str):
        content = as_text(body).encode(errors="replace")
    elif result.get("isBase64Encoded") is True:
        try:
            content = base64.b64decode(body)
        except (binascii.Error, ValueError) as error:
            raise MalformedAnswer("the body is not base64") from error
    else:
        content = body.encode(errors="replace")
    return ResponseData(status, headers, content)


def head(told: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
    """Status and headers, in the form that buffered answers and the preludes of streams share."""
    status = told.get("statusCode", 200)
    if isinstance(status, str):
        status = whole_number(status)
    if type(status) is not int or not 100 <= status <= 599:
        raise MalformedAnswer("the statusCode is none of HTTP's")
    given, cookies = told.get("headers") or {}, told.get("cookies") or []
    if not isinstance(given, dict) or not isinstance(cookies, list):
        raise MalformedAnswer("headers are an object and cookies a list")
    headers = [(str(name), _text(value)) for name, value in given.items() if str(name).lower() not in _DROPPED]
    headers += [("Set-Cookie", _text(cookie)) for cookie in cookies]
    if any("\r" in part or "\n" in part for pair in headers for part in pair):
        raise MalformedAnswer("a header has several lines")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return status, headers


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise MalformedAnswer("the value of a header is no text")
