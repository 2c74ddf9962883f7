"""The tags of parameters."""

from collections.abc import Iterator

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer, Tagged
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.ssm.describing import Describing
from fogbank.services.ssm.errors import InvalidResourceId, ParameterNotFound
from fogbank.services.ssm.names import parameter_arn
from fogbank.services.ssm.records import Parameter, Place
from fogbank.services.ssm.tag_rules import check_count, check_tags


class Tagging(Describing):
    """The operations on tags, of `SsmService`."""

    def add_tags_to_resource(
        self, ctx: Context, *, ResourceType: str, ResourceId: str, Tags: list[dict[str, str]]
    ) -> Answer:
        place, parameter = self._tagged(ctx, ResourceType, ResourceId)
        check_tags(ctx, Tags)
        parameter.tags |= tag_map(Tags)
        check_count(parameter.tags)
        self._tables.parameters.put(place, parameter)
        return {}

    def list_tags_for_resource(self, ctx: Context, *, ResourceType: str, ResourceId: str) -> Answer:
        _, parameter = self._tagged(ctx, ResourceType, ResourceId)
        return {"TagList": tag_list(parameter.tags)}

    def remove_tags_from_resource(
        self, ctx: Context, *, ResourceType: str, ResourceId: str, TagKeys: list[str]
    ) -> Answer:
        place, parameter = self._tagged(ctx, ResourceType, ResourceId)
        parameter.tags = {key: value for key, value in parameter.tags.items() if key not in TagKeys}
        self._tables.parameters.put(place, parameter)
        return {}

    # ---- the tagging API ----------------------------------------------------------------------------------------

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, parameter in self._tables.parameters.scan((ctx.account, ctx.region)):
            arn = parameter_arn(ctx.account, ctx.region, parameter.name)
            yield Tagged(arn, "ssm:parameter", parameter.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.add_tags_to_resource(ctx, ResourceType="Parameter", ResourceId=arn, Tags=tag_list(tags))

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.remove_tags_from_resource(ctx, ResourceType="Parameter", ResourceId=arn, TagKeys=keys)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _tagged(self, ctx: Context, kind: str, resource_id: str) -> tuple[Place, Parameter]:
        if kind != "Parameter":
            raise NotImplementedInFogbank(f"Resources of type {kind} are not implemented in Fogbank.")
        try:
            return self._find(ctx, resource_id)
        except ParameterNotFound:
            raise InvalidResourceId() from None
