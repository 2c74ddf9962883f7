"""Provisioned concurrency of versions and aliases."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.moments import iso_offset
from fogbank.core.service import Answer
from fogbank.services.lambda_.names import FunctionName, function_arn, parse_name
from fogbank.services.lambda_.operations.base import Operations, page
from fogbank.services.lambda_.provisioning import config_key
from fogbank.services.lambda_.records import Provisioned


class ProvisionedOperations(Operations):
    """PutProvisionedConcurrencyConfig and its relatives."""

    def put_provisioned_concurrency_config(
        self, ctx: Context, *, FunctionName: str, Qualifier: str, ProvisionedConcurrentExecutions: int
    ) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        config = self._provisioning.put(ctx, name, ProvisionedConcurrentExecutions)
        _, allocated, _ = self._provisioning.state(config_key(ctx, name))
        return _answer(config, "IN_PROGRESS", min(allocated, config.requested), "")

    def get_provisioned_concurrency_config(self, ctx: Context, *, FunctionName: str, Qualifier: str) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        return self._described(ctx, name, self._provisioning.get(ctx, name))

    def delete_provisioned_concurrency_config(self, ctx: Context, *, FunctionName: str, Qualifier: str) -> Answer:
        self._provisioning.delete(ctx, parse_name(ctx, FunctionName, Qualifier))
        return None

    def list_provisioned_concurrency_configs(
        self, ctx: Context, *, FunctionName: str, Marker: str | None = None, MaxItems: int = 50
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        found = []
        for qualifier, config in self._provisioning.list(ctx, name):
            arn = function_arn(ctx, name.account, name.name, qualifier)
            described = self._described(ctx, name._replace(qualifier=qualifier), config)
            found.append({"FunctionArn": arn, **described})
        return page("ProvisionedConcurrencyConfigs", found, Marker, MaxItems)

    def _described(self, ctx: Context, name: FunctionName, config: Provisioned) -> dict[str, Any]:
        return _answer(config, *self._provisioning.state(config_key(ctx, name)))


def _answer(config: Provisioned, status: str, allocated: int, reason: str) -> dict[str, Any]:
    answer = {
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AvailableProvisionedConcurrentExecutions": allocated,
        "AllocatedProvisionedConcurrentExecutions": allocated,
        "Status": status,
        "LastModified": iso_offset(config.modified_ms),
    }
    return answer | ({"StatusReason": reason} if reason else {})
