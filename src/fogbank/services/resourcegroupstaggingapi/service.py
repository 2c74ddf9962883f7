"""The Resource Groups Tagging API.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/Welcome.html
It knows no service: each lists and tags its own resources (`Service.tagged_resources`, `tag_by_arn`, `untag_by_arn`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, ValidationError
from fogbank.core.pages import page
from fogbank.core.service import Answer, Service, Tagged
from fogbank.core.tags import reserved, tag_list
from fogbank.services.resourcegroupstaggingapi.permissions import permit_tagging, permit_untagging

PAGE = 50
PAGE_MAX = 100
_TAGS_PER_PAGE = range(100, 501, 100)


class InvalidParameter(AwsError):
    code = "InvalidParameterException"


class TaggingService(Service):
    """GetResources, GetTagKeys, GetTagValues, TagResources and UntagResources, for every service that has tags.

    Compliance with tag policies, reports and required tags are NotImplemented.
    """

    name = "resourcegroupstaggingapi"

    def get_resources(
        self,
        ctx: Context,
        *,
        PaginationToken: str = "",
        TagFilters: list[dict[str, Any]] | None = None,
        ResourcesPerPage: int | None = None,
        TagsPerPage: int | None = None,
        ResourceTypeFilters: list[str] | None = None,
        ResourceARNList: list[str] | None = None,
    ) -> Answer:
        _check_filters(TagFilters or [], ResourceTypeFilters or [], ResourceARNList or [])
        if ResourcesPerPage is not None and not 1 <= ResourcesPerPage <= PAGE_MAX:
            raise InvalidParameter(f"ResourcesPerPage must be between 1 and {PAGE_MAX}.")
        if TagsPerPage is not None and TagsPerPage not in _TAGS_PER_PAGE:
            raise InvalidParameter("TagsPerPage must be between 100 and 500, in increments of 100.")
        found = {
            resource.arn: resource
            for resource in self._tagged(ctx)
            if _matches_tags(resource, TagFilters or [])
            and _matches_type(resource, ResourceTypeFilters or [])
            and (not ResourceARNList or resource.arn in ResourceARNList)
        }
        arns, token = _page(sorted(found), PaginationToken, ResourcesPerPage or PAGE)
        if TagsPerPage is not None:
            arns, token = _within(found, arns, token, TagsPerPage)
        mappings = [{"ResourceARN": arn, "Tags": tag_list(found[arn].tags)} for arn in arns]
        return {"PaginationToken": token, "ResourceTagMappingList": mappings}

    def get_tag_keys(self, ctx: Context, *, PaginationToken: str = "") -> Answer:
        keys = {key for resource in self._tagged(ctx) for key in resource.tags}
        names, token = _page(sorted(keys), PaginationToken, PAGE_MAX)
        return {"PaginationToken": token, "TagKeys": names}

    def get_tag_values(self, ctx: Context, *, Key: str, PaginationToken: str = "") -> Answer:
        values = {resource.tags[Key] for resource in self._tagged(ctx) if Key in resource.tags}
        names, token = _page(sorted(values), PaginationToken, PAGE_MAX)
        return {"PaginationToken": token, "TagValues": names}

    def tag_resources(self, ctx: Context, *, ResourceARNList: list[str], Tags: dict[str, str]) -> Answer:
        _check_keys(ctx, Tags)

        def tag(service: Service, arn: Arn) -> None:
            permit_tagging(ctx, service, arn, tags=Tags)
            service.tag_by_arn(ctx, str(arn), Tags)

        return self._each(ctx, ResourceARNList, tag)

    def untag_resources(self, ctx: Context, *, ResourceARNList: list[str], TagKeys: list[str]) -> Answer:
        _check_keys(ctx, TagKeys)

        def untag(service: Service, arn: Arn) -> None:
            permit_untagging(ctx, service, arn, keys=TagKeys)
            service.untag_by_arn(ctx, str(arn), TagKeys)

        return self._each(ctx, ResourceARNList, untag)

    # ---- steps -------------------------------------------------------------------------------------------

    def _tagged(self, ctx: Context) -> Iterator[Tagged]:
        for service in self.cloud.every_service():
            for resource in service.tagged_resources(ctx):
                if resource.tags:
                    yield resource

    def _each(self, ctx: Context, arns: list[str], change: Callable[[Service, Arn], None]) -> Answer:
        """Change each resource by itself; those that could not be are told with their reason."""
        failed: dict[str, Any] = {}
        for arn in arns:
            try:
                with self.cloud.store.transaction():
                    change(*self._service_of(ctx, arn))
            except AwsError as error:
                code = "InvalidParameterException" if error.sender else "InternalServiceException"
                failed[arn] = {"StatusCode": error.status, "ErrorCode": code, "ErrorMessage": error.message}
        return {"FailedResourcesMap": failed}

    def _service_of(self, ctx: Context, text: str) -> tuple[Service, Arn]:
        arn = parse_arn(text)
        if arn is None:
            raise InvalidParameter(f"{text} is not a valid ARN.")
        if arn.region not in ("", ctx.region) or arn.account not in ("", ctx.account):
            raise InvalidParameter(f"{text} is not a resource of this account and region.")
        for service in self.cloud.every_service():
            if service.name == arn.service:
                return service, arn
        raise InvalidParameter(f"Fogbank has no service {arn.service}.")


def _check_keys(ctx: Context, keys: Iterable[str]) -> None:
    if reserved(ctx, keys) is not None:
        raise InvalidParameter("Tag keys must not begin with aws:, which is reserved for AWS.")


def _check_filters(tags: list[dict[str, Any]], types: list[str], arns: list[str]) -> None:
    if arns and (tags or types):
        raise InvalidParameter("ResourceARNList cannot be used together with TagFilters or ResourceTypeFilters.")
    if any("Key" not in wanted for wanted in tags):
        raise InvalidParameter("TagFilters must each have a Key.")
    keys = [wanted["Key"] for wanted in tags]
    if len(set(keys)) != len(keys):
        raise InvalidParameter("TagFilters must not name a key more than once.")


def _matches_tags(resource: Tagged, filters: list[dict[str, Any]]) -> bool:
    """All filters must match; of a filter's values, one is enough, and without values any is."""
    for wanted in filters:
        value = resource.tags.get(wanted["Key"])
        values = wanted.get("Values")
        if value is None or (values and value not in values):
            return False
    return True


def _matches_type(resource: Tagged, filters: list[str]) -> bool:
    service = resource.kind.partition(":")[0]
    return not filters or service in filters or resource.kind in filters


def _page(names: list[str], token: str, limit: int) -> tuple[list[str], str]:
    """As other pages, but with an empty token at the end."""
    try:
        found, following = page(names, token or None, limit)
    except ValidationError as error:
        raise InvalidParameter("The PaginationToken is not valid.") from error
    return found, following.get("NextToken", "")


def _within(found: dict[str, Tagged], arns: list[str], token: str, tags_max: int) -> tuple[list[str], str]:
    """The first resources of the page whose tags together are not too many; a resource is never split."""
    count = 0
    for place, arn in enumerate(arns):
        count += len(found[arn].tags)
        if count > tags_max and place:
            return _page(arns, "", place)
    return arns, token
