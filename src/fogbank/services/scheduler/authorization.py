"""What EventBridge Scheduler's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
"""

from fogbank.core.authorization import Authorization, Parameters, alike, need, pass_role
from fogbank.core.context import Context

_GROUP = "arn:{partition}:scheduler:{region}:{account}:schedule-group/{Name}"
_IN_GROUP = "arn:{partition}:scheduler:{region}:{account}:schedule/{Name}/*"
_ROLE = pass_role("Target.RoleArn", to="scheduler.amazonaws.com")


def _schedule(ctx: Context, parameters: Parameters) -> str:
    group = parameters.get("GroupName") or "default"
    return ctx.arn("scheduler", f"schedule/{group}/{parameters.get('Name', '*')}")


AUTHORIZATION = Authorization(
    "scheduler",
    operations={
        **alike("CreateSchedule UpdateSchedule", (need(_schedule), _ROLE)),
        **alike("DeleteSchedule GetSchedule", need(_schedule)),
        **alike("ListScheduleGroups ListSchedules", need("*")),
        "CreateScheduleGroup": need(_GROUP, tags="Tags"),
        "DeleteScheduleGroup": (need(_GROUP), need(_IN_GROUP, action="DeleteSchedule")),
        "GetScheduleGroup": need(_GROUP),
        "ListTagsForResource": need("{ResourceArn}"),
        "TagResource": need("{ResourceArn}", tags="Tags"),
        "UntagResource": need("{ResourceArn}", tag_keys="TagKeys"),
    },
)
