"""Models (JSON schemas of bodies) and request validators."""

import json
import re
from typing import Any

from fogbank.core.context import Context
from fogbank.core.json_text import parse
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import ApiGatewayBase, new_id, page, with_values
from fogbank.services.apigateway.errors import BadRequest, Conflict, NotFound
from fogbank.services.apigateway.records import Model, RequestValidator

_NAME = re.compile(r"[a-zA-Z0-9]+")
_DRAFT_4 = "http://json-schema.org/draft-04/schema#"


def default_models() -> list[Model]:
    """Every API begins with these."""
    empty = {"$schema": _DRAFT_4, "title": "Empty Schema", "type": "object"}
    error = {
        "$schema": _DRAFT_4,
        "title": "Error Schema",
        "type": "object",
        "properties": {"message": {"type": "string"}},
    }
    return [
        Model(new_id(6), "Empty", "This is a default empty schema model", json.dumps(empty, indent=2), _JSON),
        Model(new_id(6), "Error", "This is a default error schema model", json.dumps(error, indent=2), _JSON),
    ]


_JSON = "application/json"


class Models(ApiGatewayBase):
    """The operations on models and request validators."""

    def create_model(
        self,
        ctx: Context,
        *,
        restApiId: str,
        name: str,
        contentType: str,
        description: str | None = None,
        schema: str | None = None,
    ) -> Answer:
        self._api(ctx, restApiId)
        if not name:
            raise BadRequest("Model name must be non-empty")
        if not _NAME.fullmatch(name):
            raise BadRequest("Model name must be alphanumeric: " + name)
        if self._tables.models.get((restApiId, name)) is not None:
            raise Conflict("Model name already exists for this REST API")
        model = Model(new_id(6), name, description or "", _checked(schema, contentType), contentType)
        self._tables.models.put((restApiId, name), model)
        return _described_model(model)

    def delete_model(self, ctx: Context, *, restApiId: str, modelName: str) -> Answer:
        self._model(ctx, restApiId, modelName)
        for _, resource in self._tables.resources.scan((restApiId,)):
            for http_method, method in resource.methods.items():
                responses = method.get("methodResponses", {}).values()
                for side, models in (
                    ("request", (method.get("requestModels") or {}).values()),
                    ("response", [name for each in responses for name in (each.get("responseModels") or {}).values()]),
                ):
                    if modelName in models:
                        raise Conflict(
                            f"Cannot delete model '{modelName}', is referenced in method {side}: "
                            f"{resource.path}/{http_method}"
                        )
        self._tables.models.delete((restApiId, modelName))
        return None

    def get_model(self, ctx: Context, *, restApiId: str, modelName: str, flatten: bool = False) -> Answer:
        model = self._model(ctx, restApiId, modelName)
        if flatten:
            there = {name: found.schema for (_, name), found in self._tables.models.scan((restApiId,))}
            model.schema = json.dumps(flattened(model.schema, there))
        return _described_model(model)

    def get_models(
        self, ctx: Context, *, restApiId: str, position: str | None = None, limit: int | None = None
    ) -> Answer:
        self._api(ctx, restApiId)
        models = [_described_model(model) for _, model in self._tables.models.scan((restApiId,))]
        return page(models, position, limit)

    def update_model(
        self, ctx: Context, *, restApiId: str, modelName: str, patchOperations: list[dict[str, Any]] | None = None
    ) -> Answer:
        model = self._model(ctx, restApiId, modelName)
        values = patches.replaced(patchOperations, ("description", "schema"))
        model.description = values.get("description", model.description)
        if "schema" in values:
            model.schema = _checked(values["schema"], model.content_type)
        self._tables.models.put((restApiId, modelName), model)
        return _described_model(model)

    def _model(self, ctx: Context, api_id: str, name: str) -> Model:
        known = self._tables.apis.peek((ctx.account, ctx.region, api_id)) is not None
        model = self._tables.models.get((api_id, name)) if known else None
        if model is None:
            raise NotFound(f"Invalid model name specified: {name}")
        return model

    # ---- request validators -----------------------------------------------------------------------------------------

    def create_request_validator(
        self,
        ctx: Context,
        *,
        restApiId: str,
        name: str | None = None,
        validateRequestBody: bool = False,
        validateRequestParameters: bool = False,
    ) -> Answer:
        if self._tables.apis.peek((ctx.account, ctx.region, restApiId)) is None:
            raise BadRequest("Invalid REST API identifier specified")
        validator = RequestValidator(new_id(6), name or "", validateRequestBody, validateRequestParameters)
        self._tables.validators.put((restApiId, validator.id), validator)
        return _described_validator(validator)

    def delete_request_validator(self, ctx: Context, *, restApiId: str, requestValidatorId: str) -> Answer:
        self._validator(ctx, restApiId, requestValidatorId)
        for _, resource in self._tables.resources.scan((restApiId,)):
            for http_method, method in resource.methods.items():
                if method.get("requestValidatorId") == requestValidatorId:
                    raise Conflict(
                        f"Cannot delete request validator '{requestValidatorId}', is referenced in method: "
                        f"{resource.path}/{http_method}"
                    )
        self._tables.validators.delete((restApiId, requestValidatorId))
        return None

    def get_request_validator(self, ctx: Context, *, restApiId: str, requestValidatorId: str) -> Answer:
        return _described_validator(self._validator(ctx, restApiId, requestValidatorId))

    def get_request_validators(
        self, ctx: Context, *, restApiId: str, position: str | None = None, limit: int | None = None
    ) -> Answer:
        self._api(ctx, restApiId)
        validators = [_described_validator(each) for _, each in self._tables.validators.scan((restApiId,))]
        return page(validators, position, limit)

    def update_request_validator(
        self,
        ctx: Context,
        *,
        restApiId: str,
        requestValidatorId: str,
        patchOperations: list[dict[str, Any]] | None = None,
    ) -> Answer:
        validator = self._validator(ctx, restApiId, requestValidatorId)
        names = ("name", "validateRequestParameters", "validateRequestBody")
        values = patches.replaced(patchOperations, names)
        if values.get("name") == "":
            raise BadRequest("Request Validator name cannot be blank")
        validator.name = values.get("name", validator.name)
        if "validateRequestBody" in values:
            validator.body = patches.flag(values["validateRequestBody"])
        if "validateRequestParameters" in values:
            validator.parameters = patches.flag(values["validateRequestParameters"])
        self._tables.validators.put((restApiId, validator.id), validator)
        return _described_validator(validator)

    def _validator(self, ctx: Context, api_id: str, validator_id: str) -> RequestValidator:
        known = self._tables.apis.peek((ctx.account, ctx.region, api_id)) is not None
        validator = self._tables.validators.get((api_id, validator_id)) if known else None
        if validator is None:
            raise NotFound("Invalid Request Validator identifier specified")
        return validator


def _checked(schema: str | None, content_type: str) -> str:
    if not schema:
        raise BadRequest("Model schema must have at least 1 property or array items defined")
    if content_type == _JSON and not isinstance(parse(schema), dict):
        raise BadRequest(
            "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified]"
        )
    return schema


_REFERENCE = re.compile(r"https?://[^/]+/restapis/[^/]+/models/([a-zA-Z0-9]+)")


def flattened(schema: str, models: dict[str, str]) -> dict[str, Any]:
    """The schema with those of other models, which it refers to by their URLs, among its definitions."""
    definitions: dict[str, Any] = {}

    def inside(value: Any) -> Any:
        if isinstance(value, list):
            return [inside(item) for item in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        if match is None:
            return {key: inside(item) for key, item in value.items()}
        name = match[1]
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = inside(parse(models.get(name, "{}")))
        return {"$ref": f"#/definitions/{name}"}

    whole: dict[str, Any] = inside(parse(schema))
    if definitions:
        whole["definitions"] = {**whole.get("definitions", {}), **definitions}
    return whole


def _described_model(model: Model) -> dict[str, Any]:
    return with_values(
        {
            "id": model.id,
            "name": model.name,
            "description": model.description or None,
            "schema": model.schema,
            "contentType": model.content_type,
        }
    )


def _described_validator(validator: RequestValidator) -> dict[str, Any]:
    return with_values(
        {
            "id": validator.id,
            "name": validator.name or None,
            "validateRequestBody": validator.body,
            "validateRequestParameters": validator.parameters,
        }
    )
