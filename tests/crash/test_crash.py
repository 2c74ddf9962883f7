import os
import random
from pathlib import Path

import pytest

from tests.crash.campaign import campaign
from tests.crash.ledger import Item, Messages, check_items, check_messages, check_order


@pytest.mark.parametrize("sync", ["process", "disk"])
def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path, sync: str) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(100_000))
    result = campaign(tmp_path, sync=sync, kills=2, seed=seed)
    assert not result.broken, f"SEED={seed}: {result.broken[:20]}"
    assert result.acknowledged > 0


def test_the_check_notices_a_lost_an_undead_and_an_invented_message() -> None:
    told = Messages(sent={"a", "b", "c"}, sending={"a", "b", "c", "d"}, deleted={"b"}, deleting={"b"})
    assert check_messages("q", told, ["a", "c", "d"]) == []
    assert check_messages("q", told, ["a", "b", "x"]) == [
        "q: c was acknowledged and is lost",
        "q: b was deleted and is back",
        "q: x came from nowhere",
    ]


def test_the_check_notices_messages_out_of_order() -> None:
    assert check_order("q", ["g.0", "h.0", "g.1", "h.1"]) == []
    assert check_order("q", ["g.1", "g.0"]) == ["q: g.0 came after g.1"]


def test_the_check_notices_a_wrong_item_and_a_torn_transaction() -> None:
    told: dict[str, set[Item]] = {"k": {1, 2}, "p-left": {3, 4}, "p-right": {3, 4}}
    assert check_items(told, {"k": 2, "p-left": 3, "p-right": 3}) == []
    assert check_items(told, {"k": 5, "p-left": 3, "p-right": 4}) == [
        "table: k is 5 instead of [1, 2]",
        "table: the transaction on p was torn apart",
    ]
