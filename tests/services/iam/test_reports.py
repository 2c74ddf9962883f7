"""What an account has, at a glance."""

import csv
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}'
ALLOWS = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
READS = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def iam(aws: Any) -> Any:
    client = aws("iam")
    client.create_user(UserName="ann")
    return client


def test_the_credential_report_tells_what_each_user_has(iam: Any, account: str) -> None:
    with pytest.raises(ClientError, match="ReportNotPresent"):
        iam.get_credential_report()
    iam.create_login_profile(UserName="ann", Password="Secret-1234")
    iam.create_access_key(UserName="ann")
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    root, ann = csv.DictReader(report["Content"].decode().splitlines())
    assert (root["user"], root["arn"]) == ("<root_account>", f"arn:aws:iam::{account}:root")
    assert (ann["user"], ann["password_enabled"], ann["mfa_active"]) == ("ann", "true", "false")
    assert (ann["access_key_1_active"], ann["access_key_2_active"]) == ("true", "false")
    assert ann["access_key_2_last_rotated"] == "N/A"


def test_a_credential_report_is_good_for_four_hours(iam: Any, clock: Any) -> None:
    iam.generate_credential_report()
    clock.advance(s=4 * 3600)
    with pytest.raises(ClientError, match="ReportExpired"):
        iam.get_credential_report()
    assert iam.generate_credential_report()["State"] == "STARTED"


def test_the_authorization_details_have_everything_of_an_account(iam: Any, account: str) -> None:
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=ALLOWS)
    iam.create_policy(PolicyName="ours", PolicyDocument=ALLOWS)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="r", PolicyArn=READS)
    details = iam.get_account_authorization_details()
    (user,) = details["UserDetailList"]
    assert (user["GroupList"], user["UserPolicyList"][0]["PolicyDocument"]) == (["team"], json.loads(ALLOWS))
    (role,) = details["RoleDetailList"]
    assert role["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READS}]
    assert [row["GroupName"] for row in details["GroupDetailList"]] == ["team"]
    assert [row["Arn"] for row in details["Policies"]] == [f"arn:aws:iam::{account}:policy/ours", READS]
    assert details["Policies"][0]["PolicyVersionList"][0]["Document"] == json.loads(ALLOWS)
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["User", "Role"], PaginationConfig={"PageSize": 1}
    )
    assert [len(each["UserDetailList"]) + len(each["RoleDetailList"]) for each in pages] == [1, 1]
