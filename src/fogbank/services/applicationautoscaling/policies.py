"""Scaling policies, and the alarms of those that track a target.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.ids import new_id
from fogbank.core.scaling import Dimension, Utilization
from fogbank.core.service import Answer
from fogbank.services.applicationautoscaling import stepping
from fogbank.services.applicationautoscaling.base import PAGE_MAX, check_filter, described, wanted_by
from fogbank.services.applicationautoscaling.decisions import Decisions, metric
from fogbank.services.applicationautoscaling.errors import Invalid, ObjectNotFound
from fogbank.services.applicationautoscaling.records import STEPS, TRACKING, Occasion, Place, Policy
from fogbank.services.applicationautoscaling.tracking import HIGH, LOW, LOW_PERIODS

_MEMBERS = {TRACKING: "TargetTrackingScalingPolicyConfiguration", STEPS: "StepScalingPolicyConfiguration"}
CAPACITY_HIGH, CAPACITY_LOW = "ProvisionedCapacityHigh", "ProvisionedCapacityLow"
UTILIZATION_LIMITS = (20, 90)  # UpdateTableReplicaAutoScaling: "between 20 and 90"
_CAPACITY_PERIOD_S, _CAPACITY_PERIODS = 300, 3


class Policies(Decisions):
    """The operations on scaling policies of `ApplicationAutoScalingService`, and what their alarms call."""

    def put_scaling_policy(
        self,
        ctx: Context,
        *,
        PolicyName: str,
        ServiceNamespace: str,
        ResourceId: str,
        ScalableDimension: str,
        PolicyType: str | None = None,
        StepScalingPolicyConfiguration: dict[str, Any] | None = None,
        TargetTrackingScalingPolicyConfiguration: dict[str, Any] | None = None,
    ) -> Answer:
        place = self._place(ctx, ServiceNamespace, ResourceId, ScalableDimension)
        dimension = self._dimension(ServiceNamespace, ScalableDimension)
        self._target(place)
        known = self._tables.policies.get((*place, PolicyName))
        kind = PolicyType or (known.kind if known is not None else STEPS)
        _check_kind(dimension, kind, known)
        given = {TRACKING: TargetTrackingScalingPolicyConfiguration, STEPS: StepScalingPolicyConfiguration}
        for other, unwanted in given.items():
            if unwanted is not None and other != kind:  # AWS's sentences are not published.
                raise Invalid(f"{_MEMBERS[other]} is not for policies of type {kind}.")
        configuration = given[kind] or (known.configuration if known else None)
        if configuration is None:
            raise Invalid(f"{_MEMBERS[kind]} must be specified.")
        policy = known or Policy(
            arn=ctx.arn(
                "autoscaling",
                f"scalingPolicy:{new_id()}:resource/{ServiceNamespace}/{ResourceId}:policyName/{PolicyName}",
            ),
            configuration={},
            created_ms=ctx.now_ms,
            kind=kind,
        )
        policy.configuration = configuration
        if kind == STEPS:
            stepping.check(configuration)
        else:
            self._check(place, PolicyName, configuration)
            capacity = self._capacity_at_once(ctx, place)
            try:
                self._watch(ctx, place, policy, capacity)
            except AwsError as error:  # CloudWatch's alarms cannot be made of such a metric.
                raise Invalid(error.message) from None
        self._tables.policies.put((*place, PolicyName), policy)
        return {"PolicyARN": policy.arn, "Alarms": self._alarms_answer(ctx, policy)}

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
                "PolicyType": policy.kind,
                _MEMBERS[policy.kind]: policy.configuration,
                "Alarms": self._alarms_answer(ctx, policy),
                "CreationTime": policy.created_ms / 1000,
            }
            for key, policy in rows
        ]
        return {"ScalingPolicies": answers, **token}

    # ---- scaling ------------------------------------------------------------------------------------------------

    def alarm_rang(
        self, ctx: Context, *, policy_arn: str, alarm_name: str, state: str, values: list[float], threshold: float
    ) -> None:
        """What CloudWatch calls, in its transaction, when an alarm comes into a state for which it names the policy,
        and each minute for as long as it stays there. `values` are those that it was decided from, if they are known.
        """
        found = self._by_arn_of_policy(ctx, policy_arn)
        if found is None:
            raise ObjectNotFound(f"There is no scaling policy {policy_arn}")
        place, name = found
        self._target(place)
        self._respond(ctx, Occasion(place, name, alarm_name, state, values, threshold))
        policy = self._tables.policies.get((*place, name))
        if policy is not None and policy.capacity and policy.capacity != self._capacity_at_once(ctx, place):
            self._watch(ctx, place, policy, self._capacity_at_once(ctx, place))
            self._tables.policies.put((*place, name), policy)

    # ---- what is watched ----------------------------------------------------------------------------------------

    def _watch(self, ctx: Context, place: Place, policy: Policy, capacity: int | None) -> None:
        """Make the policy's alarms, or set them to the capacity; a metric of one's own does not depend on it."""
        tracking = self._tracking(place, policy.configuration)
        high, low = tracking.thresholds(capacity or 0)
        watched = self._watched(place, policy.configuration)
        rules = {HIGH: _rule(">", high, tracking.high_periods, watched)}
        if not policy.configuration.get("DisableScaleIn"):
            rules[LOW] = _rule("<", low, LOW_PERIODS, watched)
        utilization = self._predefined(place, policy.configuration)
        if isinstance(utilization, Utilization):
            assert capacity is not None, "a utilization has a capacity that is known"
            provisioned = metric(utilization.namespace, utilization.provisioned, utilization.dimensions, "Average")
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
        policy.capacity = capacity or 0

    # ---- steps --------------------------------------------------------------------------------------------------

    def _check(self, place: Place, name: str, configuration: dict[str, Any]) -> None:
        predefined = configuration.get("PredefinedMetricSpecification")
        custom = configuration.get("CustomizedMetricSpecification")
        # AWS's sentences are not published, but for the last one.
        if (predefined is None) == (custom is None):
            raise Invalid(
                "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified."
            )
        measured = self._predefined(place, configuration)
        if predefined is not None and measured is None:
            raise Invalid(f"The metric {predefined['PredefinedMetricType']} is not one of {place[4]}.")
        if custom is not None and not (
            "Metrics" in custom or {"MetricName", "Namespace", "Statistic"} <= custom.keys()
        ):
            raise Invalid("A customized metric needs a MetricName, a Namespace and a Statistic, or Metrics.")
        value = configuration["TargetValue"]
        if measured is not None:
            least, most = UTILIZATION_LIMITS if isinstance(measured, Utilization) else (measured.least, measured.most)
            if not least <= value <= most:
                raise Invalid(f"The target value must be between {least} and {most}.")
        if value <= 0:
            raise Invalid("The target value must be greater than 0.")
        specification = (predefined, custom)
        for other, policy in self._policies(place):
            known = policy.configuration if policy.kind == TRACKING else {}
            if other != name and specification == (
                known.get("PredefinedMetricSpecification"),
                known.get("CustomizedMetricSpecification"),
            ):
                raise Invalid("Only one TargetTrackingScaling policy for a given metric specification is allowed.")

    def _alarms_answer(self, ctx: Context, policy: Policy) -> list[dict[str, str]]:
        """The alarms of the policy: those it made, or those that somebody gave it to as an action."""
        names = list(policy.alarms.values())
        if policy.kind == STEPS:
            found = self.cloud.cloudwatch.describe_alarms(ctx, ActionPrefix=policy.arn)["MetricAlarms"]
            names = [alarm["AlarmName"] for alarm in found]
        return [{"AlarmName": name, "AlarmARN": ctx.arn("cloudwatch", f"alarm:{name}")} for name in names]

    def _by_arn_of_policy(self, ctx: Context, arn: str) -> tuple[Place, str] | None:
        """An ARN names the namespace and the resource: `…:resource/dynamodb/table/t:policyName/p`."""
        namespace, _, resource = arn.partition(":resource/")[2].rpartition(":policyName/")[0].partition("/")
        for key, policy in self._tables.policies.scan((ctx.account, ctx.region, namespace, resource)):
            if policy.arn == arn:
                return (key[0], key[1], key[2], key[3], key[4]), key[5]
        return None

    def _drop_policies(self, ctx: Context, place: Place) -> None:
        for name, policy in list(self._policies(place)):
            self._drop(ctx, place, name, policy)

    def _drop(self, ctx: Context, place: Place, name: str, policy: Policy) -> None:
        if policy.alarms:
            self.cloud.cloudwatch.delete_alarms(ctx, AlarmNames=list(policy.alarms.values()))
        self._tables.policies.delete((*place, name))


def _check_kind(dimension: Dimension, kind: str, known: Policy | None) -> None:
    if kind == "PredictiveScaling":
        raise NotImplementedInFogbank("Fogbank has no policies of type PredictiveScaling.")
    if kind == STEPS and not dimension.steps:
        # AWS's sentences are not published.
        raise Invalid(f"The policy type {kind} is not supported for {dimension.name}.")
    if known is not None and known.kind != kind:
        raise Invalid(f"The type of a scaling policy cannot be changed: it is {known.kind}.")


def _rule(sign: str, threshold: float, periods: int, metric: dict[str, Any]) -> dict[str, Any]:
    comparison = "GreaterThanThreshold" if sign == ">" else "LessThanThreshold"
    return {"ComparisonOperator": comparison, "Threshold": float(threshold), "EvaluationPeriods": periods, **metric}
