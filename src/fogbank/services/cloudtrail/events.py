"""Events as CloudTrail tells them, made of the entries of the audit record.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import json
from typing import Any, NamedTuple

from fogbank.core.arn import parse_arn
from fogbank.core.audit import Entry
from fogbank.core.cloud import AccessKey
from fogbank.core.json_text import parse
from fogbank.core.moments import iso_seconds

VERSION = "1.11"

# Where the source is not called as the service is in the SDKs.
_SOURCES = {
    "application-autoscaling": "autoscaling",
    "cloudwatch": "monitoring",
    "dynamodbstreams": "dynamodb",
    "resourcegroupstaggingapi": "tagging",
}
# Parameters that name a resource, with its type.
_NAMED = {
    ("cloudformation", "stackName"): "AWS::CloudFormation::Stack",
    ("cloudtrail", "name"): "AWS::CloudTrail::Trail",
    ("dynamodb", "tableName"): "AWS::DynamoDB::Table",
    ("events", "name"): "AWS::Events::Rule",
    ("iam", "groupName"): "AWS::IAM::Group",
    ("iam", "policyArn"): "AWS::IAM::Policy",
    ("iam", "roleName"): "AWS::IAM::Role",
    ("iam", "userName"): "AWS::IAM::User",
    ("kinesis", "streamName"): "AWS::Kinesis::Stream",
    ("kms", "keyId"): "AWS::KMS::Key",
    ("lambda", "functionName"): "AWS::Lambda::Function",
    ("logs", "logGroupName"): "AWS::Logs::LogGroup",
    ("s3", "bucketName"): "AWS::S3::Bucket",
    ("secretsmanager", "secretId"): "AWS::SecretsManager::Secret",
    ("sns", "topicArn"): "AWS::SNS::Topic",
    ("sqs", "queueName"): "AWS::SQS::Queue",
    ("sqs", "queueUrl"): "AWS::SQS::Queue",
    ("ssm", "name"): "AWS::SSM::Parameter",
    ("sts", "roleArn"): "AWS::IAM::Role",
}


class Event(NamedTuple):
    """An entry with where and when it was made."""

    account: str
    region: str
    at_ms: int
    entry: Entry
    key: AccessKey | None
    """The access key that signed, if it is still known."""

    @property
    def source(self) -> str:
        return f"{_SOURCES.get(self.entry.service, self.entry.service)}.amazonaws.com"

    @property
    def user_name(self) -> str:
        """The user, or the session of a role; of the account's root `root`."""
        principal = self.entry.principal
        return "root" if principal.endswith(":root") else principal.rpartition("/")[2] or principal

    @property
    def parameters(self) -> dict[str, Any]:
        return _told(self.entry.service, self.entry.parameters) or {}

    def resources(self) -> list[dict[str, str]]:
        """What it was about, by type and name."""
        named = [
            {"ResourceType": _NAMED[self.entry.service, name], "ResourceName": value}
            for name, value in self.parameters.items()
            if (self.entry.service, name) in _NAMED and isinstance(value, str)
        ]
        known = {row["ResourceName"] for row in named}
        return named + [{"ResourceName": arn} for arn in self.entry.resources if arn not in known]

    def document(self) -> dict[str, Any]:
        """The event as files, log streams and `CloudTrailEvent` have it."""
        entry = self.entry
        document: dict[str, Any] = {
            "eventVersion": VERSION,
            "userIdentity": self._user_identity(),
            "eventTime": iso_seconds(self.at_ms),
            "eventSource": self.source,
            "eventName": entry.operation,
            "awsRegion": self.region,
            "sourceIPAddress": entry.invoked_by or entry.peer,
            "userAgent": entry.agent,
        }
        if entry.error:
            document |= {"errorCode": entry.error}
            document |= {"errorMessage": entry.error_message} if entry.error_message else {}
        document |= {
            "requestParameters": self.parameters or None,
            "responseElements": _told(entry.service, entry.answer) or None,
            "requestID": entry.request_id,
            "eventID": entry.id,
            "readOnly": entry.read_only,
        }
        if entry.resources:
            document["resources"] = [
                {"ARN": arn, "accountId": _account_in(arn, self.account)} for arn in entry.resources
            ]
        return document | {
            "eventType": "AwsApiCall",
            "managementEvent": not entry.data,
            "recipientAccountId": self.account,
            "eventCategory": "Data" if entry.data else "Management",
        }

    def text(self) -> str:
        return json.dumps(self.document(), separators=(",", ":"))

    def _user_identity(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"""
        entry = self.entry
        if not entry.principal.startswith("arn:"):
            return {"type": "AWSService", "invokedBy": entry.principal} if entry.principal else {"type": "Unknown"}
        account = _account_in(entry.principal, self.account)
        user_id = entry.user_id or (self.key.user_id if self.key is not None else "")
        identity: dict[str, Any] = {
            "type": _kind(entry.principal),
            "principalId": user_id or account,
            "arn": entry.principal,
            "accountId": account,
        }
        if entry.access_key:
            identity["accessKeyId"] = entry.access_key
        if identity["type"] == "IAMUser":
            identity["userName"] = self.user_name
        issued_ms = entry.session_ms or (self.key.issued_ms if self.key is not None else 0)
        if issued_ms:
            identity["sessionContext"] = self._session(identity["type"], account, user_id, issued_ms)
        return identity | ({"invokedBy": entry.invoked_by} if entry.invoked_by else {})

    def _session(self, kind: str, account: str, user_id: str, issued_ms: int) -> dict[str, Any]:
        attributes = {"creationDate": iso_seconds(issued_ms), "mfaAuthenticated": str(self.entry.mfa).lower()}
        if kind != "AssumedRole":
            return {"attributes": attributes}
        name = self.entry.principal.split("/")[1]
        issuer = {
            "type": "Role",
            "principalId": user_id.partition(":")[0],
            "arn": self.entry.session_of or f"arn:aws:iam::{account}:role/{name}",
            "accountId": account,
            "userName": name,
        }
        return {"sessionIssuer": issuer, "attributes": attributes}


def _kind(principal: str) -> str:
    for mark, kind in ((":assumed-role/", "AssumedRole"), (":federated-user/", "FederatedUser"), (":user/", "IAMUser")):
        if mark in principal:
            return kind
    return "Root"


def _account_in(arn: str, otherwise: str) -> str:
    parsed = parse_arn(arn)
    return parsed.account if parsed is not None and parsed.account else otherwise


def _told(service: str, text: str) -> dict[str, Any] | None:
    """Parameters or an answer, their names as CloudTrail writes them."""
    told = parse(text) if text else None
    if not isinstance(told, dict):
        return None
    named: dict[str, Any] = _lowered(told)
    if service == "s3" and "bucket" in named:
        named["bucketName"] = named.pop("bucket")
    return named


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _lowered(one) for name, one in value.items()}
    return [_lowered(one) for one in value] if isinstance(value, list) else value
