"""Methods of resources, and the responses that they declare."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import HTTP_METHODS, ApiGatewayBase, with_values
from fogbank.services.apigateway.errors import BadRequest, Conflict, NotFound
from fogbank.services.apigateway.patches import Elements, Entries, Member, flag, text
from fogbank.services.apigateway.records import Document

AUTHORIZATION_TYPES = ("NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS")
_BY_AUTHORIZER = ("CUSTOM", "COGNITO_USER_POOLS")


class Methods(ApiGatewayBase):
    """The operations on methods and method responses."""

    def put_method(
        self,
        ctx: Context,
        *,
        restApiId: str,
        resourceId: str,
        httpMethod: str,
        authorizationType: str,
        authorizerId: str | None = None,
        apiKeyRequired: bool = False,
        operationName: str | None = None,
        requestParameters: dict[str, bool] | None = None,
        requestModels: dict[str, str] | None = None,
        requestValidatorId: str | None = None,
        authorizationScopes: list[str] | None = None,
    ) -> Answer:
        resource = self._resource(ctx, restApiId, resourceId)
        if httpMethod not in HTTP_METHODS:
            raise BadRequest(f"Invalid HttpMethod specified. Valid options are {','.join(HTTP_METHODS)}")
        if httpMethod in resource.methods:
            raise Conflict("Method already exists for this resource")
        method: Document = with_values(
            {
                "httpMethod": httpMethod,
                "authorizationType": authorizationType.upper(),
                "authorizerId": authorizerId,
                "apiKeyRequired": apiKeyRequired,
                "operationName": operationName,
                "requestParameters": requestParameters,
                "requestModels": requestModels,
                "requestValidatorId": requestValidatorId,
                "authorizationScopes": authorizationScopes,
            }
        )
        self.check_method(restApiId, method)
        resource.methods[httpMethod] = method
        self._save_resource(restApiId, resource)
        return method

    def check_method(self, api_id: str, method: Document) -> None:
        """Whether all that the method refers to is there."""
        if method["authorizationType"] not in AUTHORIZATION_TYPES:
            raise BadRequest(
                "Invalid authorization type specified. Valid options are NONE, AWS_IAM, CUSTOM, COGNITO_USER_POOLS"
            )
        authorizer = method.get("authorizerId") or ""
        by_authorizer = method["authorizationType"] in _BY_AUTHORIZER
        if by_authorizer and self._tables.authorizers.peek((api_id, authorizer)) is None:
            raise BadRequest(
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS "
                "requires a valid authorizer."
            )
        validator = method.get("requestValidatorId")
        if validator and self._tables.validators.peek((api_id, validator)) is None:
            raise BadRequest("Invalid Request Validator identifier specified")
        for model in (method.get("requestModels") or {}).values():
            if self._tables.models.peek((api_id, model)) is None:
                raise BadRequest(f"Invalid model identifier specified: {model}")
        names = [name.rpartition(".")[2] for name in method.get("requestParameters") or ()]
        if len(set(names)) < len(names):
            raise BadRequest("Parameter names must be unique across querystring, header and path")

    def delete_method(self, ctx: Context, *, restApiId: str, resourceId: str, httpMethod: str) -> Answer:
        resource, _ = self._method(ctx, restApiId, resourceId, httpMethod)
        del resource.methods[httpMethod]
        self._save_resource(restApiId, resource)
        return None

    def get_method(self, ctx: Context, *, restApiId: str, resourceId: str, httpMethod: str) -> Answer:
        return self._method(ctx, restApiId, resourceId, httpMethod)[1]

    def update_method(
        self,
        ctx: Context,
        *,
        restApiId: str,
        resourceId: str,
        httpMethod: str,
        patchOperations: list[dict[str, Any]] | None = None,
    ) -> Answer:
        resource, method = self._method(ctx, restApiId, resourceId, httpMethod)
        for patch in patches.parsed(patchOperations):
            patches.change(method, patch, _METHOD)
        if method["authorizationType"] not in _BY_AUTHORIZER:
            method.pop("authorizerId", None)
        self.check_method(restApiId, method)
        self._save_resource(restApiId, resource)
        return method

    # ---- the responses that a method declares -----------------------------------------------------------------------

    def put_method_response(
        self,
        ctx: Context,
        *,
        restApiId: str,
        resourceId: str,
        httpMethod: str,
        statusCode: str,
        responseParameters: dict[str, bool] | None = None,
        responseModels: dict[str, str] | None = None,
    ) -> Answer:
        resource, method = self._method(ctx, restApiId, resourceId, httpMethod)
        responses = method.setdefault("methodResponses", {})
        if statusCode in responses:
            raise Conflict("Response already exists for this resource")
        response = with_values(
            {"statusCode": statusCode, "responseParameters": responseParameters, "responseModels": responseModels}
        )
        self.check_response(restApiId, response)
        responses[statusCode] = response
        self._save_resource(restApiId, resource)
        return response

    def check_response(self, api_id: str, response: Document) -> None:
        for name in response.get("responseParameters") or ():
            if not name.startswith("method.response.header."):
                raise BadRequest(
                    f"Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                    f"[Invalid mapping expression parameter specified: {name}]"
                )
        for model in (response.get("responseModels") or {}).values():
            if self._tables.models.peek((api_id, model)) is None:
                raise BadRequest(f"Invalid model identifier specified: {model}")

    def get_method_response(
        self, ctx: Context, *, restApiId: str, resourceId: str, httpMethod: str, statusCode: str
    ) -> Answer:
        _, method = self._method(ctx, restApiId, resourceId, httpMethod)
        return response_of(method, "methodResponses", statusCode)

    def delete_method_response(
        self, ctx: Context, *, restApiId: str, resourceId: str, httpMethod: str, statusCode: str
    ) -> Answer:
        resource, method = self._method(ctx, restApiId, resourceId, httpMethod)
        remove_response(method, "methodResponses", statusCode)
        self._save_resource(restApiId, resource)
        return None

    def update_method_response(
        self,
        ctx: Context,
        *,
        restApiId: str,
        resourceId: str,
        httpMethod: str,
        statusCode: str,
        patchOperations: list[dict[str, Any]] | None = None,
    ) -> Answer:
        resource, method = self._method(ctx, restApiId, resourceId, httpMethod)
        response = response_of(method, "methodResponses", statusCode)
        for patch in patches.parsed(patchOperations):
            patches.change(response, patch, _METHOD_RESPONSE)
        self.check_response(restApiId, response)
        self._save_resource(restApiId, resource)
        return response


def response_of(holder: Document, member: str, status_code: str) -> Document:
    response: Document | None = holder.get(member, {}).get(status_code)
    if response is None:
        raise NotFound("Invalid Response status code specified")
    return response


def remove_response(holder: Document, member: str, status_code: str) -> None:
    response_of(holder, member, status_code)
    del holder[member][status_code]
    if not holder[member]:
        del holder[member]


_MODELS = Entries(text, missing="Content-Type specified was not found")
_METHOD: patches.Members = {
    "authorizationType": Member(lambda value: (value or "").upper()),
    "authorizerId": Member(text),
    "apiKeyRequired": Member(flag),
    "operationName": Member(text),
    "requestValidatorId": Member(text, remove=True),
    "requestParameters": Entries(flag),
    "requestModels": _MODELS,
    "authorizationScopes": Elements(),
}
_METHOD_RESPONSE: patches.Members = {"responseParameters": Entries(flag), "responseModels": _MODELS}
