"""Scalable targets and what is done to them: what all of Application Auto Scaling's operations stand on."""

from collections.abc import Callable
from typing import Any, TypeVar

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank, ValidationError
from fogbank.core.pages import page_of_table
from fogbank.core.scaling import Dimension
from fogbank.core.service import Service
from fogbank.core.store import Key, Table
from fogbank.services.applicationautoscaling.custom_resource import CustomResource
from fogbank.services.applicationautoscaling.errors import Invalid, InvalidNextToken, ObjectNotFound
from fogbank.services.applicationautoscaling.records import Place, Tables, Target

V = TypeVar("V")

PAGE_MAX = 50


class ScalingBase(Service):
    """The targets and their dimensions."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = Tables(cloud.store)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _page(
        self,
        ctx: Context,
        table: Table[V],
        namespace: str,
        token: str | None,
        limit: int,
        *,
        wanted: Callable[[Key, V], bool],
        reverse: bool = False,
    ) -> tuple[list[tuple[Key, V]], dict[str, Any]]:
        place = (ctx.account, ctx.region, namespace)
        try:
            return page_of_table(table, place, token, limit, wanted=wanted, reverse=reverse)
        except ValidationError:
            raise InvalidNextToken() from None

    def _place(self, ctx: Context, namespace: str, resource: str, dimension: str) -> Place:
        return (ctx.account, ctx.region, namespace, resource, dimension)

    def _dimension(self, namespace: str, name: str) -> Dimension:
        """The dimension as its service answers for it."""
        if not name.startswith(f"{namespace}:"):
            raise Invalid("Unsupported service namespace, resource type or scalable dimension")
        if name == CustomResource.name:
            return CustomResource()
        for package in (namespace, f"{namespace}_"):
            try:
                service = self.cloud.service(package)
            except KeyError:
                continue
            for dimension in service.scalable_dimensions():
                if dimension.name == name:
                    return dimension
        raise NotImplementedInFogbank(f"Fogbank has nothing yet whose {name} could be scaled.")

    def _target(self, place: Place) -> Target:
        target = self._tables.targets.get(place)
        if target is None:
            raise ObjectNotFound(f"No scalable target registered for {described(place)}")
        return target


def described(place: Place) -> str:
    return f"service namespace: {place[2]}, resource ID: {place[3]}, scalable dimension: {place[4]}"


def check_filter(resource: str | list[str] | None, dimension: str | None) -> None:
    if dimension is not None and not resource:
        raise Invalid("Resource Id must be specified when Scalable Dimension is specified.")  # not published


def wanted_by(
    resource: str | None, dimension: str | None, names: list[str] | None
) -> Callable[[tuple[Any, ...], object], bool]:
    """Whether a row of a resource's policies or actions, by its key, is among what a list asks for."""
    return lambda key, _: resource in (None, key[3]) and dimension in (None, key[4]) and (not names or key[5] in names)


def is_role(arn: str) -> bool:
    parsed = parse_arn(arn)
    return parsed is not None and parsed.service == "iam" and parsed.resource.startswith("role/")
