"""Resource-based policies of tables and streams."""

import json

import pytest

from tests.conftest import Aws
from tests.services.dynamodb.conftest import MakeTable

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": "*"}],
    }
)


def test_a_policy_is_kept_under_a_revision_that_changes_with_it(aws: Aws, make_table: MakeTable) -> None:
    dynamodb = aws("dynamodb")
    table = make_table("id", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    described = dynamodb.describe_table(TableName=table)["Table"]

    for arn in (described["TableArn"], described["LatestStreamArn"]):
        first = dynamodb.put_resource_policy(ResourceArn=arn, Policy=POLICY, ExpectedRevisionId="NO_POLICY")
        again = dynamodb.put_resource_policy(ResourceArn=arn, Policy=POLICY)
        got = dynamodb.get_resource_policy(ResourceArn=arn)
        other = dynamodb.put_resource_policy(ResourceArn=arn, Policy=POLICY.replace("Get", "Put"))
        with pytest.raises(dynamodb.exceptions.PolicyNotFoundException) as refused:
            dynamodb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=first["RevisionId"])
        assert refused.value.response["Error"]["Message"] == (
            "Resource-based policy not found for the provided ResourceArn: Requested update for policy with revision "
            f"id {first['RevisionId']}, but the policy associated to target table {table} has revision id "
            f"{other['RevisionId']}."
        )
        deleted = dynamodb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=other["RevisionId"])

        assert (got["Policy"], got["RevisionId"]) == (POLICY, first["RevisionId"])
        assert again["RevisionId"] == first["RevisionId"] != other["RevisionId"]
        assert deleted["RevisionId"] == other["RevisionId"]
        with pytest.raises(dynamodb.exceptions.PolicyNotFoundException):
            dynamodb.get_resource_policy(ResourceArn=arn)
        assert "RevisionId" not in dynamodb.delete_resource_policy(ResourceArn=arn), "there is none to delete"


def test_a_policy_belongs_to_a_table_and_goes_with_it(aws: Aws, make_table: MakeTable) -> None:
    dynamodb = aws("dynamodb")
    table = make_table("id", ResourcePolicy=POLICY)
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    assert dynamodb.get_resource_policy(ResourceArn=arn)["Policy"] == POLICY
    with pytest.raises(dynamodb.exceptions.ClientError, match="Invalid policy document"):
        dynamodb.put_resource_policy(ResourceArn=arn, Policy="[]")

    dynamodb.delete_table(TableName=table)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.get_resource_policy(ResourceArn=arn)


def test_who_denies_themselves_to_change_a_policy_must_confirm_it(aws: Aws, make_table: MakeTable) -> None:
    dynamodb = aws("dynamodb")
    arn = dynamodb.describe_table(TableName=make_table("id"))["Table"]["TableArn"]
    locking = POLICY.replace("Allow", "Deny").replace("GetItem", "*")
    with pytest.raises(dynamodb.exceptions.ClientError, match="ConfirmRemoveSelfResourceAccess"):
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=locking)
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=locking, ConfirmRemoveSelfResourceAccess=True)
    assert dynamodb.get_resource_policy(ResourceArn=arn)["Policy"] == locking
