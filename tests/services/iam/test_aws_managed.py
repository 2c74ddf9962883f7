"""The managed policies that AWS gives to every account."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.identity_policy_grammar import check_identity_policy
from fogbank.services.iam.aws_managed import aws_managed_policies

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}'
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture
def iam(aws: Any) -> Any:
    return aws("iam")


def test_a_policy_of_aws_has_its_contents(iam: Any) -> None:
    policy = iam.get_policy(PolicyArn=BASIC)["Policy"]
    assert (policy["PolicyName"], policy["Path"]) == ("AWSLambdaBasicExecutionRole", "/service-role/")
    assert policy["PolicyId"] == "ANPAJNCQGXC42545SKXIK"
    version = iam.get_policy_version(PolicyArn=BASIC, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ]


def test_attachments_of_a_policy_of_aws_are_counted_in_each_account(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=BASIC)
    iam.attach_role_policy(RoleName="r", PolicyArn=BASIC)
    policy = iam.get_policy(PolicyArn=BASIC)["Policy"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (1, 1)
    attached = iam.list_policies(Scope="AWS", OnlyAttached=True)["Policies"]
    assert [row["Arn"] for row in attached] == [BASIC]
    assert [row["Arn"] for row in iam.list_policies(PolicyUsageFilter="PermissionsBoundary")["Policies"]] == [BASIC]


def test_policies_of_aws_are_listed_a_page_at_a_time(iam: Any) -> None:
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 1000})
    names = [row["PolicyName"] for each in pages for row in each["Policies"]]
    assert len(names) == len(set(names)) > 1000
    assert {"AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "AWSDenyAll", "ViewOnlyAccess"} <= set(names)


@pytest.mark.parametrize("change", ["delete_policy", "tag_policy"])
def test_a_policy_of_aws_is_changed_by_nobody(iam: Any, change: str) -> None:
    given: dict[str, Any] = {"Tags": [{"Key": "a", "Value": "b"}]} if change == "tag_policy" else {}
    with pytest.raises(ClientError, match=rf"AccessDenied.*on resource: policy {BASIC}"):
        getattr(iam, change)(PolicyArn=BASIC, **given)


def test_a_policy_for_a_service_linked_role_is_for_no_other(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    arn = "arn:aws:iam::aws:policy/aws-service-role/CloudTrailServiceRolePolicy"
    with pytest.raises(ClientError, match=r"PolicyNotAttachable.*Cannot attach a Service Role Policy"):
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)


def test_all_policies_of_aws_are_well_formed() -> None:
    for policy in aws_managed_policies().values():
        check_identity_policy(policy.versions[0].document, managed=True)
