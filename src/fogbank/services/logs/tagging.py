"""Tags of everything in CloudWatch Logs that has an ARN of its own.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.service import Answer, Tagged
from fogbank.core.store import Key, Table
from fogbank.services.logs.errors import ResourceNotFound
from fogbank.services.logs.groups import Groups, check_tags, name_of


class _Place(NamedTuple):
    """Where a resource is kept that has tags."""

    table: Table[Any]
    key: Key
    record: Any


class Tagging(Groups):
    """The operations on tags of `LogsService`."""

    def list_tags_for_resource(self, ctx: Context, *, resourceArn: str) -> Answer:
        return {"tags": self._tagged(ctx, resourceArn).record.tags}

    def list_tags_log_group(self, ctx: Context, *, logGroupName: str) -> Answer:
        return {"tags": self._group(ctx, logGroupName).tags}

    def tag_log_group(self, ctx: Context, *, logGroupName: str, tags: dict[str, str]) -> Answer:
        return self._tag(self._group_place(ctx, logGroupName), tags)

    def tag_resource(self, ctx: Context, *, resourceArn: str, tags: dict[str, str]) -> Answer:
        return self._tag(self._tagged(ctx, resourceArn), tags)

    def untag_log_group(self, ctx: Context, *, logGroupName: str, tags: list[str]) -> Answer:
        return self._untag(self._group_place(ctx, logGroupName), tags)

    def untag_resource(self, ctx: Context, *, resourceArn: str, tagKeys: list[str]) -> Answer:
        return self._untag(self._tagged(ctx, resourceArn), tagKeys)

    # ---- for the tagging API ------------------------------------------------------------------------------------

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for kind, table in self._tables.tagged.items():
            for key, record in table.scan((ctx.account, ctx.region)):
                yield Tagged(ctx.arn("logs", f"{kind}:{key[2]}"), f"logs:{kind}", record.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self._tag(self._tagged(ctx, arn), tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self._untag(self._tagged(ctx, arn), keys)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _tagged(self, ctx: Context, resource_arn: str) -> _Place:
        arn = parse_arn(resource_arn)
        kind, _, name = arn.resource.partition(":") if arn is not None else ("", "", "")
        if kind == "log-group":
            return self._group_place(ctx, name_of(resource_arn))
        table = self._tables.tagged.get(kind)
        key = (ctx.account, ctx.region, name)
        record = table.get(key) if table is not None else None
        if table is None or record is None:
            raise ResourceNotFound("The specified resource does not exist.")
        return _Place(table, key, record)

    def _group_place(self, ctx: Context, name: str) -> _Place:
        return _Place(self._tables.groups, (ctx.account, ctx.region, name), self._group(ctx, name))

    def _tag(self, place: _Place, tags: dict[str, str]) -> Answer:
        place.record.tags |= tags
        check_tags(place.record.tags)
        place.table.put(place.key, place.record)
        return None

    def _untag(self, place: _Place, keys: list[str]) -> Answer:
        place.record.tags = {key: value for key, value in place.record.tags.items() if key not in keys}
        place.table.put(place.key, place.record)
        return None
