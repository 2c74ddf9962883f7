"""Service control policies: made, attached, and enforced."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TYPE = "SERVICE_CONTROL_POLICY"
FULL = "p-FullAWSAccess"


def content(**statement: Any) -> str:
    whole = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole]})


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


def attached(organizations: Any, target: str) -> list[str]:
    found = organizations.list_policies_for_target(TargetId=target, Filter=TYPE)["Policies"]
    return [policy["Id"] for policy in found]


def test_enabling_gives_full_access_to_everything(organizations: Any, root: str, account: str) -> None:
    assert attached(organizations, root) == []
    enabled = organizations.enable_policy_type(RootId=root, PolicyType=TYPE)["Root"]
    assert enabled["PolicyTypes"] == [{"Type": TYPE, "Status": "ENABLED"}]
    unit = organizations.create_organizational_unit(ParentId=root, Name="u")["OrganizationalUnit"]["Id"]
    assert attached(organizations, root) == attached(organizations, unit) == attached(organizations, account) == [FULL]
    with pytest.raises(ClientError, match="PolicyTypeAlreadyEnabledException"):
        organizations.enable_policy_type(RootId=root, PolicyType=TYPE)
    organizations.disable_policy_type(RootId=root, PolicyType=TYPE)
    assert attached(organizations, unit) == []


def test_a_policy_is_attached_and_detached(organizations: Any, root: str) -> None:
    made = organizations.create_policy(Name="no-queues", Description="d", Type=TYPE, Content=content())["Policy"]
    policy = made["PolicySummary"]["Id"]
    with pytest.raises(ClientError, match="PolicyTypeNotEnabledException"):
        organizations.attach_policy(PolicyId=policy, TargetId=root)
    organizations.enable_policy_type(RootId=root, PolicyType=TYPE)
    organizations.attach_policy(PolicyId=policy, TargetId=root)
    with pytest.raises(ClientError, match="DuplicatePolicyAttachmentException"):
        organizations.attach_policy(PolicyId=policy, TargetId=root)
    (target,) = organizations.list_targets_for_policy(PolicyId=policy)["Targets"]
    assert (target["TargetId"], target["Type"]) == (root, "ROOT")
    with pytest.raises(ClientError, match="PolicyInUseException"):
        organizations.delete_policy(PolicyId=policy)
    organizations.detach_policy(PolicyId=policy, TargetId=root)
    with pytest.raises(ClientError, match=r"ConstraintViolationException.*cannot remove the last policy"):
        organizations.detach_policy(PolicyId=FULL, TargetId=root)
    changed = organizations.update_policy(PolicyId=policy, Content=content(Action="sns:*"))["Policy"]
    assert json.loads(changed["Content"])["Statement"][0]["Action"] == "sns:*"
    organizations.delete_policy(PolicyId=policy)
    with pytest.raises(ClientError, match="PolicyNotFoundException"):
        organizations.describe_policy(PolicyId=policy)


@pytest.mark.parametrize("text", ["{}", content(Action=[]), content(Principal="*")])
def test_a_malformed_policy_is_refused(organizations: Any, text: str) -> None:
    with pytest.raises(ClientError, match="MalformedPolicyDocumentException"):
        organizations.create_policy(Name="p", Description="d", Type=TYPE, Content=text)


def test_other_types_of_policies_are_not_there(organizations: Any) -> None:
    with pytest.raises(ClientError, match=r"NotImplemented.*no policies of type TAG_POLICY"):
        organizations.list_policies(Filter="TAG_POLICY")


def test_the_simulator_asks_the_organization(aws: Any, organizations: Any, root: str) -> None:
    status = organizations.create_account(AccountName="one", Email="one@example.com")["CreateAccountStatus"]
    member = status["AccountId"]
    organizations.enable_policy_type(RootId=root, PolicyType=TYPE)
    policy = organizations.create_policy(Name="p", Description="d", Type=TYPE, Content=content())["Policy"]
    organizations.attach_policy(PolicyId=policy["PolicySummary"]["Id"], TargetId=member)
    (result,) = aws("iam", account=member).simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole", ActionNames=["sqs:SendMessage"]
    )["EvaluationResults"]
    assert result["EvalDecision"] == "explicitDeny"
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}


def test_a_stack_makes_changes_and_removes_units_and_policies(aws: Any, organizations: Any, root: str) -> None:
    organizations.enable_policy_type(RootId=root, PolicyType=TYPE)

    def template(name: str, *, attached: bool) -> str:
        resources = {
            "Unit": {"Type": "AWS::Organizations::OrganizationalUnit", "Properties": {"Name": name, "ParentId": root}},
            "Policy": {
                "Type": "AWS::Organizations::Policy",
                "Properties": {
                    "Name": "no-queues",
                    "Type": TYPE,
                    "Content": json.loads(content()),
                    "TargetIds": [{"Ref": "Unit"}] if attached else [],
                },
            },
            "Account": {
                "Type": "AWS::Organizations::Account",
                "Properties": {"AccountName": "a", "Email": "a@example.com", "ParentIds": [{"Ref": "Unit"}]},
            },
        }
        outputs = {name: {"Value": {"Ref": name}} for name in resources}
        return json.dumps({"Resources": resources, "Outputs": outputs})

    cloudformation = aws("cloudformation")

    def outputs(waiter: str) -> dict[str, str]:
        cloudformation.get_waiter(waiter).wait(StackName="s", WaiterConfig={"Delay": 1})
        (stack,) = cloudformation.describe_stacks(StackName="s")["Stacks"]
        return {row["OutputKey"]: row["OutputValue"] for row in stack["Outputs"]}

    cloudformation.create_stack(StackName="s", TemplateBody=template("one", attached=True))
    made = outputs("stack_create_complete")
    assert attached(organizations, made["Unit"]) == sorted([FULL, made["Policy"]])
    assert [row["Id"] for row in organizations.list_accounts_for_parent(ParentId=made["Unit"])["Accounts"]] == [
        made["Account"]
    ]
    cloudformation.update_stack(StackName="s", TemplateBody=template("two", attached=False))
    assert outputs("stack_update_complete") == made
    unit = organizations.describe_organizational_unit(OrganizationalUnitId=made["Unit"])["OrganizationalUnit"]
    assert (unit["Name"], attached(organizations, made["Unit"])) == ("two", [FULL])
