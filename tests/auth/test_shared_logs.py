"""Log groups that another account shares: its link lets this account in, whose own policies still decide."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, GuardedServer, User

GROUP = "/shared/orders"


@pytest.fixture
def other(guarded: GuardedServer, root: Client) -> Callable[[str], Any]:
    """Clients of another account of the organization."""
    operator = User(guarded, "shared-logs-operator").may({"Action": "sts:AssumeRole", "Resource": "*"})
    organizations = root("organizations")
    with contextlib.suppress(organizations.exceptions.AlreadyInOrganizationException):
        organizations.create_organization()
    made = organizations.create_account(AccountName="logs", Email="logs@example.com")["CreateAccountStatus"]
    account = organizations.describe_create_account_status(CreateAccountRequestId=made["Id"])["CreateAccountStatus"]
    role = f"arn:aws:iam::{account['AccountId']}:role/OrganizationAccountAccessRole"
    session = operator.client("sts").assume_role(RoleArn=role, RoleSessionName="operator")["Credentials"]
    key = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    return lambda service: guarded.as_caller(service, key)


def test_a_link_lets_the_monitoring_account_read_and_its_own_policies_say_who(
    guarded: GuardedServer, root: Client, other: Callable[[str], Any], new_user: Callable[[], User]
) -> None:
    other("logs").create_log_group(logGroupName=GROUP)
    owner = other("sts").get_caller_identity()["Account"]
    arn = f"arn:aws:logs:us-east-1:{owner}:log-group:{GROUP}"
    reader = new_user().may({"Action": "logs:FilterLogEvents", "Resource": f"arn:aws:logs:*:{owner}:log-group:*"})

    def read(user: User) -> Any:
        return user.client("logs").filter_log_events(logGroupIdentifier=arn)["events"]

    with pytest.raises(ClientError, match="no resource-based policy allows"):
        read(reader)
    sinks = root("oam").list_sinks()["Items"]  # A region has one, which another test may have made.
    sink = sinks[0]["Arn"] if sinks else root("oam").create_sink(Name="monitoring")["Arn"]
    allow = {"Effect": "Allow", "Principal": {"AWS": owner}, "Action": "oam:CreateLink", "Resource": "*"}
    root("oam").put_sink_policy(SinkIdentifier=sink, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    other("oam").create_link(LabelTemplate="x", ResourceTypes=["AWS::Logs::LogGroup"], SinkIdentifier=sink)
    assert read(reader) == []
    with pytest.raises(ClientError, match="no identity-based policy allows"):
        read(new_user().may({"Action": "logs:FilterLogEvents", "Resource": f"arn:aws:logs:*:{ACCOUNT}:log-group:*"}))
