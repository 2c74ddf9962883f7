"""API keys: what callers of metered methods send.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-setup-api-key-with-console.html
"""

import secrets
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import ApiGatewayBase, new_id, page, with_values
from fogbank.services.apigateway.errors import BadRequest, Conflict, NotFound
from fogbank.services.apigateway.records import ApiKey
from fogbank.services.apigateway.tags import check_tags

NAME_MAX = 1024
DESCRIPTION_MAX = 125_000
VALUE_LENGTHS = (20, 128)


class ApiKeys(ApiGatewayBase):
    """The operations on API keys."""

    def create_api_key(
        self,
        ctx: Context,
        *,
        name: str | None = None,
        description: str | None = None,
        enabled: bool = False,
        value: str | None = None,
        customerId: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> Answer:
        _check_name(name)
        _check_description(description)
        place = (ctx.account, ctx.region)
        value = value or secrets.token_urlsafe(30).replace("-", "a").replace("_", "b")
        _check_value(value)
        if self._tables.key_values.get((*place, value)) is not None:
            raise Conflict("API Key already exists")
        key = ApiKey(
            id=new_id(),
            value=value,
            name=name or None,
            description=description,
            enabled=enabled,
            customer_id=customerId,
            created_ms=ctx.now_ms,
            updated_ms=ctx.now_ms,
            tags=check_tags(tags),
            sequence=self.cloud.sequence.next(),
        )
        self._tables.api_keys.put((*place, key.id), key)
        self._tables.key_values.put((*place, value), key.id)
        return {**described(key), "value": key.value}

    def delete_api_key(self, ctx: Context, *, apiKey: str) -> Answer:
        key = self._api_key(ctx, apiKey)
        self._tables.api_keys.delete((ctx.account, ctx.region, key.id))
        self._tables.key_values.delete((ctx.account, ctx.region, key.value))
        for place, _ in list(self._tables.plan_keys.scan((ctx.account, ctx.region))):
            if place[3] == key.id:
                self._tables.plan_keys.delete(place)
        return None

    def get_api_key(self, ctx: Context, *, apiKey: str, includeValue: bool = False) -> Answer:
        key = self._api_key(ctx, apiKey)
        return {"tags": {}, **described(key), **({"value": key.value} if includeValue else {})}

    def get_api_keys(
        self,
        ctx: Context,
        *,
        position: str | None = None,
        limit: int | None = None,
        nameQuery: str | None = None,
        customerId: str | None = None,
        includeValues: bool = False,
    ) -> Answer:
        keys = [key for _, key in self._tables.api_keys.scan((ctx.account, ctx.region))]
        keys.sort(key=lambda key: -key.sequence)  # As recorded: the newest first.
        found = [
            {**described(key), **({"value": key.value} if includeValues else {})}
            for key in keys
            if (key.name or "").startswith(nameQuery or "") and customerId in (None, key.customer_id)
        ]
        return page(found, position, limit)

    def update_api_key(
        self, ctx: Context, *, apiKey: str, patchOperations: list[dict[str, Any]] | None = None
    ) -> Answer:
        key = self._api_key(ctx, apiKey)
        values = patches.replaced(patchOperations, ("description", "enabled", "name", "customerId"))
        key.name = values.get("name", key.name)
        key.description = values.get("description", key.description)
        key.customer_id = values.get("customerId", key.customer_id)
        _check_name(key.name)
        _check_description(key.description)
        if "enabled" in values:
            key.enabled = patches.flag(values["enabled"])
        key.updated_ms = ctx.now_ms
        self._tables.api_keys.put((ctx.account, ctx.region, key.id), key)
        return {"tags": {}, **described(key)}

    def _api_key(self, ctx: Context, key_id: str) -> ApiKey:
        key = self._tables.api_keys.get((ctx.account, ctx.region, key_id))
        if key is None:
            raise NotFound("Invalid API Key identifier specified")
        return key


def _check_name(name: str | None) -> None:
    if name is not None and len(name) > NAME_MAX:
        raise BadRequest(f"Invalid API Key name, can be at most {NAME_MAX} characters.")


def _check_description(description: str | None) -> None:
    if description is not None and len(description) > DESCRIPTION_MAX:
        raise BadRequest("Invalid API Key description specified.")


def _check_value(value: str) -> None:
    shortest, longest = VALUE_LENGTHS
    if len(value) < shortest:
        raise BadRequest(f"API Key value should be at least {shortest} characters")
    if len(value) > longest:
        raise BadRequest(f"API Key value exceeds maximum size of {longest} characters")


def described(key: ApiKey) -> dict[str, Any]:
    return with_values(
        {
            "id": key.id,
            "name": key.name,
            "description": key.description,
            "enabled": key.enabled,
            "customerId": key.customer_id,
            "createdDate": key.created_ms // 1000,
            "lastUpdatedDate": key.updated_ms // 1000,
            "stageKeys": [],
            "tags": key.tags or None,
        }
    )
