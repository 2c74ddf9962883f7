"""WellRight's own rules, without a server."""

import sys
from pathlib import Path

import cfnlint.api
import pytest
import yaml

HERE = Path(__file__).resolve().parents[2] / "solutions" / "wellright"
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE / "src" / "programme")]

import activity  # noqa: E402
import progress  # noqa: E402
from driving.chart import chart  # noqa: E402
from upload import batches  # noqa: E402

RULES = progress.Rules(programme="steps", subject="user_id", unit=100, cap=200, levels=(100, 250))


def message(number: int, user: str = "u1", value: int = 1_000) -> progress.Message:
    entry = {"entry_id": f"s-{number}", "user_id": user, "season": "s", "value": value, "uploaded_at": 0}
    return f"m{number}", 0, entry


@pytest.mark.parametrize(("value", "points"), [(-5, 0), (99, 0), (100, 1), (20_000, 200), (1_000_000, 200)])
def test_points_are_whole_and_capped(value: int, points: int) -> None:
    assert RULES.points(value) == points


def test_the_same_entry_twice_in_a_batch_is_one_contribution_of_two_messages() -> None:
    first, again = message(1), ("again", 0, message(1)[2])
    (group,) = progress.group(RULES, [first, again])
    assert [c.message_ids for c in group.entries.values()] == [["m1", "again"]]


def test_a_transaction_never_exceeds_its_action_limit_and_loses_no_entry() -> None:
    messages = [message(n, user=f"u{n % 7}") for n in range(1_000)]
    chunks = list(progress.pack(progress.group(RULES, messages)))
    assert all(sum(g.actions for g in chunk) <= progress.ACTIONS_MAX for chunk in chunks)
    assert sorted(e for chunk in chunks for g in chunk for e in g.entries) == sorted(f"s-{n}" for n in range(1_000))


@pytest.mark.parametrize("sequence", [activity.bulk, activity.trickle])
def test_the_same_season_is_the_same_input_every_time(sequence: activity.Sequence) -> None:
    assert list(sequence("a", 2_000)) == list(sequence("a", 2_000))


@pytest.mark.parametrize("sequence", [activity.bulk, activity.trickle])
def test_a_longer_season_begins_like_a_shorter_one(sequence: activity.Sequence) -> None:
    short = list(sequence("a", 1_000))
    assert list(sequence("a", 2_000))[: len(short) - 1] == short[:-1]


def test_an_upload_holds_duplicates_and_no_batch_names_a_key_twice() -> None:
    sent = list(activity.bulk("a", 5_000))
    assert len(sent) > 5_000
    packed = list(batches(sent))
    assert sum(len(b) for b in packed) == len(sent)
    assert all(len({e.number for e in b}) == len(b) <= 25 for b in packed)


def test_the_recomputation_counts_a_duplicate_once() -> None:
    expected = activity.expect(activity.bulk, "a", 5_000, activity.PROGRAMMES)
    assert expected["steps"].total() + expected["sleep"].total() == 5_000


def test_the_driver_and_the_template_agree_on_the_programmes() -> None:
    template = (HERE / "template.yaml").read_text()
    for programme in activity.PROGRAMMES:
        levels = ",".join(str(level) for level in programme.levels)
        block = template.partition(f"PROGRAMME: {programme.name}\n")[2][:200]
        for setting in (f"SUBJECT: {programme.subject}", f'"{programme.unit}"', f'"{programme.cap}"', levels):
            assert setting in block


def test_the_driver_and_the_newcomers_template_agree() -> None:
    parameters = yaml.load((HERE / "programme.yaml").read_text(), Loader=yaml.BaseLoader)["Parameters"]
    newcomer = activity.NEWCOMER
    assert {
        name: parameters[name]["Default"] for name in ("Programme", "Metric", "Subject", "PointUnit", "PointCap")
    } == {
        "Programme": newcomer.name,
        "Metric": newcomer.metric,
        "Subject": newcomer.subject,
        "PointUnit": str(newcomer.unit),
        "PointCap": str(newcomer.cap),
    }
    assert parameters["Levels"]["Default"] == ",".join(str(level) for level in newcomer.levels)


@pytest.mark.parametrize("template", ["template.yaml", "programme.yaml"])
def test_the_templates_are_ones_that_aws_would_accept(template: str) -> None:
    assert [str(found) for found in cfnlint.api.lint_file(HERE / template)] == []


@pytest.mark.parametrize(
    ("samples", "settings", "lines"),
    [
        ([0, 5, 10], {"height": 1, "width": 3}, [" ▄█"]),
        ([0, 5, 10], {"height": 2, "width": 3}, ["  █", " ██"]),
        ([0, 5, 10], {"height": 1, "width": 3, "top": 20}, [" ▂▄"]),
        ([0, 8], {"height": 1, "width": 4}, ["  ██"]),
        ([1, 2, 3, 8], {"height": 1, "width": 2}, ["▂█"]),
        ([], {}, []),
    ],
)
def test_the_chart_scales_to_its_highest_point_or_to_a_given_one(
    samples: list[int], settings: dict[str, int], lines: list[str]
) -> None:
    assert chart(samples, **settings) == lines
