"""Alarms, dashboards and log filters from templates."""

import json
from typing import Any

TEMPLATE = {
    "Resources": {
        "High": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Namespace": "App",
                "MetricName": "errors",
                "Statistic": "Sum",
                "Period": "60",
                "EvaluationPeriods": 1,
                "Threshold": "2",
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
            },
        },
        "Main": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardName": "main", "DashboardBody": '{"widgets": []}'},
        },
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
        "Errors": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": {"Ref": "Group"},
                "FilterPattern": "{ $.level = ERROR }",
                "MetricTransformations": [
                    {
                        "MetricName": "errors",
                        "MetricNamespace": "App",
                        "MetricValue": "1",
                        "Dimensions": [{"Key": "Level", "Value": "$.level"}],
                    }
                ],
            },
        },
    }
}


def test_a_stack_makes_and_removes_them(aws: Any) -> None:
    stacks, cloudwatch, logs = aws("cloudformation"), aws("cloudwatch"), aws("logs")
    stacks.create_stack(StackName="s", TemplateBody=json.dumps(TEMPLATE), Tags=[{"Key": "team", "Value": "a"}])
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    (alarm,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert (alarm["Threshold"], alarm["Period"], alarm["TreatMissingData"]) == (2.0, 60, "notBreaching")
    tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    assert {"Key": "team", "Value": "a"} in tags
    assert cloudwatch.get_dashboard(DashboardName="main")["DashboardBody"] == '{"widgets": []}'
    (found,) = logs.describe_metric_filters()["metricFilters"]
    assert found["metricTransformations"][0]["dimensions"] == {"Level": "$.level"}
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 7
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert logs.describe_log_groups()["logGroups"] == []
