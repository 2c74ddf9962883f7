"""Methods of REST APIs with AWS_IAM are for whom policies let invoke them."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.auth.conftest import ACCOUNT, Client, GuardedServer, User, fetch, policy
from tests.patience import eventually


def get(url: str, key: tuple[str, str] | None) -> tuple[int, bytes]:
    made = AWSRequest(method="GET", url=url)
    if key is not None:
        SigV4Auth(Credentials(*key), "execute-api", "us-east-1").add_auth(made)
    return fetch(urllib.request.Request(url, headers=dict(made.headers.items())))


def test_a_method_with_iam_is_for_whom_policies_let_invoke_it(
    root: Client, guarded: GuardedServer, new_user: Callable[[], User]
) -> None:
    gateway, user = root("apigateway"), new_user()
    api = gateway.create_rest_api(name=f"api-{secrets.token_hex(4)}")
    at = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    gateway.put_method(**at, authorizationType="AWS_IAM")
    gateway.put_integration(**at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_method_response(**at, statusCode="200")
    gateway.put_integration_response(**at, statusCode="200")
    gateway.create_deployment(restApiId=api["id"], stageName="live")
    url = f"{guarded.endpoint}/_aws/execute-api/{api['id']}/live/"
    assert get(url, None)[0] == 403
    arn = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api['id']}/live/GET/"
    status, told = get(url, user.key)
    assert status == 403
    assert f"User: {user.arn} is not authorized to perform: execute-api:Invoke on resource: {arn}".encode() in told
    user.may({"Action": "execute-api:Invoke", "Resource": arn})
    assert get(url, user.key)[0] == 200
    assert get(url, (user.key[0], "wrong"))[0] == 403


def test_a_rule_calls_an_api_as_its_role(root: Client) -> None:
    gateway, sqs, events, iam = (root(service) for service in ("apigateway", "sqs", "events", "iam"))
    name = f"api-{secrets.token_hex(4)}"
    api = gateway.create_rest_api(name=name)
    at = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "POST"}
    gateway.put_method(**at, authorizationType="AWS_IAM")
    # What gets through is told to a queue by the integration.
    queue, dead = (sqs.create_queue(QueueName=f"{name}-{what}")["QueueUrl"] for what in ("told", "dead"))
    trust = policy({"Principal": {"Service": ["events.amazonaws.com", "apigateway.amazonaws.com"]},
                    "Action": "sts:AssumeRole"})  # fmt: skip
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    telling = {"Action": "sqs:SendMessage", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="telling", PolicyDocument=policy(telling))
    gateway.put_integration(
        **at,
        type="AWS",
        integrationHttpMethod="POST",
        credentials=role,
        uri=f"arn:aws:apigateway:us-east-1:sqs:path/{ACCOUNT}/{name}-told",
        requestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        requestTemplates={"application/json": "Action=SendMessage&MessageBody=told"},
    )
    gateway.put_method_response(**at, statusCode="200")
    gateway.put_integration_response(**at, statusCode="200")
    gateway.create_deployment(restApiId=api["id"], stageName="live")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    arn = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{api['id']}/live/POST/"
    dead_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}-dead"
    letting = {"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": dead_arn}
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"Policy": policy(letting)})
    target = {"Id": "1", "Arn": arn, "RoleArn": role, "DeadLetterConfig": {"Arn": dead_arn}}
    events.put_targets(Rule=name, Targets=[target])

    def put() -> None:
        events.put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": "{}"}])

    put()
    assert eventually(lambda: sqs.receive_message(QueueUrl=dead).get("Messages"))
    invoking = {"Action": "execute-api:Invoke", "Resource": arn}
    iam.put_role_policy(RoleName=name, PolicyName="invoking", PolicyDocument=policy(invoking))
    put()
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    assert message["Body"] == "told"
