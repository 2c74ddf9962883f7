"""Tags of APIs, their stages, API keys and usage plans.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging.html
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer, Tagged
from fogbank.core.store import Table
from fogbank.core.tags import given
from fogbank.services.apigateway.base import ApiGatewayBase
from fogbank.services.apigateway.errors import BadRequest, NotFound
from fogbank.services.apigateway.records import ApiKey, RestApi, Stage, UsagePlan

TAGS_MAX = 50
Holder = RestApi | Stage | ApiKey | UsagePlan


def check_tags(tags: dict[str, str] | None) -> dict[str, str]:
    found = dict(tags or {})
    if len(given(found)) > TAGS_MAX:  # The sentence is not recorded.
        raise BadRequest(f"The number of tags exceeds the limit of {TAGS_MAX}.")
    return found


def api_arn(ctx: Context, api_id: str) -> str:
    return f"arn:aws:apigateway:{ctx.region}::/restapis/{api_id}"


def stage_arn(ctx: Context, api_id: str, stage: str) -> str:
    return f"{api_arn(ctx, api_id)}/stages/{stage}"


def key_arn(ctx: Context, key_id: str) -> str:
    return f"arn:aws:apigateway:{ctx.region}::/apikeys/{key_id}"


def plan_arn(ctx: Context, plan_id: str) -> str:
    return f"arn:aws:apigateway:{ctx.region}::/usageplans/{plan_id}"


class Tags(ApiGatewayBase):
    """The operations on tags, and what the tagging API asks."""

    def get_tags(
        self, ctx: Context, *, resourceArn: str, position: str | None = None, limit: int | None = None
    ) -> Answer:
        tags = sorted(self._tagged(ctx, resourceArn)[0].tags.items())
        begin = whole_number(position or "") or 0
        end = begin + limit if limit else len(tags)
        # The model has no position in the answer: AWS gives all tags, too, unless it is asked for fewer.
        return {"tags": dict(tags[begin:end])}

    def tag_resource(self, ctx: Context, *, resourceArn: str, tags: dict[str, str]) -> Answer:
        holder, save = self._tagged(ctx, resourceArn)
        holder.tags = check_tags({**holder.tags, **tags})
        save()
        return None

    def untag_resource(self, ctx: Context, *, resourceArn: str, tagKeys: list[str]) -> Answer:
        holder, save = self._tagged(ctx, resourceArn)
        holder.tags = {key: value for key, value in holder.tags.items() if key not in tagKeys}
        save()
        return None

    def _tagged(self, ctx: Context, arn: str) -> tuple[Holder, Callable[[], None]]:
        """What has the ARN, and what saves it."""
        found = parse_arn(arn)
        if found is None or found.service != "apigateway":  # The sentence is not recorded.
            raise BadRequest("Invalid ARN specified in the request")
        match found.resource.removeprefix("/").split("/"):
            case ["restapis", api_id]:
                api = self._api(ctx, api_id)
                return api, partial(self._save_api, api)
            case ["restapis", api_id, "stages", stage]:
                found_stage = self._stage(ctx, api_id, stage)
                return found_stage, partial(self._tables.stages.put, (api_id, stage), found_stage)
            case ["apikeys" | "usageplans" as kind, holder_id]:
                table: Table[Any] = self._tables.api_keys if kind == "apikeys" else self._tables.usage_plans
                place = (ctx.account, ctx.region, holder_id)
                holder = table.get(place)
                if holder is not None:
                    return holder, partial(table.put, place, holder)
        raise NotFound("Invalid resource identifier specified")  # The sentence is not recorded.

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, api in self._tables.apis.scan((ctx.account, ctx.region)):
            yield Tagged(api_arn(ctx, api.id), "apigateway:restapis", api.tags)
            for _, stage in self._tables.stages.scan((api.id,)):
                yield Tagged(stage_arn(ctx, api.id, stage.name), "apigateway:stages", stage.tags)
        for _, key in self._tables.api_keys.scan((ctx.account, ctx.region)):
            yield Tagged(key_arn(ctx, key.id), "apigateway:apikeys", key.tags)
        for _, plan in self._tables.usage_plans.scan((ctx.account, ctx.region)):
            yield Tagged(plan_arn(ctx, plan.id), "apigateway:usageplans", plan.tags)

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        """Those of an API are those of all its parts; those of a stage come besides."""
        match arn.partition("::/")[2].split("/"):
            case ["restapis", api_id, *parts]:
                api = self._tables.apis.peek((ctx.account, ctx.region, api_id))
                stage = self._tables.stages.peek((api_id, parts[1])) if parts[:1] == ["stages"] and parts[1:] else None
                return {} if api is None else api.tags | (stage.tags if stage is not None else {})
            case ["apikeys", key_id, *_]:
                key = self._tables.api_keys.peek((ctx.account, ctx.region, key_id))
                return {} if key is None else key.tags
            case ["usageplans", plan_id, *_]:
                plan = self._tables.usage_plans.peek((ctx.account, ctx.region, plan_id))
                return {} if plan is None else plan.tags
        return {}

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, resourceArn=arn, tags=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, resourceArn=arn, tagKeys=keys)
