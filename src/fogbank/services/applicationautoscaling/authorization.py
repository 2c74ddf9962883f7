"""What Application Auto Scaling's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
"""

from fogbank.core.authorization import Authorization, Parameters, alike, need, pass_role
from fogbank.core.context import Context

_KEYS = {
    "application-autoscaling:service-namespace": "{ServiceNamespace}",
    "application-autoscaling:scalable-dimension": "{ScalableDimension}",
}


def _target(ctx: Context, parameters: Parameters) -> str:
    names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    found: str = ctx.cloud.applicationautoscaling.arn_of(ctx, *(str(parameters.get(name, "")) for name in names))
    return found


AUTHORIZATION = Authorization(
    "application-autoscaling",
    operations={
        **alike(
            "DeleteScalingPolicy DeleteScheduledAction DeregisterScalableTarget PutScalingPolicy PutScheduledAction",
            need(_target, keys=_KEYS),
        ),
        **alike(
            "DescribeScalableTargets DescribeScalingActivities DescribeScalingPolicies DescribeScheduledActions",
            need("*"),
        ),
        "ListTagsForResource": need("{ResourceARN}"),
        "RegisterScalableTarget": (
            need(_target, tags="Tags", keys=_KEYS),
            need(_target, action="TagResource", when="Tags", tags="Tags"),
            pass_role("RoleARN", to="application-autoscaling.amazonaws.com"),
        ),
        "TagResource": need("{ResourceARN}", tags="Tags"),
        "UntagResource": need("{ResourceARN}", tag_keys="TagKeys"),
    },
)
