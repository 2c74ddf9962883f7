"""What CloudWatch's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from fogbank.core.authorization import Authorization, alike, need, pass_role

_ALARM = "arn:{partition}:cloudwatch:{region}:{account}:alarm:{AlarmName}"
_ALARMS = "arn:{partition}:cloudwatch:{region}:{account}:alarm:{AlarmNames[]}"
_DASHBOARD = "arn:{partition}:cloudwatch::{account}:dashboard/{DashboardName}"
_DASHBOARDS = "arn:{partition}:cloudwatch::{account}:dashboard/{DashboardNames[]}"
_STREAM = "arn:{partition}:cloudwatch:{region}:{account}:metric-stream/{Name}"
_STREAMS = "arn:{partition}:cloudwatch:{region}:{account}:metric-stream/{Names[]}"

AUTHORIZATION = Authorization(
    "cloudwatch",
    operations={
        **alike("DeleteAlarms DescribeAlarms DisableAlarmActions EnableAlarmActions", need(_ALARMS)),
        **alike("DescribeAlarmHistory SetAlarmState", need(_ALARM)),
        **alike(
            "PutCompositeAlarm PutMetricAlarm",
            need(_ALARM, tags="Tags", keys={"cloudwatch:AlarmActions": "{AlarmActions[]}"}),
        ),
        **alike("DeleteMetricStream GetMetricStream", need(_STREAM)),
        **alike("StartMetricStreams StopMetricStreams", need(_STREAMS)),
        **alike(
            "DescribeAlarmsForMetric GetMetricData GetMetricStatistics ListDashboards ListMetricStreams ListMetrics",
            need("*"),
        ),
        "DeleteDashboards": need(_DASHBOARDS),
        "GetDashboard": need(_DASHBOARD),
        "ListTagsForResource": need("{ResourceARN}"),
        "PutDashboard": need(_DASHBOARD),
        "PutMetricData": need("*", keys={"cloudwatch:namespace": "{Namespace}"}),
        "PutMetricStream": (
            need(_STREAM, tags="Tags"),
            pass_role("RoleArn", to="streams.metrics.cloudwatch.amazonaws.com"),
        ),
        "TagResource": need("{ResourceARN}", tags="Tags"),
        "UntagResource": need("{ResourceARN}", tag_keys="TagKeys"),
    },
)
