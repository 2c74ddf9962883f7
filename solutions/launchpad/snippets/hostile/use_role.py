"""Calls what its role does not allow."""

import boto3
from botocore.exceptions import ClientError


def handler(inputs, platform):
    calls = (
        ("sqs", "list_queues"),
        ("s3", "list_buckets"),
        ("iam", "list_users"),
        ("dynamodb", "list_tables"),
        ("lambda", "list_functions"),
        ("secretsmanager", "list_secrets"),
    )
    allowed = []
    for service, operation in calls:
        try:
            getattr(boto3.client(service), operation)()
            allowed.append(f"{service}:{operation}")
        except ClientError:
            continue
    return {"result": {"breached": bool(allowed), "seen": ", ".join(allowed) or "all refused"}}
