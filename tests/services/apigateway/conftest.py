"""An API of the test's own, and functions that it may call."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import LiveServer
from tests.services.apigateway.apis import Api
from tests.services.lambda_.test_invocation import package

Aws = Callable[..., Any]
MakeFunction = Callable[..., str]


@pytest.fixture
def api(aws: Aws, server: LiveServer) -> Api:
    return Api(aws("apigateway"), server.endpoint)


@pytest.fixture
def make_function(aws: Aws) -> MakeFunction:
    """`make_function(source)` gives the ARN of a function that API Gateway may invoke."""

    def make(source: str, name: str = "f", *, allowed: bool = True) -> str:
        client = aws("lambda")
        arn: str = client.create_function(
            FunctionName=name,
            Code={"ZipFile": package(source)},
            Runtime="python3.12",
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/r",
        )["FunctionArn"]
        if allowed:
            client.add_permission(
                FunctionName=name,
                StatementId="api",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
            )
        return arn

    return make
