"""Tags of databases."""

from collections.abc import Iterator

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.service import Answer, Tagged
from fogbank.services.glue.base import GlueBase
from fogbank.services.glue.errors import InvalidInput
from fogbank.services.glue.records import Database

TAGS_MAX = 50
_DATABASE = "database/"


class Tagging(GlueBase):
    """The operations on tags, of `GlueService`. Of what a catalog has, databases can have some."""

    def get_tags(self, ctx: Context, *, ResourceArn: str) -> Answer:
        return {"Tags": self._tagged(ctx, ResourceArn).tags}

    def tag_resource(self, ctx: Context, *, ResourceArn: str, TagsToAdd: dict[str, str]) -> Answer:
        database = self._tagged(ctx, ResourceArn)
        database.tags |= TagsToAdd
        if len(database.tags) > TAGS_MAX:
            # AWS's sentence is not recorded.
            raise InvalidInput(f"A resource can have at most {TAGS_MAX} tags.")
        self._put(ctx, database)
        return {}

    def untag_resource(self, ctx: Context, *, ResourceArn: str, TagsToRemove: list[str]) -> Answer:
        database = self._tagged(ctx, ResourceArn)
        database.tags = {key: value for key, value in database.tags.items() if key not in TagsToRemove}
        self._put(ctx, database)
        return {}

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for database in self._tables.databases.values((ctx.account, ctx.region)):
            yield Tagged(ctx.arn("glue", f"{_DATABASE}{database.name}"), "glue:database", database.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, ResourceArn=arn, TagsToAdd=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, ResourceArn=arn, TagsToRemove=keys)

    def _put(self, ctx: Context, database: Database) -> None:
        self._tables.databases.put((ctx.account, ctx.region, database.name), database)

    def _tagged(self, ctx: Context, arn: str) -> Database:
        parsed = parse_arn(arn)
        if parsed is None or (parsed.account, parsed.region) != (ctx.account, ctx.region):
            raise InvalidInput(f"{arn} is not the ARN of a resource of this account and region.")
        if not parsed.resource.startswith(_DATABASE):
            # AWS's sentence is not recorded.
            raise InvalidInput(f"{arn} is not the ARN of a resource that can have tags.")
        return self._database(ctx, None, parsed.resource.removeprefix(_DATABASE))
