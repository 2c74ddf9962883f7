"""Methods of REST APIs with AWS_IAM are for whom policies let invoke them."""

import secrets
import urllib.error
import urllib.request
from collections.abc import Callable

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.auth.conftest import ACCOUNT, Client, GuardedServer, User, fetch


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
