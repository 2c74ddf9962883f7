"""Delivery policies of HTTP endpoints: how often, when and how fast SNS delivers.

A failed delivery is tried again at once, then after the least delay, then with growing delays, then after the greatest.
https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

DEFAULT_RETRY: dict[str, Any] = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
DEFAULT_REQUEST = {"headerContentType": "text/plain; charset=UTF-8"}
_RETRIES_MAX = 100
_DELAY_MAX_S = 3600
_PARTS = (
    "defaultHealthyRetryPolicy",
    "defaultRequestPolicy",
    "defaultThrottlePolicy",
    "healthyRetryPolicy",
    "requestPolicy",
    "throttlePolicy",
)
_COUNTS = ("numRetries", "numNoDelayRetries", "numMinDelayRetries", "numMaxDelayRetries")
# How far a growing delay has come from the least to the greatest (both in seconds), at the share of its retries that
# are over. AWS draws these curves and gives no formula.
_CURVES: dict[str, Callable[[float, float, float], float]] = {
    "linear": lambda share, low, high: low + (high - low) * share,
    "arithmetic": lambda share, low, high: low + (high - low) * share * (1 + share) / 2,
    "geometric": lambda share, low, high: low * (high / low) ** share,
    "exponential": lambda share, low, high: low + (high - low) * (2 ** (10 * share) - 1) / 1023,
}


class Delivery(msgspec.Struct, frozen=True):
    """What applies to one subscription: the delays of its retries, its deliveries a second (0: no limit)."""

    delays_s: list[float]
    per_second_max: int
    content_type: str


def effective(topic_policy: str | None) -> dict[str, Any]:
    """A topic's policy with AWS's defaults, as GetTopicAttributes shows it."""
    own = json.loads(topic_policy).get("http", {}) if topic_policy else {}
    shown = {
        "defaultHealthyRetryPolicy": DEFAULT_RETRY | own.get("defaultHealthyRetryPolicy", {}),
        "disableSubscriptionOverrides": own.get("disableSubscriptionOverrides", False),
        "defaultRequestPolicy": DEFAULT_REQUEST | own.get("defaultRequestPolicy", {}),
    }
    if "defaultThrottlePolicy" in own:
        shown["defaultThrottlePolicy"] = own["defaultThrottlePolicy"]
    return {"http": shown}


def delivery_for(topic_policy: str | None, subscription_policy: str | None) -> Delivery:
    """The policy of the subscription, unless the topic disables it, over that of the topic."""
    base = effective(topic_policy)["http"]
    own = json.loads(subscription_policy) if subscription_policy and not base["disableSubscriptionOverrides"] else {}
    throttle = own.get("throttlePolicy") or base.get("defaultThrottlePolicy") or {}
    request = base["defaultRequestPolicy"] | own.get("requestPolicy", {})
    return Delivery(
        delays_s=_delays(base["defaultHealthyRetryPolicy"] | own.get("healthyRetryPolicy", {})),
        per_second_max=int(throttle.get("maxReceivesPerSecond") or 0),
        content_type=request["headerContentType"],
    )


def _delays(retry: Mapping[str, Any]) -> list[float]:
    low, high = float(retry["minDelayTarget"]), float(retry["maxDelayTarget"])
    at_once, early, late = (retry[name] for name in _COUNTS[1:])
    growing = max(retry["numRetries"] - at_once - early - late, 0)
    curve = _CURVES[retry["backoffFunction"]]
    grown = [curve(number / max(growing - 1, 1), low, high) for number in range(growing)]
    return [*[0.0] * at_once, *[low] * early, *grown, *[high] * late]


def reason_against(policy: Any, *, of_topic: bool) -> str | None:
    """What is wrong with a policy, in words; None if nothing is."""
    if of_topic:
        policy = policy.get("http", {})
    if not isinstance(policy, dict) or not all(isinstance(policy.get(name, {}), dict) for name in _PARTS):
        return "the policy and its parts must be JSON objects"
    retry = policy.get("defaultHealthyRetryPolicy" if of_topic else "healthyRetryPolicy", {})
    for name in retry:
        if name not in DEFAULT_RETRY:
            return f"unknown attribute {name}"
    retry = DEFAULT_RETRY | retry
    for name in _COUNTS:
        if not _is_whole(retry[name], 0, _RETRIES_MAX):
            return f"{name} must be between 0 and {_RETRIES_MAX}"
    if not _is_whole(retry["maxDelayTarget"], 1, _DELAY_MAX_S):
        return f"maxDelayTarget must be between 1 and {_DELAY_MAX_S}"
    if not _is_whole(retry["minDelayTarget"], 1, retry["maxDelayTarget"]):
        return "minDelayTarget must be between 1 and maxDelayTarget"
    if sum(retry[name] for name in _COUNTS[1:]) > retry["numRetries"]:
        return "numRetries must not be less than the retries of all phases together"
    if retry["backoffFunction"] not in _CURVES:
        return f"backoffFunction must be one of {', '.join(_CURVES)}"
    throttle = policy.get("defaultThrottlePolicy" if of_topic else "throttlePolicy", {})
    rate = throttle.get("maxReceivesPerSecond")
    return None if rate is None or _is_whole(rate, 1, 10_000) else "maxReceivesPerSecond must be at least 1"


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
