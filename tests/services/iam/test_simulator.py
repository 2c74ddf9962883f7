"""The policy simulator."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = "arn:aws:s3:::b/key"


def policy(*statements: dict[str, Any], indent: int | None = None) -> str:
    whole = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": whole}, indent=indent)


READS = policy({"Action": "s3:Get*"})
DENIES = policy({"Effect": "Deny", "Action": "s3:*", "Resource": BUCKET})


@pytest.fixture
def iam(aws: Any) -> Any:
    return aws("iam")


def decisions(answer: dict[str, Any]) -> list[str]:
    return [row["EvalDecision"] for row in answer["EvaluationResults"]]


def test_each_action_is_decided_for_each_resource(iam: Any) -> None:
    answer = iam.simulate_custom_policy(
        PolicyInputList=[READS, DENIES],
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=[BUCKET, "arn:aws:s3:::c"],
    )
    assert decisions(answer) == ["explicitDeny", "allowed", "explicitDeny", "implicitDeny"]
    first = answer["EvaluationResults"][0]
    (matched,) = first["MatchedStatements"]
    assert (first["EvalResourceName"], matched["SourcePolicyId"]) == (BUCKET, "PolicyInputList.2")
    assert "OrganizationsDecisionDetail" not in first


def test_results_come_in_pages(iam: Any) -> None:
    given: dict[str, Any] = {
        "PolicyInputList": [READS],
        "ActionNames": [f"s3:Get{number}" for number in range(3)],
        "ResourceArns": [f"arn:aws:s3:::b{number}" for number in range(2)],
    }
    pages = iam.get_paginator("simulate_custom_policy").paginate(**given, PaginationConfig={"PageSize": 4})
    assert [len(each["EvaluationResults"]) for each in pages] == [4, 2]


def test_a_matched_statement_is_told_by_its_place_in_the_text(iam: Any) -> None:
    text = policy({"Action": "sqs:*"}, {"Action": "s3:*"}, indent=2)
    answer = iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["s3:GetObject"])
    (matched,) = answer["EvaluationResults"][0]["MatchedStatements"]
    lines = text.split("\n")
    start, end = matched["StartPosition"], matched["EndPosition"]
    assert lines[start["Line"] - 1][: start["Column"] - 1] == "    {"
    assert (lines[end["Line"] - 1][: end["Column"] - 1], end["Line"] - start["Line"]) == ("    }", 4)


def test_keys_that_were_not_given_are_told(iam: Any) -> None:
    text = policy(
        {"Action": "s3:*", "Condition": {"StringEquals": {"aws:PrincipalTag/Team": "a"}}},
        {"Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}"},
        {"Action": "sqs:*", "Condition": {"Bool": {"aws:SecureTransport": True}}},
    )
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[text])["ContextKeyNames"]
    assert keys == ["aws:PrincipalTag/Team", "aws:username", "aws:SecureTransport"]
    given: dict[str, Any] = {"PolicyInputList": [text], "ActionNames": ["s3:GetObject"], "ResourceArns": [BUCKET]}
    (result,) = iam.simulate_custom_policy(**given)["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:PrincipalTag/Team"])
    entry = {
        "ContextKeyName": "aws:principaltag/team",
        "ContextKeyValues": ["a"],
        "ContextKeyType": "string",
    }
    (result,) = iam.simulate_custom_policy(**given, ContextEntries=[entry])["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_boundaries_and_service_control_policies_limit(iam: Any) -> None:
    only_sqs = policy({"Action": "sqs:*"})
    everything = policy({"Action": "*"})
    given: dict[str, Any] = {"PolicyInputList": [everything], "ActionNames": ["s3:GetObject", "sqs:SendMessage"]}
    answer = iam.simulate_custom_policy(**given, PermissionsBoundaryPolicyInputList=[only_sqs])
    assert decisions(answer) == ["implicitDeny", "allowed"]
    details = [row["PermissionsBoundaryDecisionDetail"] for row in answer["EvaluationResults"]]
    assert [detail["AllowedByPermissionsBoundary"] for detail in details] == [False, True]
    levels = [{"ServiceControlPolicyInputList": [one]} for one in (everything, only_sqs)]
    answer = iam.simulate_custom_policy(**given, OrderedOrganizationPolicyInputList=levels)
    assert decisions(answer) == ["implicitDeny", "allowed"]
    details = [row["OrganizationsDecisionDetail"] for row in answer["EvaluationResults"]]
    assert [detail["AllowedByOrganizations"] for detail in details] == [False, True]


def test_a_resource_of_another_account_needs_both_sides(iam: Any, account: str) -> None:
    caller = f"arn:aws:iam::{account}:user/ann"
    other = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "s3:*", "Resource": "*"}],
        }
    )
    given: dict[str, Any] = {
        "ActionNames": ["s3:GetObject"],
        "ResourceArns": [BUCKET],
        "ResourcePolicy": other,
        "CallerArn": caller,
    }
    answer = iam.simulate_custom_policy(**given, PolicyInputList=[READS], ResourceOwner="111122223333")
    assert decisions(answer) == ["allowed"]
    only_sqs = policy({"Action": "sqs:*"})
    answer = iam.simulate_custom_policy(**given, PolicyInputList=[only_sqs], ResourceOwner="111122223333")
    assert decisions(answer) == ["implicitDeny"]
    assert answer["EvaluationResults"][0]["EvalDecisionDetails"] == {
        "IAM Policy": "implicitDeny",
        "Resource Policy": "allowed",
    }
    assert decisions(iam.simulate_custom_policy(**given, PolicyInputList=[only_sqs])) == ["allowed"]


def test_a_principal_has_its_own_and_its_groups_policies(iam: Any, account: str) -> None:
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="ann")
    iam.put_group_policy(GroupName="team", PolicyName="reads", PolicyDocument=READS)
    iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    given: dict[str, Any] = {"PolicySourceArn": arn, "ActionNames": ["s3:GetObject", "sqs:SendMessage"]}
    answer = iam.simulate_principal_policy(**given)
    assert decisions(answer) == ["allowed", "allowed"]
    matched = [row["MatchedStatements"][0]["SourcePolicyId"] for row in answer["EvaluationResults"]]
    assert matched == ["group_team_reads", "AmazonSQSFullAccess"]
    inline = {"PolicyName": "reads", "AttachmentType": "group", "AttachmentName": "team"}
    for excluded, expected in (
        ({"InlinePolicyIdentifier": inline}, ["implicitDeny", "allowed"]),
        ({"PolicyType": "inline"}, ["implicitDeny", "allowed"]),
        ({"PolicyType": "aws-managed"}, ["allowed", "implicitDeny"]),
        ({"PolicyArn": "arn:aws:iam::aws:policy/AmazonSQSFullAccess"}, ["allowed", "implicitDeny"]),
        ({"PolicyType": "user-managed"}, ["allowed", "allowed"]),
    ):
        assert decisions(iam.simulate_principal_policy(**given, PolicyExclusionList=[excluded])) == expected
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    assert decisions(iam.simulate_principal_policy(**given)) == ["allowed", "implicitDeny"]


def test_a_scenario_of_ec2_decides_about_all_its_resources_together(iam: Any) -> None:
    kinds = ("image", "instance", "network-interface", "security-group", "volume")
    arns = [f"arn:aws:ec2:us-east-1:111122223333:{kind}/*" for kind in kinds]
    given: dict[str, Any] = {
        "PolicyInputList": [policy({"Action": "ec2:*", "Resource": arns[:4]})],
        "ActionNames": ["ec2:RunInstances"],
        "ResourceHandlingOption": "EC2-VPC-EBS",
    }
    with pytest.raises(ClientError, match=r"InvalidInput.*needs resources of these types: volume"):
        iam.simulate_custom_policy(**given, ResourceArns=arns[:4])
    (result,) = iam.simulate_custom_policy(**given, ResourceArns=arns)["EvaluationResults"]
    specific = [row["EvalResourceDecision"] for row in result["ResourceSpecificResults"]]
    assert (result["EvalDecision"], specific) == ("implicitDeny", [*["allowed"] * 4, "implicitDeny"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PolicyInputList": ["{}"]}, "InvalidInput"),
        ({"ActionNames": ["GetObject"]}, "Invalid action name: GetObject"),
        ({"ResourcePolicy": READS}, "CallerArn is required"),
        ({"CallerArn": "arn:aws:iam::111122223333:role/r"}, "Invalid Caller Arn"),
    ],
)
def test_what_cannot_be_simulated_is_refused(iam: Any, changes: dict[str, Any], sentence: str) -> None:
    given = {"PolicyInputList": [READS], "ActionNames": ["s3:GetObject"]} | changes
    with pytest.raises(ClientError, match=sentence):
        iam.simulate_custom_policy(**given)
