"""JQ in a process of its own."""

from collections.abc import Iterator
from typing import Any

import pytest

from fogbank.engines.jq import worker
from fogbank.engines.jq.interface import BadQuery, Found
from fogbank.engines.jq.process import JqProcess


@pytest.fixture(scope="module")
def engine() -> Iterator[JqProcess]:
    made = JqProcess()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("query", "given", "expected"),
    [
        ("{a: .x.y, b: .z[1]}", b'{"x": {"y": "k"}, "z": [1, 2]}', {"a": "k", "b": 2}),
        ('{year: (.t | strftime("%Y"))}', b'{"t": 1700000000}', {"year": "2023"}),
        (".[]", b"[1, 2]", 1),
        ("{a: $ENV.HOME}", b"{}", {"a": None}),
        (".a", b'{"a": 9007199254740991}', 9007199254740991),
        ("[.a, 1.5, null, true]", b'{"a": "x"}', ["x", 1.5, None, True]),
    ],
)
def test_a_query_finds_its_first_value(engine: JqProcess, query: str, given: bytes, expected: Any) -> None:
    assert engine.run(query, [given]) == [Found(expected)]


def test_what_an_input_does_not_have_fails_for_it_alone(engine: JqProcess) -> None:
    good, no_json, no_value, error = engine.run(".a | select(. != 0) | ascii_downcase", [
        b'{"a": "X"}', b"{", b'{"a": 0}', b'{"a": 1}',
    ])  # fmt: skip
    assert good == Found("x")
    assert not no_json.is_json
    assert no_value.error == "the query gave no value"
    assert error.is_json
    assert error.error


def test_many_inputs_keep_their_order(engine: JqProcess) -> None:
    found = engine.run(".n", [b'{"n": %d}' % number for number in range(1_700)])
    assert [each.value for each in found] == list(range(1_700))


def test_a_query_that_takes_too_much_fails_and_the_next_one_does_not(engine: JqProcess) -> None:
    assert worker.LIMIT_S <= 10
    greedy = engine.run("[range(1e12)]", [b"{}", b"{}"])
    assert [each.error for each in greedy] == ["the query took too long, or too much memory"] * 2
    assert engine.run(".", [b"1"]) == [Found(1)]


@pytest.mark.parametrize("query", ["{a: .b", "nothing(1)", 'import "x" as x; .', "(" * 5_000, ". \0"])
def test_what_is_no_query_is_refused(engine: JqProcess, query: str) -> None:
    with pytest.raises(BadQuery):
        engine.check(query)
