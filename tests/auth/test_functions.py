"""Who may make, invoke and call functions."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, User, policy
from tests.patience import eventually
from tests.services.lambda_.test_function_urls import ask
from tests.services.lambda_.test_invocation import ECHO, create

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:guarded"


def role_for(root: Client, name: str, *statements: dict[str, Any]) -> str:
    trust = policy({"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    arn: str = root("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if statements:
        root("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
    return arn


@pytest.fixture
def role(root: Client) -> Iterator[str]:
    yield role_for(root, "work")
    root("iam").delete_role(RoleName="work")


@pytest.fixture
def function(root: Client, role: str) -> Iterator[Any]:
    client = root("lambda")
    create(client, "guarded", ECHO, Role=role)
    yield client
    client.delete_function(FunctionName="guarded")


def test_a_function_has_a_role_that_trusts_lambda(root: Client) -> None:
    trust = policy({"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    other = root("iam").create_role(RoleName="other", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for wrong in (other, f"arn:aws:iam::{ACCOUNT}:role/absent"):
        with pytest.raises(ClientError, match="The role defined for the function cannot be assumed by Lambda"):
            create(root("lambda"), "made", ECHO, Role=wrong)


def test_whoever_makes_a_function_hands_it_its_role(role: str, new_user: Callable[[], User]) -> None:
    user = new_user().may({"Action": "lambda:*", "Resource": "*"})
    with pytest.raises(ClientError, match=rf"not authorized to perform: iam:PassRole on resource: {role}"):
        create(user.client("lambda"), "made", ECHO, Role=role)
    condition = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    user.may({"Action": "iam:PassRole", "Resource": role, "Condition": condition}, name="pass")
    create(user.client("lambda"), "made", ECHO, Role=role)
    user.client("lambda").delete_function(FunctionName="made")


def test_a_function_is_invoked_by_whom_its_own_policy_names(function: Any, new_user: Callable[[], User]) -> None:
    user = new_user()
    with pytest.raises(ClientError, match=f"lambda:InvokeFunction on resource: {FUNCTION} because no identity"):
        user.client("lambda").invoke(FunctionName="guarded")
    function.add_permission(
        FunctionName="guarded", StatementId="user", Action="lambda:InvokeFunction", Principal=user.arn
    )
    assert user.client("lambda").invoke(FunctionName="guarded")["StatusCode"] == 200
    streamed = user.client("lambda").invoke_with_response_stream(FunctionName="guarded")
    with closing(streamed["EventStream"]):
        assert streamed["StatusCode"] == 200


def test_functions_are_told_apart_by_their_tags(function: Any, new_user: Callable[[], User]) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    user = new_user().may({"Action": "lambda:GetFunction", "Resource": "*", "Condition": condition})
    with pytest.raises(ClientError, match="AccessDeniedException"):
        user.client("lambda").get_function(FunctionName="guarded")
    function.tag_resource(Resource=FUNCTION, Tags={"team": "blue"})
    user.client("lambda").get_function(FunctionName="guarded")


def signed(url: str, key: tuple[str, ...]) -> list[tuple[str, str]]:
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(*key), "lambda", "us-east-1").add_auth(request)
    return list(request.headers.items())


def test_a_url_is_called_by_whom_policies_let_in(function: Any, new_user: Callable[[], User]) -> None:
    url = function.create_function_url_config(FunctionName="guarded", AuthType="AWS_IAM")["FunctionUrl"]
    user = new_user()
    assert ask(url).status == 403
    assert ask(url, headers=signed(url, user.key)).status == 403
    condition = {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}
    user.may({"Action": "lambda:InvokeFunctionUrl", "Resource": FUNCTION, "Condition": condition})
    caller = ask(url, headers=signed(url, user.key)).json["requestContext"]["authorizer"]["iam"]
    assert (caller["userArn"], caller["accessKey"]) == (user.arn, user.key[0])
    function.update_function_url_config(FunctionName="guarded", AuthType="NONE")
    assert ask(url).status == 403
    function.add_permission(
        FunctionName="guarded",
        StatementId="public",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    assert ask(url).status == 200


def test_a_mapping_reads_what_the_function_s_role_may_read(root: Client) -> None:
    url = root("sqs").create_queue(QueueName="source")["QueueUrl"]
    arn = root("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    create(root("lambda"), "reader", ECHO, Role=role_for(root, "reader"))
    with pytest.raises(ClientError, match="execution role does not have permissions to call ReceiveMessage on SQS"):
        root("lambda").create_event_source_mapping(FunctionName="reader", EventSourceArn=arn)
    root("iam").put_role_policy(
        RoleName="reader", PolicyName="inline", PolicyDocument=policy({"Action": "sqs:*", "Resource": arn})
    )
    root("lambda").create_event_source_mapping(FunctionName="reader", EventSourceArn=arn)
    root("sqs").send_message(QueueUrl=url, MessageBody="x")
    counts = {"QueueUrl": url, "AttributeNames": ["All"]}
    eventually(lambda: _empty(root("sqs").get_queue_attributes(**counts)["Attributes"]))


def test_mappings_are_told_apart_by_their_functions(root: Client, new_user: Callable[[], User]) -> None:
    # given
    root("sqs").create_queue(QueueName="mapped")
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:mapped"
    reading = {"Action": "sqs:*", "Resource": arn}
    for name in ("ours", "theirs"):
        create(root("lambda"), name, ECHO, Role=role_for(root, name, reading))
    make = root("lambda").create_event_source_mapping
    ours, theirs = (make(FunctionName=name, EventSourceArn=arn, Enabled=False)["UUID"] for name in ("ours", "theirs"))
    function = {"lambda:FunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:ours"}
    user = new_user().may({"Action": "lambda:*Mapping", "Resource": "*", "Condition": {"StringEquals": function}})
    client = user.client("lambda")
    # when, then
    assert client.update_event_source_mapping(UUID=ours, BatchSize=3)["BatchSize"] == 3
    for refused in (
        lambda: client.get_event_source_mapping(UUID=theirs),
        lambda: client.delete_event_source_mapping(UUID=theirs),
        lambda: client.update_event_source_mapping(UUID=theirs, FunctionName="ours"),
        lambda: client.update_event_source_mapping(UUID=ours, FunctionName="theirs"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()
    client.delete_event_source_mapping(UUID=ours)


def _empty(attributes: dict[str, str]) -> bool:
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return all(attributes[name] == "0" for name in names)


def test_what_becomes_of_an_event_is_sent_as_the_function_s_role(root: Client) -> None:
    url = root("sqs").create_queue(QueueName="results")["QueueUrl"]
    arn = root("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sending = {"Action": "sqs:SendMessage", "Resource": arn}
    for name, role in (("mute", role_for(root, "mute")), ("telling", role_for(root, "telling", sending))):
        create(root("lambda"), name, ECHO, Role=role)
        root("lambda").put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}
        )
        root("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    (message,) = eventually(lambda: root("sqs").receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(message["Body"])["requestContext"]["functionArn"].endswith(":telling:$LATEST")
