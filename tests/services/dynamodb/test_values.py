"""Numbers, sizes and the order of keys, without a server."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.values import check, item_size, key_bytes, number_text

NUMBERS = st.decimals(
    min_value=Decimal("-1e20"), max_value=Decimal("1e20"), allow_nan=False, allow_infinity=False, places=10
)


@given(NUMBERS, NUMBERS)
def test_encoded_numbers_sort_as_the_numbers_do(a: Decimal, b: Decimal) -> None:
    first, second = key_bytes({"N": number_text(str(a))}), key_bytes({"N": number_text(str(b))})
    assert (first < second) == (a < b)
    assert (first == second) == (a == b)


@given(st.text(), st.text())
def test_encoded_strings_sort_by_their_bytes(a: str, b: str) -> None:
    assert (key_bytes({"S": a}) < key_bytes({"S": b})) == (a.encode() < b.encode())


@pytest.mark.parametrize(
    ("given", "stored"),
    [("007", "7"), ("1.50", "1.5"), ("1e3", "1000"), ("-0", "0"), ("+5", "5"), ("-0.10", "-0.1")],
)
def test_a_number_is_stored_in_its_shortest_form(given: str, stored: str) -> None:
    assert number_text(given) == stored


@pytest.mark.parametrize(
    ("number", "complaint"),
    [
        ("1" * 39, "more than 38 significant digits"),
        ("1e126", "magnitude larger than supported range"),
        ("1e-131", "magnitude smaller than supported range"),
        ("abc", "cannot be converted to a numeric value: abc"),
        ("NaN", "cannot be converted to a numeric value"),
    ],
)
def test_a_number_out_of_range_is_refused(number: str, complaint: str) -> None:
    with pytest.raises(Validation, match=complaint):
        number_text(number)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({}, "must contain exactly one of the supported datatypes"),
        ({"S": "a", "N": "1"}, "more than one datatypes set"),
        ({"SS": []}, "An string set  may not be empty"),
        ({"SS": ["a", "a"]}, "contains duplicates"),
        ({"NS": ["1", "1.0"]}, "contains duplicates"),
        ({"NULL": False}, "must have the value of true"),
    ],
)
def test_a_malformed_value_is_refused(value: dict[str, object], complaint: str) -> None:
    with pytest.raises(Validation, match=complaint):
        check(value)


def test_an_items_size_counts_names_and_values() -> None:
    # The sizes that a stream of the real service reported for these items.
    assert item_size({"id": {"S": "Fred"}}) + item_size({"id": {"S": "Fred"}}) == 12
    assert item_size({"id": {"S": "NewKey"}, "attr1": {"S": "value1"}, "attr2": {"S": "value2"}}) == 30
