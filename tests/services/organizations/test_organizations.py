"""Organizations, their units and their accounts."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def organizations(aws: Any) -> Any:
    client = aws("organizations")
    client.create_organization(FeatureSet="ALL")
    return client


@pytest.fixture
def root(organizations: Any) -> str:
    (found,) = organizations.list_roots()["Roots"]
    root_id: str = found["Id"]
    return root_id


def new_account(organizations: Any, name: str) -> str:
    status = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    told = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert told["State"] == "SUCCEEDED"
    account: str = told["AccountId"]
    return account


def test_an_organization_begins_with_the_account_that_makes_it(aws: Any, account: str) -> None:
    client = aws("organizations")
    with pytest.raises(ClientError, match="AWSOrganizationsNotInUseException"):
        client.describe_organization()
    made = client.create_organization()["Organization"]
    assert (made["MasterAccountId"], made["FeatureSet"]) == (account, "ALL")
    assert made["Arn"] == f"arn:aws:organizations::{account}:organization/{made['Id']}"
    assert [row["Id"] for row in client.list_accounts()["Accounts"]] == [account]
    with pytest.raises(ClientError, match="AlreadyInOrganizationException"):
        client.create_organization()
    client.delete_organization()
    with pytest.raises(ClientError, match="AWSOrganizationsNotInUseException"):
        client.list_accounts()


def test_a_new_account_lets_the_organizations_administrators_in(aws: Any, organizations: Any, account: str) -> None:
    member = new_account(organizations, "one")
    role = aws("iam", account=member).get_role(RoleName="OrganizationAccountAccessRole")["Role"]
    principal = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]
    assert principal == f"arn:aws:iam::{account}:root"
    there = aws("organizations", account=member)
    assert there.describe_organization()["Organization"]["MasterAccountId"] == account
    with pytest.raises(ClientError, match="AccessDeniedException"):
        there.list_accounts()
    failed = organizations.create_account(AccountName="two", Email="ONE@example.com")["CreateAccountStatus"]
    assert (failed["State"], failed["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")


def test_accounts_move_between_units(organizations: Any, root: str) -> None:
    member = new_account(organizations, "one")
    unit = organizations.create_organizational_unit(ParentId=root, Name="tenants")["OrganizationalUnit"]["Id"]
    organizations.move_account(AccountId=member, SourceParentId=root, DestinationParentId=unit)
    assert [row["Id"] for row in organizations.list_accounts_for_parent(ParentId=unit)["Accounts"]] == [member]
    assert organizations.list_parents(ChildId=member)["Parents"] == [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]
    assert organizations.list_children(ParentId=unit, ChildType="ACCOUNT")["Children"] == [
        {"Id": member, "Type": "ACCOUNT"}
    ]
    with pytest.raises(ClientError, match="SourceParentNotFoundException"):
        organizations.move_account(AccountId=member, SourceParentId=root, DestinationParentId=unit)
    with pytest.raises(ClientError, match="OrganizationalUnitNotEmptyException"):
        organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    with pytest.raises(ClientError, match="DuplicateOrganizationalUnitException"):
        organizations.create_organizational_unit(ParentId=root, Name="tenants")
    organizations.remove_account_from_organization(AccountId=member)
    organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    assert organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"] == []


def test_units_are_nested_five_deep_at_most(organizations: Any, root: str) -> None:
    parent = root
    for _ in range(5):
        parent = organizations.create_organizational_unit(ParentId=parent, Name="u")["OrganizationalUnit"]["Id"]
    with pytest.raises(ClientError, match="ConstraintViolationException"):
        organizations.create_organizational_unit(ParentId=parent, Name="u")


def test_a_closed_account_is_suspended(organizations: Any) -> None:
    member = new_account(organizations, "one")
    organizations.close_account(AccountId=member)
    assert organizations.describe_account(AccountId=member)["Account"]["Status"] == "SUSPENDED"
    with pytest.raises(ClientError, match="AccountAlreadyClosedException"):
        organizations.close_account(AccountId=member)


def test_what_belongs_to_an_organization_has_tags(organizations: Any, root: str) -> None:
    organizations.tag_resource(ResourceId=root, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    organizations.untag_resource(ResourceId=root, TagKeys=["a"])
    assert organizations.list_tags_for_resource(ResourceId=root)["Tags"] == [{"Key": "b", "Value": "2"}]
