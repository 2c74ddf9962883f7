"""Target tracking policies: their alarms, and what is done when these go off.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
"""

from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.ids import new_id
from fogbank.core.scaling import Utilization
from fogbank.core.service import Answer
from fogbank.services.applicationautoscaling.base import PAGE_MAX, ScalingBase, check_filter, described, wanted_by
from fogbank.services.applicationautoscaling.errors import Invalid, ObjectNotFound
from fogbank.services.applicationautoscaling.records import Place, Policy, Target
from fogbank.services.applicationautoscaling.tracking import HIGH, LOW, LOW_PERIODS, MINUTE_S, Tracking

KIND = "TargetTrackingScaling"
CAPACITY_HIGH, CAPACITY_LOW = "ProvisionedCapacityHigh", "ProvisionedCapacityLow"
UTILIZATION_MIN, UTILIZATION_MAX = 20, 90  # UpdateTableReplicaAutoScaling: "between 20 and 90"
_CAPACITY_PERIOD_S, _CAPACITY_PERIODS = 300, 3


class Policies(ScalingBase):
    """The operations on scaling policies of `ApplicationAutoScalingService`, and the scaling."""

    def put_scaling_policy(
        self,
        ctx: Context,
        *,
        PolicyName: str,
        ServiceNamespace: str,
        ResourceId: str,
        ScalableDimension: str,
        PolicyType: str | None = None,
        TargetTrackingScalingPolicyConfiguration: dict[str, Any] | None = None,
    ) -> Answer:
        place = self._place(ctx, ServiceNamespace, ResourceId, ScalableDimension)
        dimension = self._dimension(ServiceNamespace, ScalableDimension)
        self._target(place)
        known = self._tables.policies.get((*place, PolicyName))
        kind = PolicyType or (KIND if known is not None else "StepScaling")
        if kind != KIND:
            # AWS's sentence is not published; no resource that Fogbank can scale has policies of other types.
            raise Invalid(f"The policy type {kind} is not supported for {ScalableDimension}.")
        configuration = TargetTrackingScalingPolicyConfiguration or (known.configuration if known else None)
        if configuration is None:
            raise Invalid("TargetTrackingScalingPolicyConfiguration must be specified.")  # not published
        self._check(place, PolicyName, configuration)
        policy = known or Policy(
            arn=ctx.arn(
                "autoscaling",
                f"scalingPolicy:{new_id()}:resource/{ServiceNamespace}/{ResourceId}:policyName/{PolicyName}",
            ),
            configuration={},
            created_ms=ctx.now_ms,
        )
        policy.configuration = configuration
        capacity = dimension.capacity(ctx, ResourceId)
        try:
            self._watch(ctx, place, policy, capacity)
        except AwsError as error:  # CloudWatch's alarms cannot be made of such a metric.
            raise Invalid(error.message) from None
        self._tables.policies.put((*place, PolicyName), policy)
        return {"PolicyARN": policy.arn, "Alarms": _alarms_answer(ctx, policy)}

    def delete_scaling_policy(
        self, ctx: Context, *, PolicyName: str, ServiceNamespace: str, ResourceId: str, ScalableDimension: str
    ) -> Answer:
        place = self._place(ctx, ServiceNamespace, ResourceId, ScalableDimension)
        policy = self._tables.policies.get((*place, PolicyName))
        if policy is None:
            raise ObjectNotFound(f"No scaling policy found for {described(place)}: {PolicyName}")
        self._drop(ctx, place, PolicyName, policy)
        return {}

    def describe_scaling_policies(
        self,
        ctx: Context,
        *,
        ServiceNamespace: str,
        PolicyNames: list[str] | None = None,
        ResourceId: str | None = None,
        ScalableDimension: str | None = None,
        MaxResults: int = PAGE_MAX,
        NextToken: str | None = None,
    ) -> Answer:
        check_filter(ResourceId, ScalableDimension)
        rows, token = self._page(
            ctx,
            self._tables.policies,
            ServiceNamespace,
            NextToken,
            MaxResults,
            wanted=wanted_by(ResourceId, ScalableDimension, PolicyNames),
        )
        answers = [
            {
                "PolicyARN": policy.arn,
                "PolicyName": key[5],
                "ServiceNamespace": key[2],
                "ResourceId": key[3],
                "ScalableDimension": key[4],
                "PolicyType": KIND,
                "TargetTrackingScalingPolicyConfiguration": policy.configuration,
                "Alarms": _alarms_answer(ctx, policy),
                "CreationTime": policy.created_ms / 1000,
            }
            for key, policy in rows
        ]
        return {"ScalingPolicies": answers, **token}

    # ---- scaling ------------------------------------------------------------------------------------------------

    def alarm_rang(self, ctx: Context, *, policy_arn: str, alarm_name: str) -> None:
        """What CloudWatch calls, each minute that one of the policy's alarms is in ALARM, in its transaction."""
        found = self._by_arn_of_policy(ctx, policy_arn)
        if found is None:
            raise ObjectNotFound(f"There is no scaling policy {policy_arn}")
        place, name, policy = found
        target = self._target(place)
        before = self._dimension(place[2], place[4]).capacity(ctx, place[3])
        purpose = next((purpose for purpose, alarm in policy.alarms.items() if alarm == alarm_name), "")
        wanted = before
        if purpose == HIGH and not target.suspended.get("DynamicScalingOutSuspended"):
            wanted = self._larger(ctx, place, target, policy, before)
        elif purpose == LOW and not target.suspended.get("DynamicScalingInSuspended"):
            wanted = self._smaller(ctx, place, target, policy, before)
        if wanted != before:
            cause = f"monitor alarm {alarm_name} in state ALARM triggered policy {name}"
            if self._scale(ctx, place, wanted, cause):
                self._note_scaling(ctx, policy, before, wanted)
        capacity = self._dimension(place[2], place[4]).capacity(ctx, place[3])
        if capacity != policy.capacity:
            self._watch(ctx, place, policy, capacity)
        self._tables.policies.put((*place, name), policy)

    def _larger(self, ctx: Context, place: Place, target: Target, policy: Policy, capacity: int) -> int:
        """The capacity to scale out to. What a scale-out has added counts until its cooldown is over."""
        tracking = self._tracking(place, policy.configuration)
        cooling = ctx.now_ms < policy.out_ms + _cooldown_ms(policy, "ScaleOutCooldown")
        values = self._values(ctx, place, policy, tracking.high_periods)
        wanted = tracking.wanted(policy.out_from if cooling else capacity, values[0] if values else 0)
        return max(min(wanted, target.maximum), capacity)

    def _smaller(self, ctx: Context, place: Place, target: Target, policy: Policy, capacity: int) -> int:
        """The capacity to scale in to: where nothing of the last minutes would have been too much."""
        if ctx.now_ms < policy.in_ms + _cooldown_ms(policy, "ScaleInCooldown"):
            return capacity
        if not all(self._is_low(ctx, other) for _, other in self._policies(place) if other.arn != policy.arn):
            return capacity
        tracking = self._tracking(place, policy.configuration)
        wanted = tracking.wanted(capacity, max(self._values(ctx, place, policy, LOW_PERIODS), default=0))
        return min(max(wanted, target.minimum), capacity)

    @staticmethod
    def _note_scaling(ctx: Context, policy: Policy, before: int, after: int) -> None:
        if after < before:
            policy.in_ms, policy.out_ms = ctx.now_ms, 0
            return
        policy.in_ms = 0  # A scale-out ends the cooldown of the last scale-in.
        if ctx.now_ms >= policy.out_ms + _cooldown_ms(policy, "ScaleOutCooldown"):
            policy.out_from = before
        policy.out_ms = ctx.now_ms

    def _is_low(self, ctx: Context, policy: Policy) -> bool:
        """Whether a policy that scales in has nothing against it."""
        if LOW not in policy.alarms:
            return True
        found = self.cloud.cloudwatch.describe_alarms(ctx, AlarmNames=[policy.alarms[LOW]])["MetricAlarms"]
        return bool(found) and found[0]["StateValue"] == "ALARM"

    # ---- what is watched ----------------------------------------------------------------------------------------

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
        utilization = self._utilization(place, configuration)
        if utilization is not None:
            return _metric(utilization.namespace, utilization.used, utilization.dimensions, "Sum")
        custom = configuration["CustomizedMetricSpecification"]
        if "Metrics" not in custom:
            dimensions = {one["Name"]: one["Value"] for one in custom.get("Dimensions", ())}
            unit = {"Unit": custom["Unit"]} if "Unit" in custom else {}
            return _metric(custom["Namespace"], custom["MetricName"], dimensions, custom["Statistic"]) | unit
        return {
            "Metrics": [
                query | ({"MetricStat": {**query["MetricStat"], "Period": MINUTE_S}} if "MetricStat" in query else {})
                for query in custom["Metrics"]
            ]
        }

    def _watch(self, ctx: Context, place: Place, policy: Policy, capacity: int) -> None:
        """Make the policy's alarms, or set them to the capacity."""
        tracking = self._tracking(place, policy.configuration)
        high, low = tracking.thresholds(capacity)
        watched = self._watched(place, policy.configuration)
        rules = {HIGH: _rule(">", high, tracking.high_periods, watched)}
        if not policy.configuration.get("DisableScaleIn"):
            rules[LOW] = _rule("<", low, LOW_PERIODS, watched)
        utilization = self._utilization(place, policy.configuration)
        if utilization is not None:
            provisioned = _metric(utilization.namespace, utilization.provisioned, utilization.dimensions, "Average")
            provisioned["Period"] = _CAPACITY_PERIOD_S
            rules[CAPACITY_HIGH] = _rule(">", capacity, _CAPACITY_PERIODS, provisioned)
            rules[CAPACITY_LOW] = _rule("<", capacity, _CAPACITY_PERIODS, provisioned)
        gone = [name for purpose, name in policy.alarms.items() if purpose not in rules]
        if gone:
            self.cloud.cloudwatch.delete_alarms(ctx, AlarmNames=gone)
        policy.alarms = {
            purpose: policy.alarms.get(purpose, f"TargetTracking-{place[3]}-{purpose}-{new_id()}") for purpose in rules
        }
        for purpose, rule in rules.items():
            self.cloud.cloudwatch.put_metric_alarm(
                ctx,
                AlarmName=policy.alarms[purpose],
                AlarmDescription=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
                AlarmActions=[policy.arn],
                **rule,
            )
        policy.capacity = capacity

    # ---- steps --------------------------------------------------------------------------------------------------

    def _check(self, place: Place, name: str, configuration: dict[str, Any]) -> None:
        predefined = configuration.get("PredefinedMetricSpecification")
        custom = configuration.get("CustomizedMetricSpecification")
        # AWS's sentences are not published, but for the last one.
        if (predefined is None) == (custom is None):
            raise Invalid(
                "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified."
            )
        if predefined is not None and self._utilization(place, configuration) is None:
            raise Invalid(f"The metric {predefined['PredefinedMetricType']} is not one of {place[4]}.")
        if custom is not None and not (
            "Metrics" in custom or {"MetricName", "Namespace", "Statistic"} <= custom.keys()
        ):
            raise Invalid("A customized metric needs a MetricName, a Namespace and a Statistic, or Metrics.")
        value = configuration["TargetValue"]
        if predefined is not None and not UTILIZATION_MIN <= value <= UTILIZATION_MAX:
            raise Invalid(f"The target value must be between {UTILIZATION_MIN} and {UTILIZATION_MAX}.")
        if value <= 0:
            raise Invalid("The target value must be greater than 0.")
        measured = (predefined, custom)
        for other, policy in self._policies(place):
            known = policy.configuration
            if other != name and measured == (
                known.get("PredefinedMetricSpecification"), known.get("CustomizedMetricSpecification")
            ):  # fmt: skip
                raise Invalid("Only one TargetTrackingScaling policy for a given metric specification is allowed.")

    def _tracking(self, place: Place, configuration: dict[str, Any]) -> Tracking:
        of_utilization = self._utilization(place, configuration) is not None
        return Tracking(float(configuration["TargetValue"]), of_utilization)

    def _utilization(self, place: Place, configuration: dict[str, Any]) -> Utilization | None:
        predefined = configuration.get("PredefinedMetricSpecification")
        if predefined is None:
            return None
        return self._dimension(place[2], place[4]).utilization(place[3], predefined["PredefinedMetricType"])

    def _policies(self, place: Place) -> Iterator[tuple[str, Policy]]:
        for key, policy in self._tables.policies.scan(place):
            yield key[5], policy

    def _by_arn_of_policy(self, ctx: Context, arn: str) -> tuple[Place, str, Policy] | None:
        """An ARN names the namespace and the resource: `…:resource/dynamodb/table/t:policyName/p`."""
        namespace, _, resource = arn.partition(":resource/")[2].rpartition(":policyName/")[0].partition("/")
        for key, policy in self._tables.policies.scan((ctx.account, ctx.region, namespace, resource)):
            if policy.arn == arn:
                return (key[0], key[1], key[2], key[3], key[4]), key[5], policy
        return None

    def _drop_policies(self, ctx: Context, place: Place) -> None:
        for name, policy in list(self._policies(place)):
            self._drop(ctx, place, name, policy)

    def _drop(self, ctx: Context, place: Place, name: str, policy: Policy) -> None:
        self.cloud.cloudwatch.delete_alarms(ctx, AlarmNames=list(policy.alarms.values()))
        self._tables.policies.delete((*place, name))


def _cooldown_ms(policy: Policy, member: str) -> int:
    """Where none is given it is none, as for DynamoDB on AWS."""
    return int(policy.configuration.get(member, 0)) * 1000


def _metric(namespace: str, name: str, dimensions: dict[str, str], statistic: str) -> dict[str, Any]:
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
    metric = {name: watched[name] for name in ("Namespace", "MetricName", "Dimensions")}
    stat = {"Metric": metric, "Period": watched["Period"], "Stat": watched["Statistic"]}
    return [{"Id": "m", "MetricStat": stat | ({"Unit": watched["Unit"]} if "Unit" in watched else {})}]


def _rule(sign: str, threshold: float, periods: int, metric: dict[str, Any]) -> dict[str, Any]:
    comparison = "GreaterThanThreshold" if sign == ">" else "LessThanThreshold"
    return {"ComparisonOperator": comparison, "Threshold": float(threshold), "EvaluationPeriods": periods, **metric}


def _alarms_answer(ctx: Context, policy: Policy) -> list[dict[str, str]]:
    return [{"AlarmName": name, "AlarmARN": ctx.arn("cloudwatch", f"alarm:{name}")} for name in policy.alarms.values()]
