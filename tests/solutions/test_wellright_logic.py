"""WellRight's own rules, without a server."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2] / "solutions" / "wellright"
sys.path[:0] = [str(HERE), str(HERE / "src" / "programme")]

import activity  # noqa: E402
import progress  # noqa: E402
import report  # noqa: E402
from upload import batches  # noqa: E402

RULES = progress.Rules(programme="steps", subject="user_id", unit=100, cap=200, levels=(100, 250))


def message(number: int, user: str = "u1", value: int = 1_000) -> tuple[str, dict[str, object]]:
    entry = {"entry_id": f"s-{number}", "user_id": user, "season": "s", "value": value, "uploaded_at": 0}
    return f"m{number}", entry


@pytest.mark.parametrize(("value", "points"), [(-5, 0), (99, 0), (100, 1), (20_000, 200), (1_000_000, 200)])
def test_points_are_whole_and_capped(value: int, points: int) -> None:
    assert RULES.points(value) == points


def test_the_same_entry_twice_in_a_batch_is_one_contribution_of_two_messages() -> None:
    first, again = message(1), ("again", message(1)[1])
    (group,) = progress.group(RULES, [first, again])
    assert [c.message_ids for c in group.entries.values()] == [["m1", "again"]]


def test_a_transaction_never_exceeds_its_action_limit_and_loses_no_entry() -> None:
    messages = [message(n, user=f"u{n % 7}") for n in range(1_000)]
    chunks = list(progress.pack(progress.group(RULES, messages)))
    assert all(sum(g.actions for g in chunk) <= progress.ACTIONS_MAX for chunk in chunks)
    assert sorted(e for chunk in chunks for g in chunk for e in g.entries) == sorted(f"s-{n}" for n in range(1_000))


def test_the_same_season_is_the_same_input_every_time() -> None:
    assert list(activity.entries("a", 2_000)) == list(activity.entries("a", 2_000))


def test_an_upload_holds_duplicates_and_no_batch_names_a_key_twice() -> None:
    sent = list(activity.entries("a", 5_000))
    assert len(sent) > 5_000
    packed = list(batches(sent))
    assert sum(len(b) for b in packed) == len(sent)
    assert all(len({e.number for e in b}) == len(b) <= 25 for b in packed)


def test_the_recomputation_counts_a_duplicate_once() -> None:
    expected = activity.expect("a", 5_000)
    assert expected["steps"].total() + expected["sleep"].total() == 5_000


def test_the_driver_and_the_template_agree_on_the_programmes() -> None:
    template = (HERE / "template.yaml").read_text()
    for programme in activity.PROGRAMMES:
        levels = ",".join(str(level) for level in programme.levels)
        block = template.partition(f"PROGRAMME: {programme.name}\n")[2][:200]
        for setting in (f"SUBJECT: {programme.subject}", f'"{programme.unit}"', f'"{programme.cap}"', levels):
            assert setting in block


def test_the_chart_scales_to_its_highest_point() -> None:
    assert report.chart([0, 5, 10]) == " ▄█"
