"""Destinations, deliveries, transformers and account policies from templates."""

import copy
import json
from typing import Any

from fogbank.core.tags import given

DENY = {"Effect": "Deny", "Principal": {"AWS": "333344445555"}, "Action": "logs:*"}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}},
        "Central": {
            "Type": "AWS::Logs::Destination",
            "Properties": {
                "DestinationName": "central",
                "RoleArn": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/r"},
                "TargetArn": {"Fn::GetAtt": ["Stream", "Arn"]},
                "DestinationPolicy": json.dumps({"Version": "2012-10-17", "Statement": [DENY]}),
            },
        },
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "orders"}},
        "Source": {
            "Type": "AWS::Logs::DeliverySource",
            "Properties": {"Name": "bus", "LogType": "ERROR_LOGS", "ResourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}},
        },
        "Kept": {
            "Type": "AWS::Logs::DeliveryDestination",
            "Properties": {
                "Name": "kept",
                "DestinationResourceArn": "arn:aws:s3:::kept",
                "OutputFormat": "json",
                "DeliveryDestinationPolicy": {
                    "DeliveryDestinationName": "kept",
                    "DeliveryDestinationPolicy": {"Version": "2012-10-17", "Statement": [DENY]},
                },
            },
        },
        "Joined": {
            "Type": "AWS::Logs::Delivery",
            "Properties": {
                "DeliverySourceName": {"Ref": "Source"},
                "DeliveryDestinationArn": {"Fn::GetAtt": ["Kept", "Arn"]},
                "S3SuffixPath": "logs/",
                "S3EnableHiveCompatiblePath": True,
            },
        },
    },
    "Outputs": {
        "Service": {"Value": {"Fn::GetAtt": ["Source", "Service"]}},
        "Type": {"Value": {"Fn::GetAtt": ["Joined", "DeliveryDestinationType"]}},
        "Central": {"Value": {"Fn::GetAtt": ["Central", "Arn"]}},
    },
}


def run(aws: Any, operation: str, template: dict[str, Any] | None = None, **given: Any) -> dict[str, str]:
    """Make, change or delete the stack; its outputs."""
    stacks = aws("cloudformation")
    body = {} if template is None else {"TemplateBody": json.dumps(template)}
    getattr(stacks, f"{operation}_stack")(StackName="s", **body, **given)
    stacks.get_waiter(f"stack_{operation}_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    if operation == "delete":
        return {}
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def test_a_stack_makes_changes_and_removes_destinations_and_deliveries(aws: Any) -> None:
    logs = aws("logs")
    outputs = run(aws, "create", TEMPLATE, Tags=[{"Key": "team", "Value": "core"}])
    assert (outputs["Service"], outputs["Type"]) == ("events", "S3")
    (destination,) = logs.describe_destinations()["destinations"]
    assert (destination["arn"], "Deny" in destination["accessPolicy"]) == (outputs["Central"], True)
    assert given(logs.list_tags_for_resource(resourceArn=outputs["Central"])["tags"]) == {"team": "core"}
    (delivery,) = logs.describe_deliveries()["deliveries"]
    assert delivery["s3DeliveryConfiguration"] == {"suffixPath": "logs/", "enableHiveCompatiblePath": True}
    assert given(delivery["tags"]) == {"team": "core"}
    assert "Deny" in str(logs.get_delivery_destination_policy(deliveryDestinationName="kept")["policy"])

    changed = copy.deepcopy(TEMPLATE)
    changed["Resources"]["Joined"]["Properties"]["RecordFields"] = ["event_id"]
    changed["Resources"]["Source"]["Properties"]["LogType"] = "TRACE_LOGS"
    del changed["Resources"]["Kept"]["Properties"]["DeliveryDestinationPolicy"]
    run(aws, "update", changed, Tags=[{"Key": "team", "Value": "edge"}])
    (again,) = logs.describe_deliveries()["deliveries"]
    assert (again["id"], again["recordFields"], given(again["tags"])) == (
        delivery["id"],
        ["event_id"],
        {"team": "edge"},
    )
    assert logs.get_delivery_source(name="bus")["deliverySource"]["logType"] == "TRACE_LOGS"
    assert logs.get_delivery_destination_policy(deliveryDestinationName="kept")["policy"] == {}

    run(aws, "delete")
    assert logs.describe_destinations()["destinations"] == []
    assert logs.describe_delivery_destinations()["deliveryDestinations"] == []
    assert logs.describe_delivery_sources()["deliverySources"] == []


def test_a_stack_makes_transformers_and_account_policies(aws: Any, clock: Any, account: str) -> None:
    logs = aws("logs")
    template = {
        "Resources": {
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/app"}},
            "Made": {
                "Type": "AWS::Logs::Transformer",
                "Properties": {
                    "LogGroupIdentifier": {"Ref": "Group"},
                    "TransformerConfig": [
                        {"ParseJSON": {}},
                        {"AddKeys": {"Entries": [{"Key": "a", "Value": "x", "OverwriteIfExists": True}]}},
                    ],
                },
            },
            "Filter": {
                "Type": "AWS::Logs::MetricFilter",
                "Properties": {
                    "LogGroupName": {"Ref": "Group"},
                    "FilterPattern": "{ $.a = x }",
                    "ApplyOnTransformedLogs": True,
                    "MetricTransformations": [{"MetricName": "m", "MetricNamespace": "N", "MetricValue": "1"}],
                },
            },
            "Others": {
                "Type": "AWS::Logs::AccountPolicy",
                "Properties": {
                    "PolicyName": "others",
                    "PolicyType": "TRANSFORMER_POLICY",
                    "PolicyDocument": '[{"csv": {}}]',
                    "SelectionCriteria": 'LogGroupNamePrefix = "/other"',
                },
            },
        },
        "Outputs": {"Policy": {"Value": {"Ref": "Others"}}},
    }
    outputs = run(aws, "create", template)
    assert outputs == {"Policy": f"{account}|TRANSFORMER_POLICY|others"}
    assert logs.get_transformer(logGroupIdentifier="/app")["transformerConfig"][1] == {
        "addKeys": {"entries": [{"key": "a", "value": "x", "overwriteIfExists": True}]}
    }
    logs.create_log_stream(logGroupName="/app", logStreamName="one")
    events = [{"timestamp": clock.now_ms(), "message": '{"a": "y"}'}]
    logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)
    assert len(aws("cloudwatch").list_metrics(Namespace="N")["Metrics"]) == 1
    run(aws, "delete")
    assert logs.describe_account_policies(policyType="TRANSFORMER_POLICY")["accountPolicies"] == []
