"""Patterns of names beside Python's regular expressions."""

import re

from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.glue.name_patterns import compile_name_pattern

CHARACTERS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\.", "_"])
COUNTS = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}"])
PATTERNS = st.recursive(
    CHARACTERS,
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("({}|{})".format, inner, inner),
        # In brackets an asterisk is what it is in Java.
        st.builds("({}){}".format, inner, COUNTS),
    ),
    max_leaves=8,
)
NAMES = st.text(st.sampled_from("ab._c"), max_size=8)


@given(PATTERNS, st.lists(NAMES, min_size=1))
def test_a_pattern_matches_what_a_regular_expression_does(pattern: str, names: list[str]) -> None:
    matches = compile_name_pattern(pattern)
    for name in names:
        assert matches(name) == (re.fullmatch(pattern, name) is not None), (pattern, name)
