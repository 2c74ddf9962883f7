"""Service-linked roles, identity providers and the account's own settings."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def iam(aws: Any) -> Any:
    return aws("iam")


def test_a_service_linked_role_belongs_to_its_service(iam: Any) -> None:
    role = iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForBatch"
    assert role["Path"] == "/aws-service-role/batch.amazonaws.com/"
    (policy,) = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert policy["PolicyName"] == "BatchServiceRolePolicy"
    with pytest.raises(ClientError, match="only modifiable by AWS"):
        iam.delete_role(RoleName=role["RoleName"])
    with pytest.raises(ClientError, match=r"InvalidInput.*has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com")
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=role["RoleName"])


def test_some_services_have_many_roles(iam: Any) -> None:
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="two")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForAutoScaling_two"
    with pytest.raises(ClientError, match=r"Custom suffix is not allowed for ecs\.amazonaws\.com"):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com", CustomSuffix="two")


def test_an_openid_provider_is_kept(iam: Any, account: str) -> None:
    arn = iam.create_open_id_connect_provider(
        Url="https://token.example.com/x", ClientIDList=["sts"], ThumbprintList=["a" * 40]
    )["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{account}:oidc-provider/token.example.com/x"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="other")
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (provider["Url"], provider["ClientIDList"]) == ("token.example.com/x", ["sts", "other"])
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_a_saml_provider_is_kept(iam: Any) -> None:
    document = "<EntityDescriptor>" + "x" * 1000 + "</EntityDescriptor>"
    arn = iam.create_saml_provider(SAMLMetadataDocument=document, Name="corp")["SAMLProviderArn"]
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == document
    assert [row["Arn"] for row in iam.list_saml_providers()["SAMLProviderList"]] == [arn]


def test_an_account_has_one_alias(iam: Any, aws: Any) -> None:
    alias = "alias-" + iam.get_user()["User"]["UserId"]
    iam.create_account_alias(AccountAlias="first-" + alias)
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    other = aws("iam", account="999988887777")
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        other.create_account_alias(AccountAlias=alias)


def test_the_password_policy_is_kept(iam: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_account_password_policy()
    iam.update_account_password_policy(MinimumPasswordLength=12, MaxPasswordAge=90)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["MaxPasswordAge"], policy["ExpirePasswords"]) == (12, 90, True)


def test_the_summary_counts_what_is_there(iam: Any) -> None:
    iam.create_user(UserName="ann")
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["Groups"], summary["UsersQuota"]) == (1, 0, 5000)
