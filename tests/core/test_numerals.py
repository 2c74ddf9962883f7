import pytest

from fogbank.core.numerals import whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 38, 10**38 - 1)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1_0", "1.5", "²", "٣", "9" * 39, "9" * 5000])
def test_all_else_is_none(text: str) -> None:
    assert whole_number(text) is None
