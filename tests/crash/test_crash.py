import os
import random
from pathlib import Path

import pytest

from tests.crash.campaign import campaign
from tests.crash.ledger import (
    Allowed,
    Ledger,
    Messages,
    check_allowed,
    check_messages,
    check_once,
    check_order,
    check_pairs,
    check_rates,
)


@pytest.mark.parametrize(("sync", "kills"), [("process", 1), ("disk", 2)])
def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path, sync: str, kills: int) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(100_000))
    result = campaign(tmp_path, sync=sync, kills=kills, seed=seed)
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


def test_the_check_notices_messages_out_of_order_and_twice() -> None:
    assert check_order("q", ["g.0", "h.0", "g.1", "h.1"]) == []
    assert check_order("q", ["g.1", "g.0"]) == ["q: g.0 came after g.1"]
    assert check_once("q", ["a", "b", "a"]) == ["q: a came more than once"]


def test_the_check_notices_a_wrong_value_and_a_torn_transaction() -> None:
    told: Allowed[int] = {"k": {1, 2}, "gone": {3}}
    assert check_allowed("table", told, {"k": 2}) == ["table: gone is None instead of [3]"]
    assert check_allowed("table", told, {"k": 1}) == ["table: k is 1 instead of [2]"]
    assert check_pairs({"p-left": 3, "p-right": 3}) == []
    assert check_pairs({"p-left": 3, "p-right": 4, "q-right": 1}) == [
        "table: the transaction on p was torn apart",
        "table: the transaction on q was torn apart",
    ]


@pytest.mark.parametrize(
    ("fired", "broken"),
    [
        ([100, 160, 220], []),
        ([100, 160], ["schedules: s fired at [100, 160] and not again until 230.0"]),
        ([100, 220], ["schedules: s fired at [100, 220]"]),
        ([100, 160, 160, 220], ["schedules: s fired at [100, 160, 160, 220]"]),
        ([], ["schedules: s fired at [] and not again until 230.0"]),
    ],
)
def test_the_check_notices_a_firing_that_is_missing_or_came_twice(fired: list[int], broken: list[str]) -> None:
    ledger = Ledger(rates={"s"}, rates_begun={"s"}, killed_at=230.0)
    assert check_rates(ledger, [f"s.{second}" for second in fired], every_s=60) == broken
