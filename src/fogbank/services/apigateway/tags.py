"""Tags of APIs and their stages. https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging.html"""

from collections.abc import Iterator, Mapping

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer, Tagged
from fogbank.services.apigateway.base import ApiGatewayBase
from fogbank.services.apigateway.errors import BadRequest, NotFound
from fogbank.services.apigateway.records import RestApi, Stage

TAGS_MAX = 50


def check_tags(tags: dict[str, str] | None) -> dict[str, str]:
    found = dict(tags or {})
    if len(found) > TAGS_MAX:  # The sentence is not recorded.
        raise BadRequest(f"The number of tags exceeds the limit of {TAGS_MAX}.")
    return found


def api_arn(ctx: Context, api_id: str) -> str:
    return f"arn:aws:apigateway:{ctx.region}::/restapis/{api_id}"


def stage_arn(ctx: Context, api_id: str, stage: str) -> str:
    return f"{api_arn(ctx, api_id)}/stages/{stage}"


class Tags(ApiGatewayBase):
    """The operations on tags, and what the tagging API asks."""

    def get_tags(
        self, ctx: Context, *, resourceArn: str, position: str | None = None, limit: int | None = None
    ) -> Answer:
        tags = sorted(self._tagged(ctx, resourceArn)[1].tags.items())
        begin = whole_number(position or "") or 0
        end = begin + limit if limit else len(tags)
        # The model has no position in the answer: AWS gives all tags, too, unless it is asked for fewer.
        return {"tags": dict(tags[begin:end])}

    def tag_resource(self, ctx: Context, *, resourceArn: str, tags: dict[str, str]) -> Answer:
        api_id, holder = self._tagged(ctx, resourceArn)
        self._save_tags(api_id, holder, check_tags({**holder.tags, **tags}))
        return None

    def untag_resource(self, ctx: Context, *, resourceArn: str, tagKeys: list[str]) -> Answer:
        api_id, holder = self._tagged(ctx, resourceArn)
        self._save_tags(api_id, holder, {key: value for key, value in holder.tags.items() if key not in tagKeys})
        return None

    def _tagged(self, ctx: Context, arn: str) -> tuple[str, RestApi | Stage]:
        found = parse_arn(arn)
        if found is None or found.service != "apigateway":  # The sentence is not recorded.
            raise BadRequest("Invalid ARN specified in the request")
        match found.resource.removeprefix("/").split("/"):
            case ["restapis", api_id]:
                return api_id, self._api(ctx, api_id)
            case ["restapis", api_id, "stages", stage]:
                return api_id, self._stage(ctx, api_id, stage)
            case _:  # The sentence is not recorded.
                raise NotFound("Invalid resource identifier specified")

    def _save_tags(self, api_id: str, holder: RestApi | Stage, tags: dict[str, str]) -> None:
        holder.tags = tags
        if isinstance(holder, RestApi):
            self._save_api(holder)
        else:
            self._tables.stages.put((api_id, holder.name), holder)

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, api in self._tables.apis.scan((ctx.account, ctx.region)):
            yield Tagged(api_arn(ctx, api.id), "apigateway:restapis", api.tags)
            for _, stage in self._tables.stages.scan((api.id,)):
                yield Tagged(stage_arn(ctx, api.id, stage.name), "apigateway:stages", stage.tags)

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        """Those of an API are those of all its parts; those of a stage come besides."""
        match arn.partition("::/")[2].split("/"):
            case ["restapis", api_id, *parts]:
                api = self._tables.apis.peek((ctx.account, ctx.region, api_id))
                stage = self._tables.stages.peek((api_id, parts[1])) if parts[:1] == ["stages"] and parts[1:] else None
                return {} if api is None else api.tags | (stage.tags if stage is not None else {})
        return {}

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, resourceArn=arn, tags=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, resourceArn=arn, tagKeys=keys)
