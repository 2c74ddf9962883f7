"""ImportRestApi and PutRestApi: an API is made, or made anew, of a document."""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.apigateway import openapi
from fogbank.services.apigateway.authorizers import Authorizers
from fogbank.services.apigateway.base import new_id
from fogbank.services.apigateway.errors import BadRequest
from fogbank.services.apigateway.integrations import TIMEOUT_MS, check_integration, check_integration_response
from fogbank.services.apigateway.methods import Methods
from fogbank.services.apigateway.openapi import Imported
from fogbank.services.apigateway.records import (
    Document,
    GatewayResponse,
    Model,
    RequestValidator,
    Resource,
    RestApi,
)
from fogbank.services.apigateway.resource_tree import ResourceTree
from fogbank.services.apigateway.rest_apis import RestApis, described, endpoint_configuration


class Imports(Authorizers, Methods, ResourceTree, RestApis):
    """The operations that read OpenAPI."""

    def import_rest_api(
        self,
        ctx: Context,
        *,
        body: bytes,
        failOnWarnings: bool = False,
        parameters: dict[str, str] | None = None,
    ) -> Answer:
        imported = _imported(body, parameters, failOnWarnings)
        api = self.make_api(ctx, {**_DEFAULTS, "endpointConfiguration": endpoint_configuration(None)}, {})
        return self._put_all(api, imported)

    def put_rest_api(
        self,
        ctx: Context,
        *,
        restApiId: str,
        body: bytes,
        mode: str = "merge",
        failOnWarnings: bool = False,
        parameters: dict[str, str] | None = None,
    ) -> Answer:
        imported = _imported(body, parameters, failOnWarnings)
        api = self._api(ctx, restApiId)
        answer = self._merge(api, imported) if mode == "merge" else self._put_all(api, imported)
        return {"tags": {}, **answer}

    def _put_all(self, api: RestApi, imported: Imported) -> dict[str, Any]:
        """The API has what the document says and nothing else."""
        self._tables.remove_contents(api.id)
        for name in ("description", "version", "binaryMediaTypes", "minimumCompressionSize"):
            api.settings.pop(name, None)
        self._save_resource(api.id, Resource(api.root_id, "", "", "/"))
        return self._merge(api, imported)

    def _merge(self, api: RestApi, imported: Imported) -> dict[str, Any]:
        settings = dict(imported.settings)
        types = settings.pop("endpointTypes", None)
        if types is not None:
            api.settings["endpointConfiguration"] = endpoint_configuration({"types": types})
        media_types = [*(api.settings.get("binaryMediaTypes") or ()), *(settings.pop("binaryMediaTypes", None) or ())]
        if media_types:
            api.settings["binaryMediaTypes"] = list(dict.fromkeys(media_types))
        api.settings |= settings
        self._save_api(api)
        self._put_models(api, imported.models)
        validators = self._put_validators(api, imported.validators)
        self._put_gateway_responses(api, imported.gateway_responses)
        authorizers = self._put_authorizers(api, imported.authorizers)
        resources = {resource.path: resource for resource in self._resources(api.id).values()}
        for path in imported.paths:
            self._resource_at(api, resources, path)
        for path, method in imported.methods:
            resource = resources[path]
            _name_ids(method, validators, authorizers)
            self._put_method_of(api, resource, method)
        for resource in resources.values():
            self._save_resource(api.id, resource)
        warnings = {"warnings": imported.warnings} if imported.warnings else {}
        return {**described(api), **warnings}

    def _put_models(self, api: RestApi, models: dict[str, Document]) -> None:
        for name, schema in models.items():
            there = self._tables.models.get((api.id, name))
            text = json.dumps(_with_urls(schema, api.id))
            description = str(schema.get("description") or "")
            model = Model(there.id if there is not None else new_id(6), name, description, text, "application/json")
            self._tables.models.put((api.id, name), model)

    def _put_validators(self, api: RestApi, validators: dict[str, Document]) -> dict[str, str]:
        """The ids of the API's validators by their names."""
        ids = {validator.name: validator.id for _, validator in self._tables.validators.scan((api.id,))}
        for name, given in validators.items():
            validator = RequestValidator(
                ids.setdefault(name, new_id(6)),
                name,
                bool(given.get("validateRequestBody")),
                bool(given.get("validateRequestParameters")),
            )
            self._tables.validators.put((api.id, validator.id), validator)
        return ids

    def _put_gateway_responses(self, api: RestApi, responses: dict[str, Document]) -> None:
        for kind, given in responses.items():
            status = given.get("statusCode")
            response = GatewayResponse(
                kind,
                "" if status is None else str(status),
                given.get("responseParameters") or {},
                given.get("responseTemplates") or {},
            )
            self._tables.gateway_responses.put((api.id, kind), response)

    def _put_authorizers(self, api: RestApi, authorizers: dict[str, Document]) -> dict[str, str]:
        """The ids of the API's authorizers by their names."""
        ids = {each.document["name"]: each.id for _, each in self._tables.authorizers.scan((api.id,))}
        for name, document in authorizers.items():
            self.put_authorizer(api.id, ids.setdefault(name, new_id(6)), document)
        return ids

    def _resource_at(self, api: RestApi, resources: dict[str, Resource], path: str) -> Resource:
        """The path's resource, made with all above it if it is not there."""
        if path not in resources:
            parent, _, part = path.rpartition("/")
            above = self._resource_at(api, resources, parent or "/")
            resources[path] = self.add_resource(api.id, above, part)
        return resources[path]

    def _put_method_of(self, api: RestApi, resource: Resource, method: Document) -> None:
        self.check_method(api.id, method)
        for response in (method.get("methodResponses") or {}).values():
            self.check_response(api.id, response)
        integration = method.get("methodIntegration")
        if integration is not None:
            complete_integration(integration, resource.id)
            check_integration(integration)
            for response in (integration.get("integrationResponses") or {}).values():
                check_integration_response(response)
        resource.methods[method["httpMethod"]] = method


_DEFAULTS: Document = {"name": "", "apiKeySource": "HEADER", "disableExecuteApiEndpoint": False}


def _imported(body: bytes, parameters: dict[str, str] | None, fail_on_warnings: bool) -> Imported:
    imported = openapi.imported(openapi.read(body), parameters or {})
    if fail_on_warnings and imported.warnings:  # The sentence is not recorded.
        raise BadRequest(f"Warnings found during import: {'; '.join(imported.warnings)}")
    return imported


def complete_integration(integration: Document, resource_id: str) -> None:
    """Put what every integration has where the document says nothing."""
    if integration.get("type") in ("HTTP", "HTTP_PROXY"):
        integration.setdefault("connectionType", "INTERNET")
    integration.setdefault("passthroughBehavior", "WHEN_NO_MATCH")
    integration.setdefault("timeoutInMillis", TIMEOUT_MS[1])
    integration.setdefault("cacheNamespace", resource_id)
    integration.setdefault("cacheKeyParameters", [])


def _name_ids(method: Document, validators: dict[str, str], authorizers: dict[str, str]) -> None:
    """Put ids where the document has names."""
    for member, ids in (("requestValidatorId", validators), ("authorizerId", authorizers)):
        if member in method:
            method[member] = ids.get(method[member], method[member])


def _with_urls(value: Any, api_id: str) -> Any:
    """References to other models as models have them: by URL."""
    if isinstance(value, list):
        return [_with_urls(item, api_id) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _with_urls(item, api_id) for key, item in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/models/"):
        name = reference.removeprefix("#/models/")
        changed["$ref"] = f"https://apigateway.amazonaws.com/restapis/{api_id}/models/{name}"
    return changed
