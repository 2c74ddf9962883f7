"""Pages of a table's rows."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from fogbank.core.errors import ValidationError
from fogbank.core.pages import page_of_table
from fogbank.core.store import Store, Table

MANY = 25_000


@pytest.fixture
def numbers(tmp_path: Path) -> Iterator[Table[int]]:
    store = Store(tmp_path, sync="process")
    table = store.table("test.numbers", key=(str, str, int), value=int)
    with store.transaction():
        for place in "ab":
            for number in range(5):
                table.put((place, "n", number), number)
        for number in range(MANY):
            table.put(("many", "n", number), number)
    yield table
    store.close()


def pages(table: Table[int], place: tuple[str, ...], **options: object) -> list[list[int]]:
    found, token = [], None
    while True:
        rows, more = page_of_table(table, place, token, 2, **options)  # type: ignore[arg-type]
        found.append([value for _, value in rows])
        if not more:
            return found
        token = more["NextToken"]


def test_pages_follow_each_other_and_stay_in_their_place(numbers: Table[int]) -> None:
    assert pages(numbers, ("a",)) == [[0, 1], [2, 3], [4]]
    assert pages(numbers, ("a", "n")) == [[0, 1], [2, 3], [4]]
    assert pages(numbers, ("none",)) == [[]]
    assert pages(numbers, ("a",), wanted=lambda key, value: value % 2 == 1) == [[1, 3]]
    assert pages(numbers, ("a",), start=("a", "n", 2)) == [[2, 3], [4]]


def test_a_page_looks_at_so_many_rows_and_no_more(numbers: Table[int]) -> None:
    assert pages(numbers, ("many",), wanted=lambda key, value: value == MANY - 1) == [[], [], [MANY - 1]]


@pytest.mark.parametrize(
    "inner", ["", "[]", "{}", '["n"]', '["n", "1"]', '[1, "n"]', '["n", 9223372036854775808]', "5"]
)
def test_a_token_that_was_never_given_is_refused(numbers: Table[int], inner: str) -> None:
    for token in (inner, base64.b64encode(inner.encode()).decode(), base64.b64encode(b"\xff").decode()):
        with pytest.raises(ValidationError, match="NextToken is not valid"):
            page_of_table(numbers, ("a",), token, None)
