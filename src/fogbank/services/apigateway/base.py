"""What the operations of `ApiGatewayService` share: finding what they are about, and pages of lists."""

import secrets
from collections.abc import Sequence
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.numerals import whole_number
from fogbank.core.service import Service
from fogbank.services.apigateway.errors import BadRequest, NotFound, api_not_found
from fogbank.services.apigateway.records import Document, Resource, RestApi, Stage, Tables

HTTP_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY")

_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_PAGE = 25
_PAGE_MAX = 500


def new_id(length: int = 10) -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(length))


class ApiGatewayBase(Service):
    name = "apigateway"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = Tables(cloud.store)

    def _api(self, ctx: Context, api_id: str) -> RestApi:
        api = self._tables.apis.get((ctx.account, ctx.region, api_id))
        if api is None:
            raise api_not_found(ctx.account, api_id)
        return api

    def _save_api(self, api: RestApi) -> None:
        self._tables.apis.put((api.account, api.region, api.id), api)

    def _resource(self, ctx: Context, api_id: str, resource_id: str) -> Resource:
        """Whether it is the API or the resource that is not there, AWS says the same."""
        known = self._tables.apis.peek((ctx.account, ctx.region, api_id)) is not None
        resource = self._tables.resources.get((api_id, resource_id)) if known else None
        if resource is None:
            raise NotFound("Invalid Resource identifier specified")
        return resource

    def _save_resource(self, api_id: str, resource: Resource) -> None:
        self._tables.resources.put((api_id, resource.id), resource)

    def _method(
        self, ctx: Context, api_id: str, resource_id: str, http_method: str, *, missing: AwsError | None = None
    ) -> tuple[Resource, Document]:
        """The method with the resource that it is part of, which is saved to keep changes; else `missing`."""
        resource = self._resource(ctx, api_id, resource_id)
        method = resource.methods.get(http_method)
        if method is None:
            raise missing or NotFound("Invalid Method identifier specified")
        return resource, method

    def _stage(self, ctx: Context, api_id: str, name: str) -> Stage:
        self._api(ctx, api_id)
        stage = self._tables.stages.get((api_id, name))
        if stage is None:
            raise NotFound("Invalid Stage identifier specified")
        return stage


def page(items: Sequence[Document], position: str | None, limit: int | None) -> dict[str, Any]:
    """The items behind the position, and the answer's position if there are more."""
    # What is opaque on AWS is the number of items before it here. The sentence is not recorded.
    begin = whole_number(position) if position is not None else 0
    if begin is None or begin > len(items):
        raise BadRequest("Invalid position parameter specified")
    if limit is not None and limit < 0:
        return {"items": []}  # As recorded.
    end = begin + min(limit or _PAGE, _PAGE_MAX)
    more = {"position": str(end)} if end < len(items) else {}
    return {"items": list(items[begin:end]), **more}


def with_values(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what is None: AWS leaves out what was not given."""
    return {name: value for name, value in document.items() if value is not None}
