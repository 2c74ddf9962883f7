"""What lifecycle rules say, without a server: when an object expires, where it moves, which versions stay."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fogbank.services.s3 import lifecycle_rules
from fogbank.services.s3.lifecycle_rules import ALL_128K, DAY_MS, VARIES, enabled_rules

MB = 1024 * 1024


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def rules(*given: dict[str, Any], small_ones: str = ALL_128K) -> list[lifecycle_rules.Rule]:
    named = [{"ID": f"rule-{n}", "Status": "Enabled", "Filter": {}, **rule} for n, rule in enumerate(given)]
    return enabled_rules({"Rules": named, "TransitionDefaultMinimumObjectSize": small_ones})


@pytest.mark.parametrize(
    ("created", "days", "expires"),
    [
        ("2014-01-15T10:30", 3, "2014-01-19T00:00"),
        ("2014-01-15T23:59", 1, "2014-01-17T00:00"),
        ("2014-01-15T00:00", 1, "2014-01-17T00:00"),
    ],
)
def test_days_are_rounded_up_to_the_next_midnight(created: str, days: int, expires: str) -> None:
    found = lifecycle_rules.expiry(rules({"Expiration": {"Days": days}}), "k", {}, 1, moment(created))
    assert found is not None
    assert found[0] == moment(expires)


def test_of_several_rules_the_earliest_expires_an_object() -> None:
    late, soon = {"Expiration": {"Days": 9}}, {"Expiration": {"Days": 2}}
    found = lifecycle_rules.expiry(rules(late, soon), "k", {}, 1, 0)
    assert found is not None
    assert found[1].id == "rule-1"


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ({}, True),
        ({"Prefix": "logs/"}, True),
        ({"Prefix": "docs/"}, False),
        ({"Tag": {"Key": "kind", "Value": "log"}}, True),
        ({"Tag": {"Key": "kind", "Value": "doc"}}, False),
        ({"ObjectSizeGreaterThan": 99}, True),
        ({"ObjectSizeGreaterThan": 100}, False),
        ({"ObjectSizeLessThan": 101}, True),
        ({"ObjectSizeLessThan": 100}, False),
        ({"And": {"Prefix": "logs/", "Tags": [{"Key": "kind", "Value": "log"}]}}, True),
        ({"And": {"Prefix": "logs/", "ObjectSizeLessThan": 10}}, False),
    ],
)
def test_a_rule_is_for_the_objects_of_its_filter(wanted: dict[str, Any], matches: bool) -> None:
    (rule,) = rules({"Filter": wanted, "Expiration": {"Days": 1}})
    assert rule.matches("logs/a", {"kind": "log", "more": "x"}, 100) == matches


def test_a_disabled_rule_says_nothing() -> None:
    assert rules({"Status": "Disabled", "Expiration": {"Days": 1}}) == []


@pytest.mark.parametrize(
    ("size", "small_ones", "wanted", "moves_to"),
    [
        (MB, ALL_128K, {}, "GLACIER"),
        (100, ALL_128K, {}, None),
        (100, VARIES, {}, "GLACIER"),
        (100, ALL_128K, {"ObjectSizeGreaterThan": 10}, "GLACIER"),
    ],
)
def test_small_objects_move_only_where_it_is_said(
    size: int, small_ones: str, wanted: dict[str, Any], moves_to: str | None
) -> None:
    transitions = [{"Days": 1, "StorageClass": "STANDARD_IA"}, {"Days": 5, "StorageClass": "GLACIER"}]
    found = rules({"Filter": wanted, "Transitions": transitions}, small_ones=small_ones)
    assert lifecycle_rules.storage_class(found, "k", {}, size, 0, 9 * DAY_MS, "STANDARD") == moves_to


def test_objects_never_move_to_a_warmer_class() -> None:
    found = rules({"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]})
    assert lifecycle_rules.storage_class(found, "k", {}, MB, 0, 9 * DAY_MS, "GLACIER") is None


@pytest.mark.parametrize(("newer", "removed"), [(0, False), (1, False), (2, True)])
def test_the_newest_noncurrent_versions_are_kept(newer: int, removed: bool) -> None:
    found = rules({"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}})
    assert lifecycle_rules.noncurrent_expired(found, "k", {}, 1, 0, 9 * DAY_MS, newer) == removed
