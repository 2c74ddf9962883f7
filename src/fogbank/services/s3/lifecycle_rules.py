"""Lifecycle rules: what they say of an object, and when. They touch no store and no clock.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

DAY_MS = 86_400_000
SMALL_BYTES = 128 * 1024
VARIES = "varies_by_storage_class"
ALL_128K = "all_storage_classes_128K"
_WARMEST_FIRST = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
# Objects only ever get colder. Those of a class that is not among these stay where they are.
_COLDNESS = {name: place for place, name in enumerate(_WARMEST_FIRST)}
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")


class Transition(msgspec.Struct, frozen=True):
    """Move to `storage_class` after `days`, or on `date_ms`; of noncurrent versions, only behind `newer` others."""

    storage_class: str
    days: int | None = None
    date_ms: int | None = None
    newer: int = 0

    def due_ms(self, since_ms: int) -> int:
        if self.days is None:
            assert self.date_ms is not None
            return self.date_ms
        return midnight_after(since_ms, self.days)


class Rule(msgspec.Struct, frozen=True):
    """An enabled rule. Days count from an object's creation, or from the moment a version became noncurrent."""

    id: str
    prefix: str = ""
    tags: dict[str, str] = {}
    larger_than: int | None = None
    smaller_than: int | None = None
    expires_days: int | None = None
    expires_date_ms: int | None = None
    expires_markers: bool = False
    transitions: tuple[Transition, ...] = ()
    noncurrent_days: int | None = None
    noncurrent_newer: int = 0
    noncurrent_transitions: tuple[Transition, ...] = ()
    abort_days: int | None = None
    small_ones: str = ALL_128K
    """Which objects that are smaller than 128 KB move, if the rule says nothing of sizes."""

    def matches(self, key: str, tags: Mapping[str, str], size: int) -> bool:
        return (
            key.startswith(self.prefix)
            and self.tags.items() <= tags.items()
            and (self.larger_than is None or size > self.larger_than)
            and (self.smaller_than is None or size < self.smaller_than)
        )

    @property
    def expires(self) -> bool:
        return self.expires_days is not None or self.expires_date_ms is not None

    def expiry_ms(self, created_ms: int) -> int:
        """When a current version that it matches expires; only if `expires`."""
        if self.expires_days is None:
            assert self.expires_date_ms is not None
            return self.expires_date_ms
        return midnight_after(created_ms, self.expires_days)

    def moves(self, size: int, storage_class: str) -> bool:
        """Whether objects of that size move to that class."""
        if size >= SMALL_BYTES or self.larger_than is not None or self.smaller_than is not None:
            return True
        return self.small_ones == VARIES and storage_class in _ARCHIVES


def midnight_after(since_ms: int, days: int) -> int:
    """Days later, rounded up to the next midnight in UTC."""
    return ((since_ms + days * DAY_MS) // DAY_MS + 1) * DAY_MS


def enabled_rules(configuration: Mapping[str, Any]) -> list[Rule]:
    """The enabled rules of a configuration, which is one that was checked."""
    small_ones = configuration["TransitionDefaultMinimumObjectSize"]
    return [_rule(rule, small_ones) for rule in configuration["Rules"] if rule["Status"] == "Enabled"]


def expiry(
    rules: Iterable[Rule], key: str, tags: Mapping[str, str], size: int, created_ms: int
) -> tuple[int, Rule] | None:
    """When a current version expires first, and by which rule."""
    found: tuple[int, Rule] | None = None
    for rule in rules:
        if rule.expires and rule.matches(key, tags, size):
            at_ms = rule.expiry_ms(created_ms)
            if found is None or at_ms < found[0]:
                found = at_ms, rule
    return found


def storage_class(
    rules: Iterable[Rule], key: str, tags: Mapping[str, str], size: int, since_ms: int, now_ms: int, present: str
) -> str | None:
    """The class that a current version is to move to now; None if it is to stay."""
    wanted = [
        transition.storage_class
        for rule in rules
        if rule.transitions and rule.matches(key, tags, size)
        for transition in rule.transitions
        if transition.due_ms(since_ms) <= now_ms and rule.moves(size, transition.storage_class)
    ]
    return _coldest(wanted, present)


def noncurrent_expired(
    rules: Iterable[Rule], key: str, tags: Mapping[str, str], size: int, since_ms: int, now_ms: int, newer: int
) -> bool:
    """Whether a version that is noncurrent since then, with so many newer noncurrent ones, is to be removed."""
    return any(
        rule.noncurrent_days is not None
        and newer >= rule.noncurrent_newer
        and midnight_after(since_ms, rule.noncurrent_days) <= now_ms
        and rule.matches(key, tags, size)
        for rule in rules
    )


def noncurrent_storage_class(
    rules: Iterable[Rule],
    key: str,
    tags: Mapping[str, str],
    size: int,
    since_ms: int,
    now_ms: int,
    present: str,
    newer: int,
) -> str | None:
    """As `storage_class`, for a version that is noncurrent since then."""
    wanted = [
        transition.storage_class
        for rule in rules
        if rule.noncurrent_transitions and rule.matches(key, tags, size)
        for transition in rule.noncurrent_transitions
        if newer >= transition.newer
        and transition.due_ms(since_ms) <= now_ms
        and rule.moves(size, transition.storage_class)
    ]
    return _coldest(wanted, present)


def abort(rules: Iterable[Rule], key: str, initiated_ms: int) -> tuple[int, Rule] | None:
    """When an upload that is not completed is aborted first, and by which rule."""
    found: tuple[int, Rule] | None = None
    for rule in rules:
        if rule.abort_days is not None and key.startswith(rule.prefix):
            at_ms = midnight_after(initiated_ms, rule.abort_days)
            if found is None or at_ms < found[0]:
                found = at_ms, rule
    return found


def predicates(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule's filter asks for, whichever form it is written in: Prefix, Tags, and the two sizes."""
    given = rule.get("Filter")
    if given is None:
        return {"Prefix": rule.get("Prefix", "")}
    found = {**given, **given.get("And", {})}
    found.pop("And", None)
    if "Tag" in found:
        found["Tags"] = [found.pop("Tag")]
    return found


def _rule(rule: Mapping[str, Any], small_ones: str) -> Rule:
    wanted = predicates(rule)
    expiration = rule.get("Expiration", {})
    noncurrent = rule.get("NoncurrentVersionExpiration", {})
    return Rule(
        id=rule["ID"],
        prefix=wanted.get("Prefix", ""),
        tags={tag["Key"]: tag["Value"] for tag in wanted.get("Tags", ())},
        larger_than=wanted.get("ObjectSizeGreaterThan"),
        smaller_than=wanted.get("ObjectSizeLessThan"),
        expires_days=expiration.get("Days"),
        expires_date_ms=_ms(expiration.get("Date")),
        expires_markers=bool(expiration.get("ExpiredObjectDeleteMarker")),
        transitions=tuple(
            Transition(each["StorageClass"], days=each.get("Days"), date_ms=_ms(each.get("Date")))
            for each in rule.get("Transitions", ())
        ),
        noncurrent_days=noncurrent.get("NoncurrentDays"),
        noncurrent_newer=noncurrent.get("NewerNoncurrentVersions", 0),
        noncurrent_transitions=tuple(
            Transition(each["StorageClass"], days=each["NoncurrentDays"], newer=each.get("NewerNoncurrentVersions", 0))
            for each in rule.get("NoncurrentVersionTransitions", ())
        ),
        abort_days=rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        small_ones=small_ones,
    )


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)


def _coldest(wanted: list[str], present: str) -> str | None:
    coldest = max(wanted, key=_COLDNESS.__getitem__, default=None)
    if coldest is None or _COLDNESS[coldest] <= _COLDNESS.get(present, len(_COLDNESS)):
        return None
    return coldest
