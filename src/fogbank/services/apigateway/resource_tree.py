"""The resources of an API: a tree of path parts.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-settings-method-request.html
"""

import re
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import ApiGatewayBase, new_id, page
from fogbank.services.apigateway.errors import BadRequest, Conflict, LimitExceeded, NotFound
from fogbank.services.apigateway.records import Resource

RESOURCES_MAX = 300  # quota of a REST API
_PART = re.compile(r"\{[a-zA-Z0-9._:-]+\+?\}|[a-zA-Z0-9._:$*@!'()+,;=~%&-]+")


class ResourceTree(ApiGatewayBase):
    """The operations on resources."""

    def create_resource(self, ctx: Context, *, restApiId: str, parentId: str, pathPart: str) -> Answer:
        self._api(ctx, restApiId)
        parent = self._resource(ctx, restApiId, parentId)
        return described(self.add_resource(restApiId, parent, pathPart), embed=False)

    def add_resource(self, api_id: str, parent: Resource, part: str) -> Resource:
        there = self._resources(api_id)
        if len(there) >= RESOURCES_MAX:
            raise LimitExceeded("Maximum number of resources for this API has been reached.")
        _check_place(there, parent, part)
        resource = Resource(new_id(6), parent.id, part, _joined(parent.path, part))
        self._save_resource(api_id, resource)
        return resource

    def delete_resource(self, ctx: Context, *, restApiId: str, resourceId: str) -> Answer:
        resource = self._resource(ctx, restApiId, resourceId)
        if not resource.parent_id:  # The sentence is not recorded.
            raise BadRequest("Root resource cannot be deleted.")
        there = self._resources(restApiId)
        for each in (resource, *_below(there, resource)):
            self._tables.resources.delete((restApiId, each.id))
        return None

    def get_resource(self, ctx: Context, *, restApiId: str, resourceId: str, embed: list[str] | None = None) -> Answer:
        return described(self._resource(ctx, restApiId, resourceId), embed="methods" in (embed or ()))

    def get_resources(
        self,
        ctx: Context,
        *,
        restApiId: str,
        position: str | None = None,
        limit: int | None = None,
        embed: list[str] | None = None,
    ) -> Answer:
        self._api(ctx, restApiId)
        resources = sorted(self._resources(restApiId).values(), key=lambda resource: resource.path)
        embedded = "methods" in (embed or ())
        return page([described(resource, embed=embedded) for resource in resources], position, limit)

    def update_resource(
        self, ctx: Context, *, restApiId: str, resourceId: str, patchOperations: list[dict[str, Any]] | None = None
    ) -> Answer:
        resource = self._resource(ctx, restApiId, resourceId)
        for name, value in patches.replaced(patchOperations, ("parentId", "pathPart")).items():
            if not resource.parent_id:
                raise BadRequest(f"Root resource cannot update its {name}.")
            if name == "parentId":
                self._move(restApiId, resource, value, resource.path_part)
            else:
                self._move(restApiId, resource, resource.parent_id, value)
        return described(resource, embed=True)

    def _move(self, api_id: str, resource: Resource, parent_id: str, part: str) -> None:
        """Give the resource, and all below it, another path."""
        there = self._resources(api_id)
        below = _below(there, resource)
        parent = there.get(parent_id)
        if parent is None:
            raise NotFound("Invalid Resource identifier specified")
        if parent.id == resource.id or any(parent.id == each.id for each in below):
            raise BadRequest("Resources cannot be cyclical.")
        if (parent.id, part) != (resource.parent_id, resource.path_part):
            _check_place({key: each for key, each in there.items() if key != resource.id}, parent, part)
        resource.parent_id, resource.path_part = parent.id, part
        resource.path = _joined(parent.path, part)
        paths = {resource.id: resource.path}
        self._save_resource(api_id, resource)
        for each in below:
            each.path = paths[each.id] = _joined(paths[each.parent_id], each.path_part)
            self._save_resource(api_id, each)

    def _resources(self, api_id: str) -> dict[str, Resource]:
        return {resource.id: resource for _, resource in self._tables.resources.scan((api_id,))}


def _check_place(there: dict[str, Resource], parent: Resource, part: str) -> None:
    """Whether a resource of that name can be below the parent."""
    if parent.path_part.endswith("+}"):
        raise BadRequest(f"Cannot create a child of a resource with a greedy path variable: {parent.path_part}")
    if not _PART.fullmatch(part):
        raise BadRequest(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the "
            "beginning and the end."
        )
    for sibling in there.values():
        if sibling.parent_id != parent.id or sibling.id == parent.id:
            continue
        if sibling.path_part == part:
            raise Conflict(f"Another resource with the same parent already has this name: {part}")
        if sibling.path_part.startswith("{") and part.startswith("{"):
            raise BadRequest(
                f"A sibling ({sibling.path_part}) of this resource already has a variable path part -- "
                "only one is allowed"
            )


def _below(there: dict[str, Resource], resource: Resource) -> list[Resource]:
    """What is below the resource, parents before their children."""
    found = [resource]
    for above in found:
        found += [each for each in there.values() if each.parent_id == above.id]
    return found[1:]


def _joined(parent_path: str, part: str) -> str:
    return f"{parent_path.rstrip('/')}/{part}"


def described(resource: Resource, *, embed: bool) -> dict[str, Any]:
    """`embed`: with all of its methods; else only with which there are."""
    answer: dict[str, Any] = {"id": resource.id, "path": resource.path}
    if resource.parent_id:
        answer |= {"parentId": resource.parent_id, "pathPart": resource.path_part}
    if resource.methods:
        answer["resourceMethods"] = resource.methods if embed else {name: {} for name in resource.methods}
    return answer
