"""What is behind a method: its integration and the responses that are made of what comes back."""

import re
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import HTTP_METHODS, ApiGatewayBase, with_values
from fogbank.services.apigateway.errors import BadRequest, NotFound
from fogbank.services.apigateway.expressions import check_expression
from fogbank.services.apigateway.methods import remove_response, response_of
from fogbank.services.apigateway.patches import Elements, Entries, Member, text
from fogbank.services.apigateway.records import Document
from fogbank.services.apigateway.vtl.template import check_template

TIMEOUT_MS = (50, 29_000)
_HTTP = ("HTTP", "HTTP_PROXY")
_AWS = ("AWS", "AWS_PROXY")
_FUNCTION = re.compile(r"path//?2015-03-31/functions/(arn:.+|\$\{stageVariables\..+)/invocations/?")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.[A-Za-z0-9_]+\}")
_HTTP_URL = re.compile(r"https?://[^/\s]+.*", re.DOTALL)
_SOURCE = re.compile(
    r"method\.request\.(?:(?:path|querystring|header|multivaluequerystring|multivalueheader)\.\S+|body(?:[.\[].+)?)"
    r"|'[^']*'|context\.\S+|stageVariables\.\S+"
)
_TARGET = re.compile(r"integration\.request\.(?:path|querystring|header)\.\S+")
_RESPONSE_SOURCE = re.compile(
    r"integration\.response\.(?:(?:header|multivalueheader)\.\S+|body(?:[.\[].+)?)|'[^']*'|context\.\S+|stageVariables\.\S+"
)
_RESPONSE_TARGET = re.compile(r"method\.response\.header\.\S+")


class Integrations(ApiGatewayBase):
    """The operations on integrations and integration responses."""

    def put_integration(
        self,
        ctx: Context,
        *,
        restApiId: str,
        resourceId: str,
        httpMethod: str,
        type: str,
        integrationHttpMethod: str | None = None,
        uri: str | None = None,
        connectionType: str | None = None,
        credentials: str | None = None,
        requestParameters: dict[str, str] | None = None,
        requestTemplates: dict[str, str] | None = None,
        passthroughBehavior: str = "WHEN_NO_MATCH",
        cacheNamespace: str | None = None,
        cacheKeyParameters: list[str] | None = None,
        contentHandling: str | None = None,
        timeoutInMillis: int = TIMEOUT_MS[1],
        tlsConfig: dict[str, Any] | None = None,
    ) -> Answer:
        resource, method = self._method(ctx, restApiId, resourceId, httpMethod)
        integration: Document = with_values(
            {
                "type": type,
                "httpMethod": integrationHttpMethod,
                "uri": uri,
                "connectionType": connectionType or ("INTERNET" if type in _HTTP else None),
                "credentials": credentials,
                "requestParameters": requestParameters,
                "requestTemplates": requestTemplates,
                "passthroughBehavior": passthroughBehavior,
                "contentHandling": contentHandling,
                "timeoutInMillis": timeoutInMillis,
                "cacheNamespace": cacheNamespace or resourceId,
                "cacheKeyParameters": cacheKeyParameters or [],
                "tlsConfig": tlsConfig,
            }
        )
        if type == "MOCK":  # As recorded, where it leads is dropped.
            integration.pop("httpMethod", None)
            integration.pop("uri", None)
        check_integration(integration)
        method["methodIntegration"] = integration
        self._save_resource(restApiId, resource)
        return integration

    def delete_integration(self, ctx: Context, *, restApiId: str, resourceId: str, httpMethod: str) -> Answer:
        resource, method = self._method(ctx, restApiId, resourceId, httpMethod)
        _integration(method)
        del method["methodIntegration"]
        self._save_resource(restApiId, resource)
        return None

    def get_integration(self, ctx: Context, *, restApiId: str, resourceId: str, httpMethod: str) -> Answer:
        return _integration(self._method(ctx, restApiId, resourceId, httpMethod)[1])

    def update_integration(
        self,
        ctx: Context,
        *,
        restApiId: str,
        resourceId: str,
        httpMethod: str,
        patchOperations: list[dict[str, Any]] | None = None,
    ) -> Answer:
        resource, method = self._method(ctx, restApiId, resourceId, httpMethod)
        integration = _integration(method)
        for patch in patches.parsed(patchOperations):
            if patch.steps == ["tlsConfig", "insecureSkipVerification"]:
                integration["tlsConfig"] = {"insecureSkipVerification": patches.flag(patch.value)}
            else:
                patches.change(integration, patch, _INTEGRATION)
        integration.setdefault("cacheKeyParameters", [])
        check_integration(integration)
        self._save_resource(restApiId, resource)
        return integration

    # ---- integration responses --------------------------------------------------------------------------------------

    def put_integration_response(
        self,
        ctx: Context,
        *,
        restApiId: str,
        resourceId: str,
        httpMethod: str,
        statusCode: str,
        selectionPattern: str | None = None,
        responseParameters: dict[str, str] | None = None,
        responseTemplates: dict[str, str] | None = None,
        contentHandling: str | None = None,
    ) -> Answer:
        resource, method = self._method(ctx, restApiId, resourceId, httpMethod)
        integration = _integration(method)
        response = with_values(
            {
                "statusCode": statusCode,
                "selectionPattern": selectionPattern,
                "responseParameters": responseParameters,
                "responseTemplates": _or_nothing(responseTemplates),
                "contentHandling": contentHandling,
            }
        )
        check_integration_response(response)
        integration.setdefault("integrationResponses", {})[statusCode] = response
        self._save_resource(restApiId, resource)
        return response

    def get_integration_response(
        self, ctx: Context, *, restApiId: str, resourceId: str, httpMethod: str, statusCode: str
    ) -> Answer:
        _, method = self._method(ctx, restApiId, resourceId, httpMethod)
        return response_of(_integration(method), "integrationResponses", statusCode)

    def delete_integration_response(
        self, ctx: Context, *, restApiId: str, resourceId: str, httpMethod: str, statusCode: str
    ) -> Answer:
        missing = NotFound("Invalid Integration identifier specified")
        resource, method = self._method(ctx, restApiId, resourceId, httpMethod, missing=missing)
        remove_response(_integration(method), "integrationResponses", statusCode)
        self._save_resource(restApiId, resource)
        return None

    def update_integration_response(
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
        response = response_of(_integration(method), "integrationResponses", statusCode)
        for patch in patches.parsed(patchOperations):
            patches.change(response, patch, _INTEGRATION_RESPONSE)
        check_integration_response(response)
        self._save_resource(restApiId, resource)
        return response


def _integration(method: Document) -> Document:
    integration: Document | None = method.get("methodIntegration")
    if integration is None:
        raise NotFound("Invalid Integration identifier specified")
    return integration


def _or_nothing(templates: dict[str, str] | None) -> dict[str, str | None] | None:
    """As recorded, an empty template is kept as null: the body passes through."""
    return None if templates is None else {name: template or None for name, template in templates.items()}


def _milliseconds(value: str | None) -> int:
    return whole_number(value or "") or 0


_INTEGRATION: patches.Members = {
    "type": Member(text),
    "httpMethod": Member(text),
    "uri": Member(text),
    "connectionType": Member(text),
    "credentials": Member(text, remove=True),
    "passthroughBehavior": Member(text),
    "contentHandling": Member(text, remove=True),
    "timeoutInMillis": Member(_milliseconds),
    "cacheNamespace": Member(text),
    "cacheKeyParameters": Elements(),
    "requestParameters": Entries(text),
    "requestTemplates": Entries(text, missing="Invalid template specified"),
}
_INTEGRATION_RESPONSE: patches.Members = {
    "selectionPattern": Member(text),
    "contentHandling": Member(text, remove=True),
    "responseParameters": Entries(text),
    "responseTemplates": Entries(text, missing="Content-Type specified was not found"),
}


def check_integration(integration: Document) -> None:
    """Whether the integration can be one; raises what AWS says else, and NotImplemented for kinds that are missing."""
    kind = integration["type"]
    if kind != "MOCK":
        if not integration.get("httpMethod"):
            raise BadRequest("Enumeration value for HttpMethod must be non-empty")
        if integration["httpMethod"] not in HTTP_METHODS:
            raise BadRequest(f"Invalid HttpMethod specified. Valid options are {','.join(HTTP_METHODS)}")
        _check_uri(kind, integration.get("uri") or "")
    if integration.get("connectionType") == "VPC_LINK":
        raise NotImplementedInFogbank("Integrations through VPC links are not implemented in Fogbank.")
    low, high = TIMEOUT_MS
    if not low <= integration["timeoutInMillis"] <= high:
        raise BadRequest(f"Timeout should be between {low} ms and {high} ms")
    if integration["passthroughBehavior"] not in ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"):
        # The sentence is not recorded.
        raise BadRequest(
            "Invalid passthrough behavior specified. Valid options are WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER"
        )
    for target, source in (integration.get("requestParameters") or {}).items():
        check_mapping(target, source, _TARGET, _SOURCE)
    for content_type, template in (integration.get("requestTemplates") or {}).items():
        _check_content_type(content_type)
        check_template(template)


def _check_uri(kind: str, uri: str) -> None:
    if kind in _HTTP:
        if not _HTTP_URL.fullmatch(_STAGE_VARIABLE.sub("x", uri)) and not uri.startswith("${stageVariables."):
            raise BadRequest("Invalid HTTP endpoint specified for URI")
        return
    arn = parse_arn(uri)
    if arn is None:
        raise BadRequest("Invalid ARN specified in the request")
    if not arn.resource.startswith(("path/", "action/")):
        raise BadRequest("AWS ARN for integration must contain path or action")
    if kind == "AWS_PROXY":
        service = arn.account  # AWS's form is arn:aws:apigateway:{region}:{service}:{path or action}/...
        if service == "firehose" and arn.resource.startswith("action/"):
            raise NotImplementedInFogbank("AWS_PROXY integrations of Firehose are not implemented in Fogbank.")
        if service != "lambda" or not _FUNCTION.fullmatch(arn.resource):
            raise BadRequest(
                "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream "
                "invocations."
            )


def check_mapping(target: str, source: str, targets: re.Pattern[str], sources: re.Pattern[str]) -> None:
    start = "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
    if not targets.fullmatch(target):
        raise BadRequest(f"{start}[Invalid mapping expression parameter specified: {target}]")
    if not sources.fullmatch(source):
        raise BadRequest(f"{start}[Invalid mapping expression specified: {source}]")


def check_integration_response(response: Document) -> None:
    pattern = response.get("selectionPattern")
    if pattern:
        # The sentence is not recorded.
        check_expression(pattern, f"Invalid selection pattern specified: {pattern}")
    for target, source in (response.get("responseParameters") or {}).items():
        check_mapping(target, source, _RESPONSE_TARGET, _RESPONSE_SOURCE)
    for content_type, template in (response.get("responseTemplates") or {}).items():
        _check_content_type(content_type)
        check_template(template)


def _check_content_type(content_type: str) -> None:
    if "/" not in content_type:
        raise BadRequest(f"Validation Result: warnings : [], errors : [Invalid content type specified: {content_type}]")
