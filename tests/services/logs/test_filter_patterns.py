"""The language of filter patterns. The examples of AWS's guide are among the cases."""

import json

import pytest

from fogbank.services.logs.errors import InvalidParameter
from fogbank.services.logs.filter_pattern import compile_filter

TRAIL = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "latency": 512.5,
    }
)
USERS = json.dumps(
    {
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
        "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
    }
)
ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'

CASES = [
    ("", "anything", True),
    ("ERROR", "Exiting with ERRORCODE: -1", True),
    ("ERROR", "an error", False),
    ("ERROR -Exiting", "Exiting with ERRORCODE: -1", False),
    ('"ERROR" - "Exiting"', "ERROR", True),
    ("ERROR Exception", "[ERROR] Caught IllegalArgumentException", True),
    ('"Failed to process"', "[WARN] Failed to process the request", True),
    ("?ERROR ?WARN", "WARN message", True),
    ("?ERROR ?WARN", "INFO message", False),
    (r"%ERROR-\d{3}%", "saw ERROR-404 today", True),
    (r"%ERROR-\d{3}%", "saw ERROR-4 today", False),
    ("-%^DEBUG%", "DEBUG line", False),
    ('{ $.eventType = "UpdateTrail" }', TRAIL, True),
    ("{ $.eventType = Update* }", TRAIL, True),
    ("{ $.eventType = *Trail }", TRAIL, True),
    ('{ $.eventType = "Up*Trail" }', TRAIL, False),
    ("{ $.sourceIPAddress != 123.123.* }", TRAIL, True),
    ('{ $.arrayKey[0] = "value" }', TRAIL, True),
    ('{ $.arrayKey = "value" }', TRAIL, False),
    ('{ $.arrayKey != "value" }', TRAIL, False),
    ("{ $.objectList[1].id = 2 }", TRAIL, True),
    ('{ $.objectList[*].name = "b" }', TRAIL, True),
    ("{ $.SomeObject IS NULL }", TRAIL, True),
    ("{ $.Other IS NULL }", TRAIL, False),
    ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, True),
    ("{ $.SomeObject NOT EXISTS }", TRAIL, False),
    ("{ $.ThisFlag IS TRUE }", TRAIL, True),
    ("{ $.ThisFlag IS FALSE }", TRAIL, False),
    ("{ $.latency = * }", TRAIL, True),
    ("{ $.missing != 5 }", TRAIL, False),
    ("{ $.latency >= 500 }", TRAIL, True),
    ("{ $.latency < 10e-3 }", TRAIL, False),
    ("{ $.latency > +1000 }", TRAIL, False),
    ("{ $.eventType = %^Up.*il$% }", TRAIL, True),
    ("{ $.eventType != %^Up% }", TRAIL, False),
    ('{ $.eventType = "x" }', "no JSON at all", False),
    ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', USERS, True),
    ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', USERS, False),
    (
        '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }',
        USERS,
        True,
    ),
    (
        '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }',
        USERS,
        False,
    ),
    ("[ip, user, username, timestamp, request, status_code, bytes]", ACCESS, True),
    ("[ip, user, username, timestamp, request, status_code]", ACCESS, False),
    ("[..., status_code, bytes > 1000]", ACCESS, True),
    ("[..., status_code, bytes > 2000]", ACCESS, False),
    ("[ip, ..., request = *html*, status_code = 4*, bytes]", ACCESS, True),
    ("[..., status_code = 4* && status_code != 404, bytes]", ACCESS, False),
    ("[..., (status_code = 404 || status_code = 500), bytes]", ACCESS, True),
    ("[ip = %127\\.0\\.0\\.[0-9]%, ...]", ACCESS, True),
    ("[w1=ERROR || w1=WARN, w2]", "WARN message", True),
    ("[w1=ERROR, w2]", "ERROR WARN message", False),
    ("[]", ACCESS, True),
]


@pytest.mark.parametrize(("pattern", "message", "matches"), CASES)
def test_a_pattern_matches(pattern: str, message: str, matches: bool) -> None:
    assert (compile_filter(pattern)(message) is not None) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "a.b",
        '"open',
        "{ $.a }",
        "{ $.a = }",
        "{ a = 1 }",
        "{ $.a = 1",
        "{ $.a = 1 } x",
        '{ $.a > "text" }',
        "{ $.a IS EXISTS }",
        "[a, ..., b, ...]",
        "[a = 1 && b = 2]",
        "%a(b)%",
        "%a% %b% %c%",
        "%[%",
    ],
)
def test_a_pattern_that_aws_refuses_is_invalid(pattern: str) -> None:
    with pytest.raises(InvalidParameter, match="Invalid filter pattern"):
        compile_filter(pattern)


def test_fields_without_a_name_are_extracted_by_number() -> None:
    match = compile_filter("[..., request=*.html*, status_code=4*,]")(ACCESS)
    assert match is not None
    assert match.extracted == {
        "$1": "127.0.0.1",
        "$2": "-",
        "$3": "frank",
        "$4": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /index.html HTTP/1.0",
        "$status_code": "404",
        "$7": "1534",
    }


def test_any_member_of_a_matched_document_can_be_read() -> None:
    match = compile_filter("{ $.eventType = * }")(TRAIL)
    assert match is not None
    assert match.extracted == {"$.eventType": "UpdateTrail"}
    assert (match.value("$.latency"), match.value("$.missing")) == ("512.5", None)
