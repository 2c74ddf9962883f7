"""OpenAPI 3 and Swagger 2 with API Gateway's extensions, read as what an API is made of.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
Documents name models, validators and authorizers by their names; ids are given when what was read is kept.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.json_text import NOT_JSON, parse
from fogbank.services.apigateway.base import with_values
from fogbank.services.apigateway.errors import BadRequest
from fogbank.services.apigateway.records import Document

_X = "x-amazon-apigateway-"
_VERBS = {verb: verb.upper() for verb in ("get", "put", "post", "delete", "patch", "options", "head")}
_VERBS[f"{_X}any-method"] = "ANY"
_PLACES = {"path": "path", "query": "querystring", "header": "header"}
_INTEGRATION = (
    "type",
    "httpMethod",
    "uri",
    "connectionType",
    "connectionId",
    "credentials",
    "requestParameters",
    "requestTemplates",
    "passthroughBehavior",
    "contentHandling",
    "timeoutInMillis",
    "cacheNamespace",
    "cacheKeyParameters",
    "tlsConfig",
)
_VARIABLE = re.compile(r"\{([^{}+]+)\+?\}")
_UPPER = ("type", "passthroughBehavior", "contentHandling", "connectionType", "httpMethod")


class Method(NamedTuple):
    """One operation. In the document, `requestValidatorId` and `authorizerId` are names."""

    path: str
    document: Document


class Imported(NamedTuple):
    settings: Document
    methods: list[Method]
    paths: list[str]
    models: dict[str, Document]
    """Schemas by name; references are to `#/models/{name}`."""
    validators: dict[str, Document]
    gateway_responses: dict[str, Document]
    authorizers: dict[str, Document]
    warnings: list[str]


def read(body: bytes) -> Document:
    """The document of a text in JSON or YAML."""
    document = parse(body)
    if document is NOT_JSON:
        import yaml  # 20 ms that JSON does without

        try:
            document = yaml.load(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, ValueError, RecursionError):
            raise BadRequest("Invalid OpenAPI input.") from None
    if not isinstance(document, dict) or not ("swagger" in document or "openapi" in document):
        raise BadRequest("Invalid OpenAPI input.")
    if not isinstance(document.get("paths", {}), dict):
        raise BadRequest("Invalid OpenAPI input.")
    return document


def imported(document: Document, parameters: dict[str, str]) -> Imported:
    try:
        return _Reader(document, parameters).read()
    except (AttributeError, TypeError, KeyError) as error:
        # A part is no object, or lacks what it must have. The sentence is not recorded.
        raise BadRequest(f"Unable to parse API definition because of a malformed part: {error}") from None


class _Reader:
    def __init__(self, document: Document, parameters: dict[str, str]) -> None:
        self._document = document
        self._parameters = parameters
        self._components: Document = document.get("components") or {}
        self._schemes: Document = document.get("securityDefinitions") or self._components.get("securitySchemes") or {}
        self._models: dict[str, Document] = {}
        self._warnings: list[str] = []

    def read(self) -> Imported:
        schemas: Document = self._document.get("definitions") or self._components.get("schemas") or {}
        for name, schema in schemas.items():
            self._models[name] = _with_model_references(schema)
        base = self._base_path()
        methods, paths = [], []
        for path, item in (self._document.get("paths") or {}).items():
            whole = f"{base}/{path.strip('/')}".rstrip("/") or "/"
            paths.append(whole)
            shared = item.get("parameters") or []
            for verb, http_method in _VERBS.items():
                if verb in item:
                    methods.append(Method(whole, self._method(whole, http_method, item[verb], shared)))
        return Imported(
            settings=self._settings(),
            methods=methods,
            paths=paths,
            models=self._models,
            validators=self._document.get(f"{_X}request-validators") or {},
            gateway_responses=self._document.get(f"{_X}gateway-responses") or {},
            authorizers=dict(self._authorizers()),
            warnings=self._warnings,
        )

    # ---- the API

    def _settings(self) -> Document:
        document, info = self._document, self._document.get("info") or {}
        if f"{_X}policy" in document:
            raise NotImplementedInFogbank("Resource policies of REST APIs are not implemented in Fogbank.")
        endpoint: Document = document.get(f"{_X}endpoint-configuration") or {}
        types = self._parameters.get("endpointConfigurationTypes")
        version = info.get("version")
        return with_values(
            {
                "name": str(info.get("title") or "")[:1024],
                "description": info.get("description"),
                "version": None if version is None else str(version),
                "binaryMediaTypes": document.get(f"{_X}binary-media-types"),
                "minimumCompressionSize": document.get(f"{_X}minimum-compression-size"),
                "apiKeySource": document.get(f"{_X}api-key-source"),
                "endpointTypes": types.split(",") if types else None,
                "disableExecuteApiEndpoint": endpoint.get("disableExecuteApiEndpoint"),
            }
        )

    def _base_path(self) -> str:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-import-api-basePath.html"""
        kind = self._parameters.get("basepath", "ignore").lower()
        if kind not in ("ignore", "prepend", "split"):  # The sentence is not recorded.
            raise BadRequest(f"Invalid basepath parameter specified: {kind}")
        if kind == "ignore":
            return ""
        base = self._document.get("basePath") or ""
        for server in (self._document.get("servers") or [])[:1]:
            variable = (server.get("variables") or {}).get("basePath")
            base = variable["default"] if variable is not None else urlsplit(server.get("url", "")).path
        parts = [part for part in base.split("/") if part]
        if kind == "split":
            parts = parts[1:]
        return "".join(f"/{part}" for part in parts)

    def _authorizers(self) -> Iterator[tuple[str, Document]]:
        for name, scheme in self._schemes.items():
            given = scheme.get(f"{_X}authorizer")
            if given is None:
                continue
            kind = str(given.get("type", "")).upper()
            identity = given.get("identitySource") or None
            if identity is None and scheme.get("in") in ("header", "query") and kind != "REQUEST":
                place = "header" if scheme["in"] == "header" else "querystring"
                identity = f"method.request.{place}.{scheme['name']}"
            yield (
                name,
                with_values(
                    {
                        "name": name,
                        "type": kind,
                        "authType": scheme.get(f"{_X}authtype"),
                        "authorizerUri": given.get("authorizerUri"),
                        "authorizerCredentials": given.get("authorizerCredentials") or None,
                        "identitySource": identity,
                        "identityValidationExpression": given.get("identityValidationExpression"),
                        "authorizerResultTtlInSeconds": given.get("authorizerResultTtlInSeconds"),
                        "providerARNs": given.get("providerARNs"),
                    }
                ),
            )

    # ---- methods

    def _method(self, path: str, http_method: str, operation: Document, shared: list[Document]) -> Document:
        parameters, models = self._request(operation, shared)
        for name in _VARIABLE.findall(path):  # As recorded, these need not be declared.
            parameters.setdefault(f"method.request.path.{name}", True)
        method: Document = {
            "httpMethod": http_method,
            "apiKeyRequired": False,
            "authorizationType": "NONE",
            **with_values(
                {
                    "operationName": operation.get("operationId"),
                    "requestParameters": parameters or None,
                    "requestModels": models or None,
                    "requestValidatorId": operation.get(
                        f"{_X}request-validator", self._document.get(f"{_X}request-validator")
                    ),
                }
            ),
        }
        self._secure(method, operation)
        responses = self._responses(operation)
        if responses:
            method["methodResponses"] = responses
        integration = operation.get(f"{_X}integration") or self._document.get(f"{_X}integration")
        if integration is not None:
            self._warn_of_others_than_texts(path, http_method, integration)
            method["methodIntegration"] = _integration(integration)
        return method

    def _warn_of_others_than_texts(self, path: str, http_method: str, integration: Document) -> None:
        for name, value in (integration.get("requestParameters") or {}).items():
            if not isinstance(value, str):
                self._warnings.append(
                    f"Invalid format for 'requestParameters'. Expected type string for property '{name}' of resource "
                    f"'{path}' and method '{http_method}' but got '{json.dumps(value)}'"
                )

    def _secure(self, method: Document, operation: Document) -> None:
        auth = operation.get(f"{_X}auth")
        if auth is not None:
            method["authorizationType"] = str(auth.get("type", "NONE")).upper()
        for requirement in operation.get("security", self._document.get("security")) or ():
            for name, scopes in requirement.items():
                scheme = self._schemes.get(name)
                if scheme is None:
                    continue
                authorizer = scheme.get(f"{_X}authorizer")
                if authorizer is not None:
                    pool = str(authorizer.get("type", "")).lower() == "cognito_user_pools"
                    method["authorizationType"] = "COGNITO_USER_POOLS" if pool else "CUSTOM"
                    method["authorizerId"] = name
                    if scopes:
                        method["authorizationScopes"] = list(scopes)
                elif str(scheme.get(f"{_X}authtype", "")).lower() == "awssigv4":
                    method["authorizationType"] = "AWS_IAM"
                elif scheme.get("type") == "apiKey" and str(scheme.get("name", "")).lower() == "x-api-key":
                    method["apiKeyRequired"] = True

    def _request(self, operation: Document, shared: list[Document]) -> tuple[dict[str, bool], dict[str, str]]:
        """The method's request parameters and models."""
        parameters: dict[str, bool] = {}
        models: dict[str, str] = {}
        for given in [*shared, *(operation.get("parameters") or [])]:
            parameter = self._resolved(given)
            place = parameter.get("in")
            if place in _PLACES:
                name = f"method.request.{_PLACES[place]}.{parameter['name']}"
                parameters[name] = bool(parameter.get("required", False))
            elif place == "body":
                for content_type in operation.get("consumes") or self._document.get("consumes") or [_JSON]:
                    models[content_type] = self._model(parameter.get("schema") or {})
            else:
                self._warnings.append(f"Parameters in {place} are not supported: {parameter.get('name')}")
        body = self._resolved(operation.get("requestBody") or {})
        for content_type, media in (body.get("content") or {}).items():
            if "schema" in media:
                models[content_type] = self._model(media["schema"])
        return parameters, models

    def _responses(self, operation: Document) -> dict[str, Document]:
        found = {}
        for code, given in (operation.get("responses") or {}).items():
            status = str(code)
            if not status.isdecimal():
                continue  # `default` is no status that a method could answer.
            response = self._resolved(given)
            headers = {f"method.response.header.{name}": False for name in response.get("headers") or {}}
            models = {}
            if "schema" in response:
                for content_type in operation.get("produces") or self._document.get("produces") or [_JSON]:
                    models[content_type] = self._model(response["schema"])
            for content_type, media in (response.get("content") or {}).items():
                if "schema" in media:
                    models[content_type] = self._model(media["schema"])
            found[status] = with_values(
                {"statusCode": status, "responseParameters": headers or None, "responseModels": models or None}
            )
        return found

    def _model(self, schema: Document) -> str:
        """The name of the model that the schema refers to; one that stands by itself becomes a model of its own."""
        reference = schema.get("$ref")
        if reference is not None:
            return str(reference).rpartition("/")[2]
        whole = _with_model_references(schema)
        name = f"MODEL{hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:6]}"
        self._models[name] = whole
        return name

    def _resolved(self, given: Document) -> Document:
        """The part that a local reference means."""
        reference = given.get("$ref")
        if reference is None:
            return given
        found: Any = self._document
        for step in str(reference).removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        resolved: Document = found
        return resolved


_JSON = "application/json"


def _integration(given: Document) -> Document:
    if str(given.get("connectionType", "")).upper() == "VPC_LINK":
        raise NotImplementedInFogbank("Integrations through VPC links are not implemented in Fogbank.")
    integration = {name: given[name] for name in _INTEGRATION if given.get(name) is not None}
    for name in ("requestParameters", "requestTemplates"):
        if name in integration:
            integration[name] = _texts(integration[name])
    for name in _UPPER:
        if name in integration:
            integration[name] = str(integration[name]).upper()
    if integration.get("type") == "MOCK":
        integration.pop("httpMethod", None)
    if integration.get("httpMethod") == "X-AMAZON-APIGATEWAY-ANY-METHOD":
        integration["httpMethod"] = "ANY"
    responses = {}
    for pattern, response in (given.get("responses") or {}).items():
        status = str(response["statusCode"])
        responses[status] = with_values(
            {
                "statusCode": status,
                "selectionPattern": None if pattern == "default" else str(pattern),
                "responseParameters": _texts(response.get("responseParameters")),
                "responseTemplates": _texts(response.get("responseTemplates")),
                "contentHandling": str(response["contentHandling"]).upper() if "contentHandling" in response else None,
            }
        )
    if responses:
        integration["integrationResponses"] = responses
    return integration


def _texts(values: Document | None) -> dict[str, str] | None:
    """As recorded, AWS leaves out what is no text."""
    return {name: value for name, value in values.items() if isinstance(value, str)} or None if values else None


def _with_model_references(value: Any) -> Any:
    """`#/definitions/Pet` and `#/components/schemas/Pet` become `#/models/Pet`."""
    if isinstance(value, list):
        return [_with_model_references(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _with_model_references(item) for key, item in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        changed["$ref"] = f"#/models/{reference.rpartition('/')[2]}"
    return changed
