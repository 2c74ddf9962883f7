"""Tags of functions, event source mappings and code signing configurations.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
"""

from collections.abc import Iterator
from functools import partial

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer, Service, Tagged
from fogbank.services.lambda_.code_signing import config_arn
from fogbank.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from fogbank.services.lambda_.functions import Functions, check_tags
from fogbank.services.lambda_.invoke import Invoker
from fogbank.services.lambda_.names import FunctionName, function_arn, parse_name
from fogbank.services.lambda_.records import CodeSigning, Function, Mapping, Tables


class Tags(Service):
    """The operations on tags of `LambdaService`."""

    _tables: Tables
    _functions: Functions
    _invoker: Invoker

    def list_tags(self, ctx: Context, *, Resource: str) -> Answer:
        return {"Tags": self._tagged(ctx, Resource)[1].tags}

    def tag_resource(self, ctx: Context, *, Resource: str, Tags: dict[str, str]) -> Answer:
        key, record = self._tagged(ctx, Resource)
        if not Tags:
            raise InvalidParameterValue("An error occurred and the request cannot be processed.")
        record.tags = {**record.tags, **Tags}
        check_tags(record.tags)
        self._save_tagged(ctx, key, record)
        return None

    def untag_resource(self, ctx: Context, *, Resource: str, TagKeys: list[str]) -> Answer:
        key, record = self._tagged(ctx, Resource)
        record.tags = {name: value for name, value in record.tags.items() if name not in TagKeys}
        self._save_tagged(ctx, key, record)
        return None

    def _tagged(self, ctx: Context, resource: str) -> tuple[tuple[str, str, str], Function | Mapping | CodeSigning]:
        arn = parse_arn(resource)
        if arn is not None and arn.resource.startswith("event-source-mapping:"):
            mapping = self._tables.mappings.get((ctx.account, ctx.region, arn.resource.partition(":")[2]))
            if mapping is None:
                raise ResourceNotFound(f"Event source mapping not found: {resource}")
            return (ctx.account, ctx.region, mapping.uuid), mapping
        if arn is not None and arn.resource.startswith("code-signing-config:"):
            config = self._tables.code_signing.get((ctx.account, ctx.region, arn.resource.partition(":")[2]))
            if config is None:
                raise ResourceNotFound(f"The Lambda code signing configuration {resource} can not be found.")
            return (ctx.account, ctx.region, config.config_id), config
        if arn is not None and arn.resource.startswith("capacity-provider:"):
            raise NotImplementedInFogbank("Capacity providers are not implemented in Fogbank yet.")
        name = parse_name(ctx, resource)
        if name.qualifier:
            raise InvalidParameterValue(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        return (name.account, ctx.region, name.name), self._functions.function(ctx, name)

    def _save_tagged(self, ctx: Context, key: tuple[str, str, str], record: Function | Mapping | CodeSigning) -> None:
        if isinstance(record, Mapping):
            self._tables.mappings.put(key, record)
        elif isinstance(record, CodeSigning):
            self._tables.code_signing.put(key, record)
        else:
            before = self._functions.function(ctx, FunctionName(key[0], key[2], "")).tags
            rules = self.cloud.function_rules
            if rules.distrusts(before) != rules.distrusts(record.tags):
                # Whom nobody trusts is held tighter: the environments so far are not for such a function.
                for place, _ in list(self._tables.configurations.scan(key)):
                    self.cloud.store.after_commit(partial(self._invoker.pool.retire, place))
            self._tables.functions.put(key, record)
            self._functions.touch(ctx, FunctionName(key[0], key[2], ""))

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        place = (ctx.account, ctx.region)
        for key, function in self._tables.functions.scan(place):
            yield Tagged(function_arn(ctx, ctx.account, str(key[2])), "lambda:function", function.tags)
        for _, mapping in self._tables.mappings.scan(place):
            arn = ctx.arn("lambda", f"event-source-mapping:{mapping.uuid}")
            yield Tagged(arn, "lambda:event-source-mapping", mapping.tags)
        for _, config in self._tables.code_signing.scan(place):
            yield Tagged(config_arn(ctx, config.config_id), "lambda:code-signing-config", config.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, Resource=arn, Tags=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, Resource=arn, TagKeys=keys)
