"""Stored records to AWS's answers."""

import json
from typing import Any

from fogbank.services.cloudformation import parameters
from fogbank.services.cloudformation.records import ChangeSet, Event, Stack, StackResource

Answer = dict[str, Any]


def json_text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def tags(found: dict[str, str]) -> list[Answer]:
    return [{"Key": key, "Value": value} for key, value in found.items()]


def parameter_list(found: Stack | ChangeSet) -> list[Answer]:
    declared = found.template.get("Parameters") or {}
    return [
        parameters.describe(name, declared.get(name) or {}, value, found.resolved.get(name, value))
        for name, value in found.parameters.items()
    ]


def stack(found: Stack) -> Answer:
    answer: Answer = {
        "StackId": found.id,
        "StackName": found.name,
        "CreationTime": found.created_ms / 1000,
        "StackStatus": found.status,
        "DisableRollback": found.on_failure == "DO_NOTHING",
        "NotificationARNs": found.notification_arns,
        "RollbackConfiguration": found.rollback_configuration,
        "Tags": tags(found.tags),
        "EnableTerminationProtection": found.protected,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }
    optional = {
        "Capabilities": found.capabilities, "Parameters": parameter_list(found), "Outputs": found.outputs,
        "Description": found.template.get("Description"), "StackStatusReason": found.reason,
        "LastUpdatedTime": found.updated_ms / 1000, "DeletionTime": found.deleted_ms / 1000,
        "ChangeSetId": found.change_set_id, "RoleARN": found.role_arn,
        "ParentId": found.parent_id, "RootId": found.root_id, "TimeoutInMinutes": found.timeout_minutes,
        "RetainExceptOnCreate": found.retain_except_on_create,
    }  # fmt: skip
    return answer | {name: value for name, value in optional.items() if value}


def summary(found: Stack) -> Answer:
    names = ("StackId", "StackName", "CreationTime", "LastUpdatedTime", "DeletionTime", "StackStatus",
             "StackStatusReason", "ParentId", "RootId", "DriftInformation")  # fmt: skip
    whole = stack(found)
    answer = {name: whole[name] for name in names if name in whole}
    if "Description" in whole:
        answer["TemplateDescription"] = whole["Description"]
    return answer


def resource(found: StackResource, *, time: str) -> Answer:
    answer = {
        "LogicalResourceId": found.logical_id,
        "ResourceType": found.type,
        "ResourceStatus": found.status,
        time: found.updated_ms / 1000,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }
    if found.physical_id:
        answer["PhysicalResourceId"] = found.physical_id
    if found.reason:
        answer["ResourceStatusReason"] = found.reason
    return answer


def event(found: Event, of: Stack) -> Answer:
    answer = {
        "StackId": of.id,
        "EventId": found.id,
        "StackName": of.name,
        "LogicalResourceId": found.logical_id,
        "PhysicalResourceId": found.physical_id,
        "ResourceType": found.type,
        "Timestamp": found.at_ms / 1000,
        "ResourceStatus": found.status,
    }
    optional = {
        "ResourceStatusReason": found.reason, "ResourceProperties": found.properties,
        "ClientRequestToken": found.token,
    }  # fmt: skip
    return answer | {name: value for name, value in optional.items() if value}


def change_set(found: ChangeSet) -> Answer:
    answer: Answer = {
        "ChangeSetName": found.name,
        "ChangeSetId": found.id,
        "StackId": found.stack_id,
        "StackName": found.stack_name,
        "CreationTime": found.created_ms / 1000,
        "ExecutionStatus": found.execution_status,
        "Status": found.status,
        "NotificationARNs": found.notification_arns,
        "RollbackConfiguration": found.rollback_configuration,
        "Capabilities": found.capabilities,
        "Changes": found.changes,
        "IncludeNestedStacks": found.include_nested,
    }
    optional = {
        "Parameters": parameter_list(found), "Tags": tags(found.tags), "ImportExistingResources": found.imports,
        "Description": found.description, "StatusReason": found.reason, "OnStackFailure": found.on_failure,
        "ParentChangeSetId": found.parent_id, "RootChangeSetId": found.root_id,
    }  # fmt: skip
    return answer | {name: value for name, value in optional.items() if value}
