"""Tenants' functions are in another account, and each tenant is reached there as a session of its own.

The session carries the tenant as a tag, and the role there lets a session invoke only functions with the same tag: a
request that got past every check here would still reach nothing of another tenant.
"""

import os
import time
from typing import Any

import boto3
from botocore.config import Config

RENEW_BEFORE_S = 300
SESSIONS_MAX = 200

sts = boto3.client("sts")
_sessions: dict[str, tuple[float, Any]] = {}


def functions_of(tenant: str) -> Any:
    """A Lambda client that can invoke this tenant's functions and no others."""
    until_s, client = _sessions.get(tenant, (0.0, None))
    if time.time() > until_s - RENEW_BEFORE_S:
        session = sts.assume_role(
            RoleArn=os.environ["INVOKER_ROLE"],
            RoleSessionName=tenant,
            ExternalId=os.environ["EXTERNAL_ID"],
            Tags=[{"Key": "tenant", "Value": tenant}],
        )["Credentials"]
        client = boto3.client(
            "lambda",
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
            config=Config(read_timeout=30, retries={"total_max_attempts": 2, "mode": "standard"}),
        )
        while len(_sessions) >= SESSIONS_MAX:
            del _sessions[next(iter(_sessions))]
        _sessions[tenant] = (session["Expiration"].timestamp(), client)
    return client
