"""Who the caller is, and credentials that expire."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}'


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


def test_a_session_passes_its_transitive_tags_on(aws: Any, server: Any) -> None:
    role = aws("iam").create_role(RoleName="one", AssumeRolePolicyDocument=TRUST, MaxSessionDuration=7200)["Role"][
        "Arn"
    ]
    tags = [{"Key": "Team", "Value": "a"}]
    first = aws("sts").assume_role(RoleArn=role, RoleSessionName="me", Tags=tags, TransitiveTagKeys=["Team"])
    session = sts_with(server, first["Credentials"])
    with pytest.raises(ClientError, match="conflicts with a transitive tag key from the calling session"):
        session.assume_role(RoleArn=role, RoleSessionName="me", Tags=[{"Key": "team", "Value": "b"}])
    with pytest.raises(ClientError, match="exceeds the 1 hour session limit"):
        session.assume_role(RoleArn=role, RoleSessionName="me", DurationSeconds=7200)
    session.close()


@pytest.mark.parametrize(
    ("tags", "transitive", "sentence"),
    [
        (["a", "A"], [], "Duplicate tag keys found"),
        (["a"], ["b"], "The specified transitive tag key must be included in the requested tags"),
    ],
)
def test_session_tags_are_checked(aws: Any, tags: list[str], transitive: list[str], sentence: str) -> None:
    given = [{"Key": key, "Value": "x"} for key in tags]
    role = "arn:aws:iam::222233334444:role/one"
    with pytest.raises(ClientError, match=f"InvalidParameterValue.*{sentence}"):
        aws("sts").assume_role(RoleArn=role, RoleSessionName="me", Tags=given, TransitiveTagKeys=transitive)


def test_a_role_limits_how_long_it_is_assumed(aws: Any, account: str) -> None:
    arn = aws("iam").create_role(RoleName="brief", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration set for this role"):
        aws("sts").assume_role(RoleArn=arn, RoleSessionName="me", DurationSeconds=7200)
    assumed = aws("sts").assume_role(RoleArn=arn, RoleSessionName="me")["AssumedRoleUser"]
    role_id = aws("iam").get_role(RoleName="brief")["Role"]["RoleId"]
    assert assumed["AssumedRoleId"] == f"{role_id}:me"


def test_a_federated_user_has_a_name_of_its_own(aws: Any, account: str) -> None:
    answer = aws("sts").get_federation_token(Name="guest")
    assert answer["FederatedUser"]["Arn"] == f"arn:aws:sts::{account}:federated-user/guest"


def test_an_access_key_of_aws_tells_its_account(aws: Any) -> None:
    # The example of AWS's guide to access key ids.
    assert aws("sts").get_access_key_info(AccessKeyId="ASIAY34FZKBOKMUTVV7A")["Account"] == "609629065308"


def test_a_role_that_is_missing_cannot_be_assumed(aws: Any, account: str) -> None:
    arn = f"arn:aws:iam::{account}:role/none"
    who = f"arn:aws:iam::{account}:root"
    sentence = f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    with pytest.raises(ClientError, match=f"AccessDenied.*{sentence}"):
        aws("sts").assume_role(RoleArn=arn, RoleSessionName="me")
