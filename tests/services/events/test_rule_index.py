"""The index finds every rule that matches."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.core.patterns import compile_pattern
from fogbank.services.events.rule_index import FEW, RuleIndex

_words = st.sampled_from(["a", "b", "c", ""])
_names = st.sampled_from(["source", "detail", "kind", "a.b"])
_leaf = st.lists(
    st.one_of(_words, st.integers(0, 2), st.none(), st.just({"prefix": "a"}), st.just({"exists": False})),
    min_size=1,
    max_size=3,
)
_patterns = st.recursive(
    st.dictionaries(_names, _leaf, min_size=1, max_size=2),
    lambda inner: st.dictionaries(_names, st.one_of(inner, _leaf), min_size=1, max_size=2),
    max_leaves=4,
)
_values = st.recursive(
    st.one_of(_words, st.integers(0, 2), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=6,
)
_events = st.dictionaries(_names, _values, max_size=4)


@given(patterns=st.lists(_patterns, min_size=FEW + 1, max_size=FEW + 8), event=_events)
def test_every_rule_that_matches_is_a_candidate(patterns: list[dict[str, Any]], event: dict[str, Any]) -> None:
    texts = [json.dumps(pattern) for pattern in patterns]
    index = RuleIndex([(text, number) for number, text in enumerate(texts)])
    matching = [number for number, text in enumerate(texts) if compile_pattern(text)(event)]
    candidates = index.candidates(event)
    assert set(matching) <= set(candidates)
    assert candidates == sorted(candidates)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"source": "shop", "detail": {"customer": "c-7"}}, [7]),
        ({"source": "shop", "detail": {"customer": ["c-3", "c-4"]}}, [3, 4]),
        ({"source": "shop", "detail": {"customer": "c-99"}}, []),
        ({"source": "shop"}, []),
    ],
)
def test_rules_of_one_source_are_told_apart_by_what_differs(event: dict[str, Any], expected: list[int]) -> None:
    patterns = [json.dumps({"source": ["shop"], "detail": {"customer": [f"c-{n}"]}}) for n in range(50)]
    index = RuleIndex([(pattern, number) for number, pattern in enumerate(patterns)])
    assert index.candidates(event) == expected
