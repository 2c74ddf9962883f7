"""What an alarm or the limits of a target make of a capacity.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.scaling import Measure, Utilization
from fogbank.services.applicationautoscaling import stepping
from fogbank.services.applicationautoscaling.adjusting import Adjusting, Decision
from fogbank.services.applicationautoscaling.records import STEPS, Occasion, Place, Policy, Target
from fogbank.services.applicationautoscaling.tracking import HIGH, LOW, LOW_PERIODS, MINUTE_S, Tracking

_REASON_LIMITS = {"AlreadyAtMaxCapacity": "MaxCapacity", "AlreadyAtMinCapacity": "MinCapacity"}


class Decisions(Adjusting):
    """The rules of target tracking, of steps and of limits, applied to what is stored and measured."""

    def _decide(self, ctx: Context, occasion: Occasion, capacity: int) -> Decision:
        target = self._target(occasion.place)
        if not occasion.policy:
            return _within(target, capacity)
        policy = self._tables.policies.get((*occasion.place, occasion.policy))
        if policy is None:
            return Decision(capacity)
        if policy.kind == STEPS:
            return self._step(ctx, target, policy, occasion, capacity)
        purpose = next((purpose for purpose, alarm in policy.alarms.items() if alarm == occasion.alarm), "")
        if purpose == HIGH and not target.suspended.get("DynamicScalingOutSuspended"):
            return self._larger(ctx, occasion.place, target, policy, capacity)
        if purpose == LOW and not target.suspended.get("DynamicScalingInSuspended"):
            return self._smaller(ctx, occasion.place, target, policy, capacity)
        return Decision(capacity)

    def _step(self, ctx: Context, target: Target, policy: Policy, occasion: Occasion, capacity: int) -> Decision:
        """What a scale-out of the cooldown has added counts as part of the next; a scale-in waits for its cooldown."""
        configuration, cooldown_ms = policy.configuration, _step_cooldown_ms(policy)
        amount = stepping.adjustment(configuration, stepping.breach(configuration, occasion.values, occasion.threshold))
        if amount is None:
            return Decision(capacity)
        wanted = stepping.wanted(configuration, amount, capacity)
        if wanted < capacity:
            if ctx.now_ms < policy.in_ms + cooldown_ms or target.suspended.get("DynamicScalingInSuspended"):
                return Decision(capacity)
            return _lowered(target, wanted, capacity)
        if target.suspended.get("DynamicScalingOutSuspended"):
            return Decision(capacity)
        base = self._before_scaling_out(ctx, occasion.place, policy, capacity, cooldown_ms)
        return _raised(target, stepping.wanted(configuration, amount, base), capacity)

    def _larger(self, ctx: Context, place: Place, target: Target, policy: Policy, capacity: int) -> Decision:
        """The capacity to scale out to. What a scale-out has added counts until its cooldown is over."""
        tracking = self._tracking(place, policy.configuration)
        cooldown_ms = self._cooldown_ms(place, policy, "ScaleOutCooldown")
        base = self._before_scaling_out(ctx, place, policy, capacity, cooldown_ms)
        values = self._values(ctx, place, policy, tracking.high_periods)
        wanted = tracking.wanted(base, values[0] if values else 0)
        return _raised(target, wanted, capacity)

    def _before_scaling_out(self, ctx: Context, place: Place, policy: Policy, capacity: int, cooldown_ms: int) -> int:
        """The capacity that a scale-out is reckoned from: the one before those of the cooldown, or before another
        policy's of the same minute, so that of several policies the one with the largest capacity counts.
        """
        if ctx.now_ms < policy.out_ms + cooldown_ms:
            return policy.out_from
        others = (other for _, other in self._policies(place) if other.arn != policy.arn)
        return min(
            (other.out_from for other in others if ctx.now_ms < other.out_ms + MINUTE_S * 1000), default=capacity
        )

    def _smaller(self, ctx: Context, place: Place, target: Target, policy: Policy, capacity: int) -> Decision:
        """The capacity to scale in to: where nothing of the last minutes would have been too much."""
        if ctx.now_ms < policy.in_ms + self._cooldown_ms(place, policy, "ScaleInCooldown"):
            return Decision(capacity)
        if not all(self._is_low(ctx, other) for _, other in self._policies(place) if other.arn != policy.arn):
            return Decision(capacity)
        tracking = self._tracking(place, policy.configuration)
        wanted = tracking.wanted(capacity, max(self._values(ctx, place, policy, LOW_PERIODS), default=0))
        if wanted >= capacity > target.minimum:  # At any smaller capacity it would soon have to scale out again.
            return Decision(capacity, "AutoScalingAnticipatedFlapping")
        return _lowered(target, wanted, capacity)

    def _scaled(self, ctx: Context, occasion: Occasion, before: int, units: int) -> None:
        if not occasion.policy:
            return
        for name, policy in list(self._policies(occasion.place)):
            if name == occasion.policy:
                self._note_scaling(ctx, occasion.place, policy, before, units)
            elif units > before:
                policy.in_ms = 0  # A scale-out ends the cooldown of any scale-in before it.
            self._tables.policies.put((*occasion.place, name), policy)

    def _note_scaling(self, ctx: Context, place: Place, policy: Policy, before: int, after: int) -> None:
        policy.not_scaled = ""
        if after < before:
            policy.in_ms, policy.out_ms = ctx.now_ms, 0
            return
        policy.in_ms = 0
        cooldown_ms = (
            _step_cooldown_ms(policy) if policy.kind == STEPS else self._cooldown_ms(place, policy, "ScaleOutCooldown")
        )
        if ctx.now_ms >= policy.out_ms + cooldown_ms:
            policy.out_from = before
        policy.out_ms = ctx.now_ms

    def _left(self, ctx: Context, occasion: Occasion, capacity: int, decision: Decision) -> None:
        """An alarm that stays in ALARM comes each minute: only a reason that is new is written down."""
        key = (*occasion.place, occasion.policy)
        policy = self._tables.policies.get(key) if occasion.policy else None
        if policy is None or policy.not_scaled == decision.reason:
            return
        policy.not_scaled = decision.reason
        self._tables.policies.put(key, policy)
        if decision.reason:
            reason: dict[str, Any] = {"Code": decision.reason, "CurrentCapacity": capacity}
            if decision.reason in _REASON_LIMITS:
                target = self._target(occasion.place)
                limit = _REASON_LIMITS[decision.reason]
                reason[limit] = target.maximum if limit == "MaxCapacity" else target.minimum
            self._write_unscaled(ctx, occasion, "", **reason)

    # ---- what is measured ---------------------------------------------------------------------------------------

    def _is_low(self, ctx: Context, policy: Policy) -> bool:
        """Whether a policy that scales in has nothing against it."""
        if LOW not in policy.alarms:
            return True
        found = self.cloud.cloudwatch.describe_alarms(ctx, AlarmNames=[policy.alarms[LOW]])["MetricAlarms"]
        return bool(found) and found[0]["StateValue"] == "ALARM"

    def _values(self, ctx: Context, place: Place, policy: Policy, minutes: int) -> list[float]:
        """The metric's values of the last whole minutes, newest first."""
        end_s = ctx.now_ms // 1000 // MINUTE_S * MINUTE_S
        answer = self.cloud.cloudwatch.get_metric_data(
            ctx,
            MetricDataQueries=_queries(self._watched(place, policy.configuration)),
            StartTime=end_s - minutes * MINUTE_S,
            EndTime=end_s,
        )
        values: list[float] = answer["MetricDataResults"][0]["Values"]
        return values

    def _watched(self, place: Place, configuration: dict[str, Any]) -> dict[str, Any]:
        """What is watched, as PutMetricAlarm takes it."""
        predefined = self._predefined(place, configuration)
        if isinstance(predefined, Utilization):
            return metric(predefined.namespace, predefined.used, predefined.dimensions, "Sum")
        if predefined is not None:
            return metric(predefined.namespace, predefined.name, predefined.dimensions, predefined.statistic)
        custom = configuration["CustomizedMetricSpecification"]
        if "Metrics" not in custom:
            dimensions = {one["Name"]: one["Value"] for one in custom.get("Dimensions", ())}
            unit = {"Unit": custom["Unit"]} if "Unit" in custom else {}
            return metric(custom["Namespace"], custom["MetricName"], dimensions, custom["Statistic"]) | unit
        return {
            "Metrics": [
                query | ({"MetricStat": {**query["MetricStat"], "Period": MINUTE_S}} if "MetricStat" in query else {})
                for query in custom["Metrics"]
            ]
        }

    # ---- steps --------------------------------------------------------------------------------------------------

    def _tracking(self, place: Place, configuration: dict[str, Any]) -> Tracking:
        of_utilization = isinstance(self._predefined(place, configuration), Utilization)
        return Tracking(float(configuration["TargetValue"]), of_utilization)

    def _predefined(self, place: Place, configuration: dict[str, Any]) -> Utilization | Measure | None:
        predefined = configuration.get("PredefinedMetricSpecification")
        if predefined is None:
            return None
        return self._dimension(place[2], place[4]).predefined(place[3], predefined["PredefinedMetricType"])

    def _cooldown_ms(self, place: Place, policy: Policy, member: str) -> int:
        default = self._dimension(place[2], place[4]).cooldown_s
        return int(policy.configuration.get(member, default)) * 1000

    def _policies(self, place: Place) -> Iterator[tuple[str, Policy]]:
        for key, policy in self._tables.policies.scan(place):
            yield key[5], policy


def _within(target: Target, capacity: int) -> Decision:
    if capacity < target.minimum:
        return Decision(target.minimum, cause=f"minimum capacity was set to {target.minimum}")
    if capacity > target.maximum:
        return Decision(target.maximum, cause=f"maximum capacity was set to {target.maximum}")
    return Decision(capacity)


def _raised(target: Target, wanted: int, capacity: int) -> Decision:
    if wanted <= capacity:
        return Decision(capacity, "AlreadyAtDesiredCapacity")
    if capacity >= target.maximum:
        return Decision(capacity, "AlreadyAtMaxCapacity")
    return Decision(min(wanted, target.maximum))


def _lowered(target: Target, wanted: int, capacity: int) -> Decision:
    if capacity <= target.minimum:
        return Decision(capacity, "AlreadyAtMinCapacity")
    if wanted >= capacity:
        return Decision(capacity, "AlreadyAtDesiredCapacity")
    return Decision(max(wanted, target.minimum))


def _step_cooldown_ms(policy: Policy) -> int:
    return int(policy.configuration.get("Cooldown", stepping.COOLDOWN_S)) * 1000


def metric(namespace: str, name: str, dimensions: dict[str, str], statistic: str) -> dict[str, Any]:
    """A metric by the minute, as PutMetricAlarm takes it."""
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Statistic": statistic,
        "Period": MINUTE_S,
    }


def _queries(watched: dict[str, Any]) -> list[dict[str, Any]]:
    """What is watched, as GetMetricData takes it."""
    if "Metrics" in watched:
        queries: list[dict[str, Any]] = watched["Metrics"]
        return queries
    names = {name: watched[name] for name in ("Namespace", "MetricName", "Dimensions")}
    stat = {"Metric": names, "Period": watched["Period"], "Stat": watched["Statistic"]}
    return [{"Id": "m", "MetricStat": stat | ({"Unit": watched["Unit"]} if "Unit" in watched else {})}]
