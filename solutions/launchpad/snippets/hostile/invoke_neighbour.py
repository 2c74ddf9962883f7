"""Invokes another tenant's function with its own credentials, past the platform."""

import boto3
from botocore.exceptions import ClientError


def handler(inputs, platform):
    try:
        boto3.client("lambda").invoke(FunctionName=inputs["target"]["function"], Payload=b"{}")
    except ClientError as error:
        return {"result": {"breached": False, "seen": error.response["Error"]["Code"]}}
    return {"result": {"breached": True, "seen": "it was invoked"}}
