"""CloudFormation does what its caller, or the stack's role, may do, and nothing else."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, ANYTHING, SCP, Client, GuardedServer, User, policy
from tests.auth.test_sessions import key_of
from tests.patience import eventually

STACKS = {"Action": "cloudformation:*", "Resource": "*"}
QUEUES = {"Action": "sqs:*", "Resource": "*"}
TABLES = {"Action": "dynamodb:*", "Resource": "*"}
QUEUE = {"Type": "AWS::SQS::Queue"}
TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
}
QUEUE_THEN_TABLE = {"Queue": QUEUE, "Table": {**TABLE, "DependsOn": "Queue"}}


class Stack:
    """A stack as somebody sees it."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def status(self) -> str:
        """What becomes of what is under way."""

        def ended() -> str:
            stacks = self._client.describe_stacks(StackName=self.name)["Stacks"]
            status: str = stacks[0]["StackStatus"]
            return "" if status.endswith("_IN_PROGRESS") else status

        return eventually(ended)

    def reasons(self, status: str) -> dict[str, str]:
        """Why resources have, or had, that status."""
        events = self._client.describe_stack_events(StackName=self.name)["StackEvents"]
        return {
            event["LogicalResourceId"]: event.get("ResourceStatusReason", "")
            for event in events
            if event["ResourceStatus"] == status
        }

    def queue(self) -> str:
        """The URL of its queue."""
        resources = self._client.describe_stack_resources(StackName=self.name)["StackResources"]
        return next(each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "Queue")


def deployed(client: Any, resources: dict[str, Any], **options: Any) -> Stack:
    """A stack that is being created."""
    name = f"s-{secrets.token_hex(4)}"
    body = json.dumps({"Resources": resources})
    client.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"], **options)
    return Stack(client, name)


def role_for_stacks(root: Client, *statements: dict[str, Any], service: str = "cloudformation.amazonaws.com") -> str:
    iam, name = root("iam"), f"role-{secrets.token_hex(4)}"
    trust = policy({"Principal": {"Service": service}, "Action": "sts:AssumeRole"})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
    return arn


def test_a_stack_gets_what_its_caller_may_create_and_is_rolled_back_where_not(
    root: Client, new_user: Callable[[], User]
) -> None:
    user = new_user().may(STACKS, QUEUES)
    assert deployed(user.client("cloudformation"), {"Queue": QUEUE}).status() == "CREATE_COMPLETE"
    stack = deployed(user.client("cloudformation"), QUEUE_THEN_TABLE)
    assert stack.status() == "ROLLBACK_COMPLETE"
    reason = stack.reasons("CREATE_FAILED")["Table"]
    assert reason.startswith(
        f"User: {user.arn} is not authorized to perform: dynamodb:CreateTable on resource: "
        f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{stack.name}-Table-"
    )
    assert (
        "because no identity-based policy allows the dynamodb:CreateTable action "
        "(Service: DynamoDb, Status Code: 400, Request ID: " in reason
    )
    assert root("sqs").list_queues(QueueNamePrefix=stack.name).get("QueueUrls", []) == []


def test_a_rollback_has_the_same_rights_and_what_it_may_not_delete_stays(
    root: Client, new_user: Callable[[], User]
) -> None:
    user = new_user().may(STACKS, QUEUES, {"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"})
    stack = deployed(user.client("cloudformation"), QUEUE_THEN_TABLE)
    assert stack.status() == "ROLLBACK_FAILED"
    denied = stack.reasons("DELETE_FAILED")["Queue"]
    assert "sqs:DeleteQueue" in denied
    assert "with an explicit deny in an identity-based policy (Service: Sqs, Status Code: 400" in denied
    assert root("sqs").list_queues(QueueNamePrefix=stack.name)["QueueUrls"] == [stack.queue()]
    user.may(STACKS, QUEUES)
    user.client("cloudformation").delete_stack(StackName=stack.name)
    assert eventually(lambda: not root("sqs").list_queues(QueueNamePrefix=stack.name).get("QueueUrls"))


def test_whoever_deletes_a_stack_must_be_allowed_to_delete_what_is_in_it(
    root: Client, new_user: Callable[[], User]
) -> None:
    stack = deployed(root("cloudformation"), {"Queue": QUEUE})
    assert stack.status() == "CREATE_COMPLETE"
    new_user().may(STACKS).client("cloudformation").delete_stack(StackName=stack.name)
    assert stack.status() == "DELETE_FAILED"
    assert "no identity-based policy allows the sqs:DeleteQueue action" in stack.reasons("DELETE_FAILED")["Queue"]


def test_an_update_changes_what_its_caller_may_change(root: Client, new_user: Callable[[], User]) -> None:
    stack = deployed(root("cloudformation"), {"Queue": QUEUE})
    assert stack.status() == "CREATE_COMPLETE"
    changed = {"Queue": {**QUEUE, "Properties": {"DelaySeconds": 5}}}
    client = new_user().may(STACKS).client("cloudformation")
    client.update_stack(StackName=stack.name, TemplateBody=json.dumps({"Resources": changed}))
    assert stack.status() == "UPDATE_ROLLBACK_FAILED"
    assert "sqs:SetQueueAttributes" in stack.reasons("UPDATE_FAILED")["Queue"]


def test_with_a_role_the_stack_has_the_roles_rights_and_its_caller_must_be_allowed_to_pass_it(
    root: Client, new_user: Callable[[], User]
) -> None:
    role = role_for_stacks(root, QUEUES)
    user = new_user().may(STACKS, TABLES)
    with pytest.raises(ClientError, match="not authorized to perform: iam:PassRole on resource: " + role):
        deployed(user.client("cloudformation"), {"Queue": QUEUE}, RoleARN=role)
    passing = {
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
    }
    user.may(STACKS, TABLES, passing)
    through = {"Null": {"aws:CalledVia": "false"}}
    root("iam").put_role_policy(
        RoleName=role.rpartition("/")[2],
        PolicyName="no-others-rights",
        PolicyDocument=policy({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": through}),
    )
    stack = deployed(user.client("cloudformation"), {"Queue": QUEUE}, RoleARN=role)
    assert stack.status() == "CREATE_COMPLETE"
    stack = deployed(user.client("cloudformation"), QUEUE_THEN_TABLE, RoleARN=role)
    assert stack.status() == "ROLLBACK_COMPLETE"
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/AWSCloudFormation"
    assert stack.reasons("CREATE_FAILED")["Table"].startswith(f"User: {session} is not authorized to perform: ")


def test_a_stack_keeps_its_role_for_everybody_who_may_change_the_stack(
    root: Client, new_user: Callable[[], User]
) -> None:
    stack = deployed(root("cloudformation"), {"Queue": QUEUE}, RoleARN=role_for_stacks(root, QUEUES))
    assert stack.status() == "CREATE_COMPLETE"
    new_user().may(STACKS).client("cloudformation").delete_stack(StackName=stack.name)
    assert eventually(lambda: not root("sqs").list_queues(QueueNamePrefix=stack.name).get("QueueUrls"))


def test_a_stack_is_deleted_with_the_role_that_is_given(root: Client, new_user: Callable[[], User]) -> None:
    stack = deployed(root("cloudformation"), {"Queue": QUEUE})
    assert stack.status() == "CREATE_COMPLETE"
    user = new_user().may(STACKS, {"Action": "iam:PassRole", "Resource": "*"})
    user.client("cloudformation").delete_stack(StackName=stack.name, RoleARN=role_for_stacks(root, QUEUES))
    assert eventually(lambda: not root("sqs").list_queues(QueueNamePrefix=stack.name).get("QueueUrls"))


def test_a_permissions_boundary_binds_stacks_too(root: Client, new_user: Callable[[], User]) -> None:
    user = new_user().may(STACKS, QUEUES, TABLES)
    document = policy(STACKS, TABLES)
    boundary = root("iam").create_policy(PolicyName=f"b-{secrets.token_hex(4)}", PolicyDocument=document)["Policy"]
    root("iam").put_user_permissions_boundary(UserName=user.name, PermissionsBoundary=boundary["Arn"])
    stack = deployed(user.client("cloudformation"), {"Queue": QUEUE})
    assert stack.status() == "ROLLBACK_COMPLETE"
    assert (
        "because no permissions boundary allows the sqs:CreateQueue action" in stack.reasons("CREATE_FAILED")["Queue"]
    )


def test_a_control_policy_binds_stacks_too(
    root: Client,
    guarded: GuardedServer,
    new_user: Callable[[], User],
    member: str,
) -> None:
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    sts = new_user().may(ANYTHING).client("sts")
    key = key_of(sts.assume_role(RoleArn=role, RoleSessionName="admin"))
    content = policy({"Effect": "Deny", "Action": "sqs:CreateQueue", "Resource": "*"})
    made = root("organizations").create_policy(Name=secrets.token_hex(4), Description="d", Type=SCP, Content=content)[
        "Policy"
    ]
    root("organizations").attach_policy(PolicyId=made["PolicySummary"]["Id"], TargetId=member)
    stack = deployed(guarded.as_caller("cloudformation", key), {"Queue": QUEUE})
    assert stack.status() == "ROLLBACK_COMPLETE"
    assert "with an explicit deny in a service control policy" in stack.reasons("CREATE_FAILED")["Queue"]


def test_a_sessions_own_policy_limits_its_stacks(
    root: Client, guarded: GuardedServer, new_user: Callable[[], User]
) -> None:
    trust = policy({"Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    name = f"role-{secrets.token_hex(4)}"
    role = root("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    root("iam").put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy(ANYTHING))
    sts = new_user().may(ANYTHING).client("sts")
    key = key_of(sts.assume_role(RoleArn=role, RoleSessionName="me", Policy=policy(STACKS, TABLES)))
    stack = deployed(guarded.as_caller("cloudformation", key), {"Queue": QUEUE})
    assert stack.status() == "ROLLBACK_COMPLETE"
    assert "because no session policy allows the sqs:CreateQueue action" in stack.reasons("CREATE_FAILED")["Queue"]


def test_whoever_executes_a_change_set_must_be_allowed_to_do_what_it_shows(
    root: Client, new_user: Callable[[], User]
) -> None:
    cloudformation = root("cloudformation")
    name = f"s-{secrets.token_hex(4)}"
    body = json.dumps({"Resources": {"Queue": QUEUE}})
    named = {"StackName": name, "ChangeSetName": "first"}
    cloudformation.create_change_set(**named, TemplateBody=body, ChangeSetType="CREATE")
    new_user().may(STACKS).client("cloudformation").execute_change_set(**named)
    stack = Stack(cloudformation, name)
    assert stack.status() == "ROLLBACK_COMPLETE"
    assert "sqs:CreateQueue" in stack.reasons("CREATE_FAILED")["Queue"]


def test_a_custom_resource_is_asked_of_functions_and_topics_that_its_caller_may_use(
    root: Client, new_user: Callable[[], User]
) -> None:
    topic = root("sns").create_topic(Name=f"t-{secrets.token_hex(4)}")["TopicArn"]
    own = {"Own": {"Type": "Custom::Own", "Properties": {"ServiceToken": topic}}}
    stack = deployed(new_user().may(STACKS).client("cloudformation"), own)
    assert stack.status() == "ROLLBACK_COMPLETE"
    assert f"not authorized to perform: sns:Publish on resource: {topic}" in stack.reasons("CREATE_FAILED")["Own"]


def test_a_restart_changes_nobodys_rights(tmp_path: Path) -> None:
    server = GuardedServer("--data", str(tmp_path))
    try:
        user = User(server, "deployer").may(ANYTHING)
        trust = policy({"Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"})
        iam = server.as_caller("iam", server.root)
        role = iam.create_role(RoleName="deployment", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        iam.put_role_policy(RoleName="deployment", PolicyName="all", PolicyDocument=policy(ANYTHING))
        creating = policy(STACKS, {"Action": "sqs:CreateQueue", "Resource": "*"})
        session = user.client("sts").assume_role(RoleArn=role, RoleSessionName="me", Policy=creating)
        waiting = {"Handle": {"Ref": "Handle"}, "Timeout": "3600"}
        resources = {
            "Queue": QUEUE,
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Wait": {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": "Queue", "Properties": waiting},
        }
        name = deployed(server.as_caller("cloudformation", key_of(session)), resources).name
        stack = Stack(server.as_caller("cloudformation", server.root), name)
        assert eventually(lambda: "Wait" in stack.reasons("CREATE_IN_PROGRESS"))
        server.kill()
        server = GuardedServer("--data", str(tmp_path))
        stack = Stack(server.as_caller("cloudformation", server.root), name)
        assert stack.status() == "ROLLBACK_FAILED"
        reason = stack.reasons("DELETE_FAILED")["Queue"]
        assert "assumed-role/deployment/me is not authorized to perform: sqs:DeleteQueue" in reason
        assert "because no session policy allows" in reason
    finally:
        server.stop()


def test_policies_can_tell_what_is_done_through_cloudformation(root: Client, new_user: Callable[[], User]) -> None:
    through = {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}
    user = new_user().may(STACKS, {**QUEUES, "Condition": through})
    with pytest.raises(ClientError, match="not authorized to perform: sqs:CreateQueue"):
        user.client("sqs").create_queue(QueueName="directly")
    assert deployed(user.client("cloudformation"), {"Queue": QUEUE}).status() == "CREATE_COMPLETE"


def test_no_stack_makes_its_caller_mightier(root: Client, new_user: Callable[[], User]) -> None:
    """Roles, policies of roles, functions that get a role, doors to everybody: each of them would."""
    role = role_for_stacks(root, ANYTHING, service="lambda.amazonaws.com")
    trust = json.loads(policy({"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}))
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "p",
                "PolicyDocument": json.loads(policy(ANYTHING)),
                "Roles": [role.rpartition("/")[2]],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": role,
                "Code": {"ZipFile": "handler = print"},
            },
        },
        "Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": new_user().name}},
    }
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}
    resources["Bus"] = {
        "Type": "AWS::Events::EventBusPolicy",
        "Properties": {"StatementId": "open", "Statement": everybody},
    }
    user = new_user().may(STACKS, {"Action": "lambda:*", "Resource": "*"})
    wanted = {
        "Bus": "events:PutPermission",
        "Role": "iam:CreateRole",
        "Policy": "iam:PutRolePolicy",
        "Function": "iam:PassRole",
        "Key": "iam:CreateAccessKey",
    }
    for name, action in wanted.items():
        stack = deployed(user.client("cloudformation"), {name: resources[name]})
        assert stack.status() == "ROLLBACK_COMPLETE"
        assert f"not authorized to perform: {action} on resource" in stack.reasons("CREATE_FAILED")[name]


def test_a_nested_stack_has_its_parents_rights(root: Client, new_user: Callable[[], User]) -> None:
    s3, bucket = root("s3"), f"templates-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="t.json", Body=json.dumps({"Resources": {"Queue": QUEUE}}))
    url = f"https://s3.amazonaws.com/{bucket}/t.json"
    inner = {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}
    reading = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    cases: list[tuple[list[dict[str, Any]], str]] = [
        ([STACKS, QUEUES], "s3:GetObject"),
        ([STACKS, reading], "was not successfully created"),
        ([{**STACKS, "Resource": "arn:aws:cloudformation:*:*:stack/s-????????/*"}], "cloudformation:CreateStack"),
    ]
    for statements, reason in cases:
        stack = deployed(new_user().may(*statements).client("cloudformation"), inner)
        assert stack.status() == "ROLLBACK_COMPLETE"
        assert reason in stack.reasons("CREATE_FAILED")["Inner"]
    user = new_user().may(STACKS, QUEUES, reading)
    assert deployed(user.client("cloudformation"), inner).status() == "CREATE_COMPLETE"


def test_what_a_template_refers_to_is_read_as_its_caller(root: Client, new_user: Callable[[], User]) -> None:
    name = f"delay-{secrets.token_hex(4)}"
    root("ssm").put_parameter(Name=name, Value="5", Type="String")
    resources = {"Queue": {**QUEUE, "Properties": {"DelaySeconds": f"{{{{resolve:ssm:{name}}}}}"}}}
    user = new_user().may(STACKS, QUEUES)
    stack = deployed(user.client("cloudformation"), resources)
    assert stack.status() == "ROLLBACK_COMPLETE"
    assert "not authorized to perform: ssm:GetParameters" in stack.reasons("CREATE_FAILED")["Queue"]
    user.may(STACKS, QUEUES, {"Action": "ssm:GetParameters", "Resource": "*"})
    assert deployed(user.client("cloudformation"), resources).status() == "CREATE_COMPLETE"
