"""The event pattern language; the reasons and their places are those recorded on AWS."""

from typing import Any

import pytest

from fogbank.core.patterns import InvalidEventPattern, compile_pattern

EVENT: dict[str, Any] = {
    "source": "shop.orders",
    "detail-type": "Order Placed",
    "resources": ["arn:a", "arn:b"],
    "detail": {
        "state": "running",
        "total": 300.0,
        "zero": 0,
        "paid": True,
        "note": None,
        "empty": [],
        "ip": "10.1.2.3",
        "ip6": "2001:db8:1234:1a00::1",
        "file": "/Users/ann/docs/Report.PNG",
        "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}],
        "user.name": "ann",
    },
}

MATCHING = [
    {"source": ["other", "shop.orders"]},
    {"resources": ["arn:b"]},
    {"detail": {"total": [300]}},
    {"detail": {"total": [{"numeric": [">", 299.99, "<=", 300]}]}},
    {"detail": {"zero": [{"numeric": ["=", 0]}]}},
    {"detail": {"paid": [True], "note": [None]}},
    {"detail": {"state": [{"prefix": "run"}], "file": [{"suffix": ".PNG"}]}},
    {"detail": {"file": [{"suffix": {"equals-ignore-case": ".png"}}]}},
    {"detail": {"file": [{"prefix": {"equals-ignore-case": "/users"}}]}},
    {"detail-type": [{"equals-ignore-case": "order placed"}]},
    {"detail": {"file": [{"wildcard": "/Users/*/docs/*"}]}},
    {"detail": {"state": [{"anything-but": "stopped"}]}},
    {"detail": {"state": [{"anything-but": ["stopped", "starting"]}]}},
    {"detail": {"state": [{"anything-but": {"prefix": ["st", "in"]}}]}},
    {"detail": {"state": [{"anything-but": {"suffix": "ed"}}]}},
    {"detail": {"state": [{"anything-but": {"equals-ignore-case": ["STOPPED"]}}]}},
    {"detail": {"state": [{"anything-but": {"wildcard": "*stop*"}}]}},
    {"detail": {"note": [{"anything-but": "x"}]}},
    {"detail": {"total": [{"anything-but": 0}]}},
    {"detail": {"state": [{"exists": True}], "missing": [{"exists": False}], "empty": [{"exists": False}]}},
    {"detail": {"lines": [{"exists": False}]}},
    {"detail": {"ip": [{"cidr": "10.0.0.0/8"}], "ip6": [{"cidr": "2001:db8:1234:1a00::/64"}]}},
    {"detail": {"lines": {"sku": ["a"], "n": [1]}}},
    {"detail.state": ["running"]},
    {"detail": {"user": {"name": ["ann"]}}},
    {"$or": [{"source": ["nobody"]}, {"detail": {"state": ["running"]}}]},
    {"detail": {"$or": [{"state": ["x"]}, {"total": [{"numeric": [">", 1]}]}], "paid": [True]}},
]

NOT_MATCHING = [
    {"source": ["Shop.orders"]},
    {"detail": {"total": ["300"]}},
    {"detail": {"zero": [False]}},
    {"detail": {"paid": [1]}},
    {"detail": {"note": ["null"]}},
    {"detail": {"empty": [None]}},
    {"detail": {"missing": [{"anything-but": "x"}]}},
    {"detail": {"state": [{"anything-but": ["running"]}]}},
    {"detail": {"state": [{"numeric": ["=", 1]}]}},
    {"detail": {"ip": [{"cidr": "11.0.0.0/8"}]}},
    {"detail": {"state": [{"cidr": "11.0.0.0/8"}]}},
    {"detail": {"lines": {"sku": ["a"], "n": [2]}}},
    {"detail": {"lines": [{"exists": True}]}},
    {"detail": {"file": [{"wildcard": "/Users/*.txt"}]}},
    {"detail": {"file": [{"wildcard": ""}]}},
    {"source": ["shop.orders"], "detail": {"state": ["stopped"]}},
    {"$or": [{"source": ["nobody"]}, {"source": ["no one"]}]},
]


@pytest.mark.parametrize("pattern", MATCHING, ids=str)
def test_a_pattern_matches_the_event(pattern: dict[str, Any]) -> None:
    assert compile_pattern(pattern)(EVENT)


@pytest.mark.parametrize("pattern", NOT_MATCHING, ids=str)
def test_a_pattern_does_not_match_the_event(pattern: dict[str, Any]) -> None:
    assert not compile_pattern(pattern)(EVENT)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ('{"int": 42}', '"int" must be an object or an array|11'),
        ('{"string": "my-value"}', '"string" must be an object or an array|13'),
        ('{"resources": []}', "Empty arrays are not allowed|17"),
        ('{"my_key": [{"EXISTS": true}]}', "Unrecognized match type EXISTS|28"),
        ('{"d": {"c-count": [{"numeric": [">", 0, ">", 0]}]}}', "Bad numeric range operator: >|44"),
        ('{"d": {"c-count": [{"numeric": [">", 0, "<"]}]}}', "Value of < must be numeric|45"),
        ('{"time": [{"prefix": 123}]}', "prefix match pattern must be a string|25"),
        ('{"a": [{"wildcard": "x**"}]}', "Consecutive wildcard characters at pos 2|26"),
        ('["a list"]', "Filter is not an object|2"),
        (
            "nonsense",
            "Unrecognized token 'nonsense': was expecting "
            "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')|9",
        ),
        (
            "{'a': 1}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name|2",
        ),
    ],
)
def test_a_bad_pattern_is_refused_with_the_place(pattern: str, reason: str) -> None:
    words, _, column = reason.rpartition("|")
    with pytest.raises(InvalidEventPattern) as refused:
        compile_pattern(pattern)
    assert refused.value.message == (
        f'Event pattern is not valid. Reason: {words}\n at [Source: (String)"{pattern}"; line: 1, column: {column}]'
    )


@pytest.mark.parametrize(
    ("cidr", "reason"),
    [
        ("bad", "Malformed CIDR, one '/' required"),
        ("bad/x", "Malformed CIDR, mask bits must be an integer"),
        ("xx.11.xx/8", "Nonstandard IP address: xx.11.xx"),
    ],
)
def test_a_bad_address_range_is_refused_without_a_place(cidr: str, reason: str) -> None:
    with pytest.raises(InvalidEventPattern, match="Event pattern is not valid") as refused:
        compile_pattern({"ip": [{"cidr": cidr}]})
    assert refused.value.message.endswith(reason)


def test_a_place_in_a_list_of_anything_but_is_named_twice() -> None:
    pattern = '{"detail": {"state": [{"anything-but": ["stopped", null]}]}}'
    with pytest.raises(InvalidEventPattern) as refused:
        compile_pattern(pattern)
    assert refused.value.message.count("column: 56") == 2


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    with pytest.raises(InvalidEventPattern, match="nested too deeply"):
        compile_pattern('{"a":' * 2000)
    assert not compile_pattern({"detail": {"a": {"b": ["x"]}}})({"detail": {"a": [[[["x"]]]]}})


def test_wildcards_take_linear_time_on_a_hostile_text() -> None:
    match = compile_pattern({"a": [{"wildcard": "*a*b*a*c*d"}]})
    assert not match({"a": "ab" * 20_000})
