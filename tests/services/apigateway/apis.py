"""What the tests of API Gateway share: an API that is built method by method, deployed and asked."""

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """A REST API of the test's own; asked at the stage `test`."""

    def __init__(self, client: Any, endpoint: str, **settings: Any) -> None:
        self.client = client
        self.endpoint = endpoint
        created = client.create_rest_api(**{"name": "shop", **settings})
        self.id: str = created["id"]
        self._ids = {"/": created["rootResourceId"]}

    def resource(self, path: str) -> str:
        """The id of the path's resource, made with all above it if it is not there."""
        if path not in self._ids:
            parent, _, part = path.rpartition("/")
            above = self.resource(parent or "/")
            self._ids[path] = self.client.create_resource(restApiId=self.id, parentId=above, pathPart=part)["id"]
        return self._ids[path]

    def method(self, path: str, http_method: str = "GET", **settings: Any) -> dict[str, str]:
        place = {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": http_method}
        self.client.put_method(**place, **{"authorizationType": "NONE", **settings})
        return place

    def function(self, path: str, arn: str, http_method: str = "ANY", kind: str = "AWS_PROXY", **settings: Any) -> None:
        """A method with the function behind it; leave to invoke it is not given here."""
        place = self.method(path, http_method)
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        self.client.put_integration(**place, type=kind, integrationHttpMethod="POST", uri=uri, **settings)

    def mock(
        self,
        path: str,
        http_method: str = "GET",
        *,
        request: str = '{"statusCode": 200}',
        response: str = "",
        headers: dict[str, str] | None = None,
        integration: dict[str, Any] | None = None,
        **method: Any,
    ) -> None:
        """A method that answers the response template."""
        place = self.method(path, http_method, **method)
        templates = {"application/json": request}
        self.client.put_integration(**place, type="MOCK", requestTemplates=templates, **(integration or {}))
        declared = {f"method.response.header.{name}": False for name in headers or {}}
        self.client.put_method_response(**place, statusCode="200", responseParameters=declared)
        mapped = {f"method.response.header.{name}": value for name, value in (headers or {}).items()}
        self.client.put_integration_response(
            **place,
            statusCode="200",
            responseParameters=mapped,
            **({"responseTemplates": {"application/json": response}} if response else {}),
        )

    def deploy(self, stage: str = "test", **settings: Any) -> str:
        deployed: str = self.client.create_deployment(restApiId=self.id, stageName=stage, **settings)["id"]
        return deployed

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        body: bytes | str | None = None,
        headers: dict[str, str] | None = None,
        stage: str = "test",
    ) -> Answer:
        return ask(self.endpoint, f"/_aws/execute-api/{self.id}/{stage}{path}", method, body=body, headers=headers)


def ask(
    endpoint: str,
    target: str,
    method: str = "GET",
    *,
    body: bytes | str | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()
