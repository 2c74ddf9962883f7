"""The compiled patterns and a plain reading of them agree about every event."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.core.patterns import compile_pattern
from tests.core.pattern_model import matches

_words = st.sampled_from(["", "a", "A", "ab", "b", "abab", "10.0.0.7", "10.0.1.7"])
_numbers = st.sampled_from([0, 1, 1.0, 1.5, -2, 10])
_scalars = st.one_of(_words, _numbers, st.booleans(), st.none())
_fields = st.sampled_from(["x", "y", "z"])
_flat = st.dictionaries(_fields, st.one_of(_scalars, st.lists(_scalars, max_size=3)), max_size=3)
_events = st.fixed_dictionaries(
    {},
    optional={
        "x": st.one_of(_scalars, st.lists(_scalars, max_size=3)),
        "detail": _flat,
        "lines": st.lists(_flat, min_size=1, max_size=3),
    },
)

_bounds = st.lists(st.sampled_from([-2, 0, 1, 1.5, 10]), min_size=2, max_size=2, unique=True).map(sorted)
_texts = st.sampled_from(["a", "b", "ab", "A"])
_operators = st.one_of(
    st.builds(lambda text: {"prefix": text}, _texts),
    st.builds(lambda text: {"suffix": text}, _texts),
    st.builds(lambda text: {"equals-ignore-case": text}, _texts),
    st.builds(lambda text: {"wildcard": text}, st.sampled_from(["a*", "*b", "a*b", "*", "a*a*"])),
    st.builds(lambda sign, bound: {"numeric": [sign, bound]}, st.sampled_from(["<", "<=", "=", ">", ">="]), _numbers),
    st.builds(lambda bounds: {"numeric": [">", bounds[0], "<=", bounds[1]]}, _bounds),
    st.sampled_from([{"cidr": "10.0.0.0/24"}, {"cidr": "10.0.0.0/8"}]),
    st.builds(lambda values: {"anything-but": values}, st.lists(st.one_of(_words, _numbers), min_size=1, max_size=2)),
    st.builds(lambda text: {"anything-but": {"prefix": text}}, _texts),
    st.builds(lambda texts: {"anything-but": {"suffix": texts}}, st.lists(_texts, min_size=1, max_size=2)),
    st.builds(lambda text: {"anything-but": {"wildcard": text}}, st.sampled_from(["a*", "*b"])),
    st.just({"exists": True}),
)
_within_lists = st.lists(st.one_of(_scalars, _operators), min_size=1, max_size=3)
# That a key is absent is asked of the event, not of one element of a list: AWS says nothing of the latter.
_leaves = st.one_of(_within_lists, st.builds(lambda rest: [*rest, {"exists": False}], _within_lists))
_patterns = st.fixed_dictionaries(
    {},
    optional={
        "x": _leaves,
        "detail": st.dictionaries(_fields, _leaves, min_size=1, max_size=2),
        "lines": st.dictionaries(_fields, _within_lists, min_size=1, max_size=2),
        "$or": st.lists(
            st.fixed_dictionaries({"x": _leaves}, optional={"detail": st.dictionaries(_fields, _leaves, min_size=1)}),
            min_size=2,
            max_size=3,
        ),
    },
).filter(bool)


@settings(max_examples=300)
@given(pattern=_patterns, event=_events)
def test_a_compiled_pattern_matches_what_its_plain_reading_matches(
    pattern: dict[str, Any], event: dict[str, Any]
) -> None:
    assert compile_pattern(pattern)(event) == matches(pattern, event)
