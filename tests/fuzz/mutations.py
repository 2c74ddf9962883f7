"""Ways to spoil a request. Each takes a request and a source of chance, and gives the bytes to send."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.fuzz.corpus import Request

Mutation = Callable[[Request, random.Random], bytes]

_JUNK = (
    "", "\x00", "é" * 50, "x" * 5_000, "-1", "1e999", "NaN", "null", "[]", "{}", "../../etc/passwd", "%00%f%",
    "${jndi:x}", "<![CDATA[", "&#0;", "\ud800", "true", "9" * 400, "arn:aws:sqs:::", "2026-13-45T99:99:99Z",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 2**64, -(2**70), 1.5, 1e308, [], {}, [[]], {"": {}}, [None], *_JUNK,
)  # fmt: skip
_CONTENT_TYPES = (
    "application/json", "application/x-amz-json-1.1", "application/x-www-form-urlencoded", "application/cbor",
    "text/xml", "multipart/form-data", "", "\x7f", "application/x-amz-json-1.0; charset=utf-16",
)  # fmt: skip
_INSIDE_BYTES = (
    b"\x00",
    b"\xff",
    b"\xfe\xff",
    b"\r\n\r\n",
    b'"',
    b"}",
    b"<",
    b"&",
    b"%",
    b"\xa1" * 200,
    b"[" * 3_000,
)


def flip_bytes(request: Request, rng: random.Random) -> bytes:
    body = bytearray(request.body)
    for _ in range(rng.randint(1, 8)):
        if body:
            body[rng.randrange(len(body))] = rng.randrange(256)
    return request.with_body(bytes(body)).encode()


def cut_body(request: Request, rng: random.Random) -> bytes:
    return request.with_body(request.body[: rng.randint(0, len(request.body))]).encode()


def insert_bytes(request: Request, rng: random.Random) -> bytes:
    at = rng.randint(0, len(request.body))
    inserted = request.body[:at] + rng.choice(_INSIDE_BYTES) + request.body[at:]
    return request.with_body(inserted).encode()


def swap_value(request: Request, rng: random.Random) -> bytes:
    """One value of a JSON body becomes something else; another body gets junk in place of a word."""
    try:
        parsed = json.loads(request.body)
    except ValueError:
        return swap_word(request, rng)
    places = list(_places(parsed))
    if not places:
        return request.with_body(json.dumps(rng.choice(_VALUES)).encode()).encode()
    holder, key = rng.choice(places)
    match rng.randrange(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[rng.choice(_JUNK)] = holder.pop(key)
        case _:
            holder[key] = rng.choice(_VALUES)
    return request.with_body(json.dumps(parsed).encode()).encode()


def swap_word(request: Request, rng: random.Random) -> bytes:
    text = request.body.decode("latin-1")
    words = [word for word in text.replace("&", " ").replace("=", " ").replace("<", " ").split() if word]
    if not words:
        return request.with_body(rng.choice(_JUNK).encode("utf-8", "surrogatepass")).encode()
    spoilt = text.replace(rng.choice(words), rng.choice(_JUNK), 1)
    return request.with_body(spoilt.encode("utf-8", "surrogatepass")).encode()


def nest_deeply(request: Request, rng: random.Random) -> bytes:
    depth = rng.choice((50, 500, 20_000))
    body = rng.choice((b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth, b"<a>" * depth, b"\x81" * depth))
    return request.with_body(body).encode()


def spoil_header(request: Request, rng: random.Random) -> bytes:
    headers = list(request.headers)
    at = rng.randrange(len(headers))
    name, value = headers[at]
    match rng.randrange(5):
        case 0:
            del headers[at]
        case 1:
            headers[at] = (name, rng.choice(_JUNK).replace("\x00", ""))
        case 2:
            headers.append((name, value))
        case 3:
            headers[at] = (name, value[: len(value) // 2])
        case _:
            headers.append(("X-Amz-Target", rng.choice(("DynamoDB_20120810.", "AmazonSQS.Nope", ".", "A.B"))))
    return replace(request, headers=tuple(headers)).encode()


def change_content_type(request: Request, rng: random.Random) -> bytes:
    headers = [pair for pair in request.headers if pair[0].lower() != "content-type"]
    return replace(request, headers=(*headers, ("Content-Type", rng.choice(_CONTENT_TYPES)))).encode()


def change_target(request: Request, rng: random.Random) -> bytes:
    target = rng.choice(
        (
            request.target + rng.choice(("?x", "?Action=", "/%00", "?max-keys=-1", "?list-type=2&max-keys=x", "//")),
            "/" + rng.choice(("%", "a" * 3_000, "%ff%fe", "2015-03-31/functions/%2F/invocations", "_fogbank/nothing")),
            "/?Action=Nope&Version=1",
        )
    )
    return replace(request, target=target).encode()


def change_method(request: Request, rng: random.Random) -> bytes:
    return replace(request, method=rng.choice(("GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "BREW"))).encode()


def lie_about_length(request: Request, rng: random.Random) -> bytes:
    length = rng.choice(("-1", "abc", "99999999999999999999", "1e3", "0x10", str(10**11), "5, 5"))
    return replace(request, headers=(*request.headers, ("Content-Length", length))).encode()


def break_off(request: Request, rng: random.Random) -> bytes:
    raw = request.encode()
    return raw[: rng.randrange(1, len(raw))]


def break_chunks(request: Request, rng: random.Random) -> bytes:
    head = replace(
        request,
        headers=(*request.headers, ("Transfer-Encoding", "chunked"), ("Content-Length", "0")),
        body=b"",
    ).encode()
    head = head.replace(b"Content-Length: 0\r\n", b"").replace(b"\r\nContent-Length: 0", b"")
    chunks = (
        b"zz\r\n",
        b"ffffffffffffffffff\r\n",
        b"5\r\nhel",
        b"0\r\n\r\n",
        b"-1\r\n\r\n",
        b"3\r\nabcdef\r\n0\r\n\r\n",
    )
    return head + rng.choice(chunks)


def spoil_any_byte(request: Request, rng: random.Random) -> bytes:
    raw = bytearray(request.encode())
    for _ in range(rng.randint(1, 4)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


MUTATIONS: tuple[Mutation, ...] = (
    flip_bytes,
    cut_body,
    insert_bytes,
    swap_value,
    swap_value,
    swap_value,
    swap_word,
    nest_deeply,
    spoil_header,
    change_content_type,
    change_target,
    change_method,
    lie_about_length,
    break_off,
    break_chunks,
    spoil_any_byte,
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON document."""
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    else:
        return []
    inside = [place for key in keys for place in _places(value[key])]
    return [*((value, key) for key in keys), *inside]
