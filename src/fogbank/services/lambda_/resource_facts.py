"""What policies are asked and told about functions and layers."""

from collections.abc import Mapping

from fogbank.core.context import Context
from fogbank.services.lambda_.names import function_arn, parse_name
from fogbank.services.lambda_.operations.base import Operations
from fogbank.services.lambda_.statements import document_of

_AUTH_TYPE = "lambda:FunctionUrlAuthType"


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

    def auth_type_of_url(self, ctx: Context, arn: str) -> str | None:
        """What the URL of a function or an alias asks for, if it has one."""
        name = parse_name(ctx, arn)
        url = self._tables.urls.peek((name.account, ctx.region, name.name, name.qualifier))
        return None if url is None else url.auth_type

    def facts_of_permission(self, ctx: Context, arn: str, sid: str) -> dict[str, str]:
        """The condition keys that a statement of a function's policy tells."""
        name = parse_name(ctx, arn)
        policy = self._tables.policies.peek((name.account, ctx.region, name.name, name.qualifier))
        statements = () if policy is None else policy.statements
        found = next((statement for statement in statements if statement.get("Sid") == sid), None)
        if found is None:
            return {}
        principal, equal = found.get("Principal"), found.get("Condition", {}).get("StringEquals", {})
        who = next(iter(principal.values()), None) if isinstance(principal, dict) else principal
        told = {"lambda:Principal": who, _AUTH_TYPE: equal.get(_AUTH_TYPE)}
        return {key: value for key, value in told.items() if isinstance(value, str)}
