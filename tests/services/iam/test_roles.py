"""Roles."""

from typing import Any

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}'


def test_a_role_comes_back_as_it_was_made(aws: Any) -> None:
    iam = aws("iam")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}])
    role = iam.get_role(RoleName="reader")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == "sts:AssumeRole"
    assert role["Tags"] == [{"Key": "a", "Value": "b"}]
