"""Decides an alarm's state from the last values of what it watches.

An alarm looks at N periods and goes off when M of them breach its threshold. It reads a few periods more, so that
values that are there stand in for missing ones; how the rest of the missing count is the alarm's to say.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation
"""

import operator
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

# What is read beyond the N periods ("the exact number varies"): two, and of shorter ones than a minute so many that the
# values of a metric that has one a minute are among them.
EXTRA_PERIODS = 2
EXTRA_S = 120

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
MISSING = ("breaching", "notBreaching", "ignore", "missing")


_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")


def samples_needed(statistic: str) -> float | None:
    """How many samples make a percentile statistically significant; None for what is no percentile below 100.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    """
    found = _PERCENTILE.fullmatch(statistic)
    share = float(found[1]) / 100 if found is not None else 0.0
    if not 0 < share < 1:
        return None
    return round(10 / (1 - share if share >= 0.5 else share), 6)


def periods_read(periods: int, period_s: int) -> int:
    return periods + max(EXTRA_PERIODS, EXTRA_S // period_s)


class Rule(msgspec.Struct, frozen=True):
    """What an alarm demands of its N last values (`periods`): M (`datapoints`) of them must breach."""

    comparison: str
    threshold: float
    periods: int
    datapoints: int
    missing: str


class Verdict(msgspec.Struct, frozen=True):
    """The state, why, and the values that it was decided from, newest first; `filled` is how many were missing."""

    state: str
    reason: str
    values: list[tuple[int, float]]
    filled: int


def decide(rule: Rule, recent: Sequence[tuple[int, float | None]], present: str) -> Verdict:
    """The state after the values of the last periods (newest first); `present` is kept if nothing can be said."""
    breaches = COMPARISONS[rule.comparison][0]
    known = [(at_ms, value) for at_ms, value in recent if value is not None][: rule.periods]
    filled = rule.periods - len(known)
    breaching = sum(breaches(value, rule.threshold) for _, value in known)
    if rule.missing == "breaching":
        breaching += filled
    if breaching >= rule.datapoints:
        state = "ALARM"
    elif not filled or rule.missing in ("breaching", "notBreaching") or breaching < len(known):
        state = "OK"
    elif rule.missing == "ignore":
        state = present
    elif not known:
        state = "INSUFFICIENT_DATA"
    else:
        # All values that are there breach: the alarm goes off though they are fewer than it demands, once the oldest
        # of them is as old as if all were there ("Avoiding premature transitions to alarm state").
        age = next(age for age, (_, value) in enumerate(reversed(recent)) if value is not None)
        state = "ALARM" if len(recent) - age >= rule.datapoints else present
    return Verdict(state, _reason(rule, state, present, known, filled), known, filled)


def _reason(rule: Rule, state: str, present: str, known: list[tuple[int, float]], filled: int) -> str:
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {_counted(rule.periods, 'datapoint')} {_was(rule.periods)} unknown."
    words = COMPARISONS[rule.comparison][1]
    limit = f"{words} the threshold ({rule.threshold})"
    if not known:
        treated = "Breaching" if rule.missing == "breaching" else "NonBreaching"
        return (
            f"Threshold Crossed: no datapoints were received for {_counted(rule.periods, 'period')} and "
            f"{_counted(filled, 'missing datapoint')} {_was(filled)} treated as [{treated}]."
        )
    breaches = COMPARISONS[rule.comparison][0]
    telling = [pair for pair in known if breaches(pair[1], rule.threshold) is (state == "ALARM")]
    shown = ", ".join(f"{value} ({_short(at_ms)})" for at_ms, value in telling)
    negation = "" if state == "ALARM" else "not "
    needed = rule.datapoints if state == "ALARM" else rule.periods - rule.datapoints + 1
    return (
        f"Threshold Crossed: {len(telling)} out of the last {rule.periods} datapoints [{shown}] {_was(len(telling))} "
        f"{negation}{limit} (minimum {_counted(needed, 'datapoint')} for {present} -> {state} transition)."
    )


def _short(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%d/%m/%y %H:%M:%S")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
