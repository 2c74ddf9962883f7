"""Expressions followed in all ways at once, beside Python's."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fogbank.core.linear_regex import BadExpression, search, whole_match

CHARACTERS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\.", r"\n", "}", "^", "$"])
COUNTS = st.sampled_from(["*", "+", "?", "*?", "+?", "{2}", "{1,2}", "{0,1}", "{2,}"])
EXPRESSIONS = st.recursive(
    CHARACTERS,
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("([ab.]|{}[^b]){}".format, inner, COUNTS),
    ),
    max_leaves=8,
)
TEXTS = st.text(st.sampled_from("ab.B_c\n"), max_size=8)
FLAGS = st.sampled_from(["", "(?i)", "(?s)", "(?is)"])


@given(FLAGS, EXPRESSIONS, st.lists(TEXTS, min_size=1))
def test_an_expression_matches_and_occurs_where_python_says_so(flags: str, expression: str, texts: list[str]) -> None:
    # Python's $ is before a last line feed, too; each end of a text can be met once here, which is enough in practice.
    assume(not re.search(r"[\^$].*[\^$]|[$^](?:[*+?{]|.*\{)|[|(].*[\^$]", expression))
    whole, anywhere = whole_match(flags + expression), search(flags + expression)
    python = re.compile(flags + expression.replace("$", r"\Z"))
    for text in texts:
        assert whole(text) == (python.fullmatch(text) is not None), (expression, text)
        assert anywhere(text) == (python.search(text) is not None), (expression, text)


@pytest.mark.parametrize("expression", ["^(a+)+$", "(a|aa)*b", "(.*a){20}", "(?:a?){30}a{30}"])
def test_no_expression_is_slow(expression: str) -> None:
    whole_match(expression)("a" * 20_000 + "!")
    search(expression)("a" * 20_000 + "!")


@pytest.mark.parametrize(
    "expression", [r"(a)\1", "(?=a)", "(?!a)b", r"\ba", "(", "a**", "[a", "(?<n>a)", "a{9}{9}{9}{9}"]
)
def test_what_cannot_be_followed_in_all_ways_at_once_is_refused(expression: str) -> None:
    with pytest.raises(BadExpression):
        whole_match(expression)
