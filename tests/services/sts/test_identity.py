"""Who the caller is, and credentials that expire."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError


def sts_with(server: Any, credentials: dict[str, Any]) -> Any:
    return boto3.client(
        "sts",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def test_an_access_key_of_twelve_digits_is_that_account(aws: Any, account: str) -> None:
    identity = aws("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (account, f"arn:aws:iam::{account}:root")


def test_an_assumed_role_acts_in_the_account_of_the_role(aws: Any, server: Any) -> None:
    answer = aws("sts").assume_role(RoleArn="arn:aws:iam::222233334444:role/path/deploy", RoleSessionName="me")
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::222233334444:assumed-role/deploy/me"
    there = sts_with(server, answer["Credentials"])
    identity = there.get_caller_identity()
    there.close()
    assert identity["Account"] == "222233334444"
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]


def test_something_that_is_no_role_cannot_be_assumed(aws: Any) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        aws("sts").assume_role(RoleArn="arn:aws:iam::222233334444:user/me", RoleSessionName="me")


def test_a_session_token_belongs_to_the_caller(aws: Any, account: str, clock: Any) -> None:
    credentials = aws("sts").get_session_token(DurationSeconds=900)["Credentials"]
    assert aws("sts").get_access_key_info(AccessKeyId=credentials["AccessKeyId"])["Account"] == account
    assert abs(credentials["Expiration"].timestamp() - clock.now_ms() / 1000 - 900) < 60
