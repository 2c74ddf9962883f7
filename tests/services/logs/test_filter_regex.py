"""Regular expressions of filter patterns: the same answers as Python's, and never slow."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.logs.errors import InvalidParameter
from fogbank.services.logs.filter_regex import AllWays, Part, compile_regex

SETS = ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\W", r"\.", r"\x61", "[a-c1]"]
COUNTS = [(1, 1), (0, 1), (0, None), (1, None), (2, 2), (0, 2), (1, 3), (2, None), (0, 0)]
parts = st.lists(
    st.builds(lambda characters, count: Part(characters, *count), st.sampled_from(SETS), st.sampled_from(COUNTS)),
    max_size=6,
)


@given(parts, st.text("ab1. \né", max_size=12), st.booleans(), st.booleans())
def test_following_all_ways_finds_what_python_finds(
    sequence: list[Part], subject: str, from_start: bool, to_end: bool
) -> None:
    body = "".join(f"{part.characters}{{{part.least},{'' if part.most is None else part.most}}}" for part in sequence)
    text = "^" * from_start + body + "$" * to_end
    found = re.search(text, subject, re.ASCII) is not None
    assert AllWays(sequence, from_start=from_start, to_end=to_end).search(subject) is found
    if text:
        assert compile_regex(text)(subject) is found


@pytest.mark.parametrize(
    ("text", "subject", "found"),
    [
        (r"\d{1,3}\.\d{1,3}", "from 10.17 on", True),
        ("[Ee]rror|[Ff]ail", "a Fail", True),
        (r"a\|b|[|]c.*d", "x|c...d", True),
        ("colou?r", "color", True),
        (r"^\[ERROR", "[ERROR] x", True),
        ("a*$", "b", True),
        (r"^a+b{2,}$", "aabb\n", True),
        (r"^a+b{2,}$", "aab", False),
    ],
)
def test_an_expression_is_found_or_not(text: str, subject: str, found: bool) -> None:
    assert compile_regex(text)(subject) is found


@pytest.mark.parametrize(
    "text",
    ["", "a(b)", "a!", "é", "*a", "a**", "a+?", "a{3,2}", "a{,2}", "a{", "[z-a]", r"\b", r"a\1", "a^b", "a{2000}b"],
)
def test_what_aws_does_not_take_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="Invalid filter pattern"):
        compile_regex(text)


@pytest.mark.parametrize("text", [".*.*.*.*x", "a?" * 200 + "a" * 200, "a{1,900}" + "b", "[ab]*" * 50 + "c"])
def test_no_expression_is_slow(text: str) -> None:
    search = compile_regex(text)
    started = time.process_time()
    search("a" * 100_000)
    assert time.process_time() - started < 5
