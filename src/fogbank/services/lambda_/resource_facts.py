"""What policies are asked and told about functions and layers."""

from collections.abc import Mapping

from fogbank.core.context import Context
from fogbank.services.lambda_.names import function_arn, parse_name
from fogbank.services.lambda_.operations.base import Operations
from fogbank.services.lambda_.statements import document_of


class ResourceFacts(Operations):
    """The policies and tags of `LambdaService`'s resources, for the authorization of requests."""

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        key = self._functions.layer_key(arn)
        if key is not None:
            layer = self._tables.layers.peek(key)
            return document_of(layer.policy) if layer is not None and layer.policy else None
        if ":function:" not in arn:
            return None
        name = parse_name(ctx, arn)
        policy = self._tables.policies.peek((ctx.account, ctx.region, name.name, name.qualifier))
        return document_of(policy.statements) if policy is not None else None

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        """Versions and aliases have the tags of their function."""
        if ":function:" not in arn:
            return super().resource_tags(ctx, arn)
        function = self._tables.functions.peek((ctx.account, ctx.region, parse_name(ctx, arn).name))
        return function.tags if function is not None else {}

    def function_of_mapping(self, ctx: Context, uuid: str) -> str | None:
        """The ARN of the function that an event source mapping has, if there is such a mapping."""
        mapping = self._tables.mappings.peek((ctx.account, ctx.region, uuid))
        return None if mapping is None else function_arn(ctx, ctx.account, mapping.function_name, mapping.qualifier)
