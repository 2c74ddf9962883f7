"""What surrounds a function: its concurrency, and the account's limits."""

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_ import answers
from fogbank.services.lambda_.code import UNZIPPED_BYTES_MAX, ZIPPED_BYTES_MAX
from fogbank.services.lambda_.concurrency import ACCOUNT_CONCURRENCY
from fogbank.services.lambda_.errors import ResourceNotFound
from fogbank.services.lambda_.functions import function_not_found
from fogbank.services.lambda_.names import parse_name
from fogbank.services.lambda_.operations.base import Operations


class SettingOperations(Operations):
    """Reserved concurrency, and the account."""

    def put_function_concurrency(self, ctx: Context, *, FunctionName: str, ReservedConcurrentExecutions: int) -> Answer:
        try:
            name, function = self._unqualified(ctx, FunctionName)
        except ResourceNotFound:
            raise function_not_found(ctx, parse_name(ctx, FunctionName).latest()) from None
        self._concurrency.check_reserve((name.account, ctx.region, name.name), ReservedConcurrentExecutions)
        function.reserved = ReservedConcurrentExecutions
        self._tables.functions.put((name.account, ctx.region, name.name), function)
        return answers.concurrency(function)

    def get_function_concurrency(self, ctx: Context, *, FunctionName: str) -> Answer:
        return answers.concurrency(self._unqualified(ctx, FunctionName)[1])

    def delete_function_concurrency(self, ctx: Context, *, FunctionName: str) -> Answer:
        name, function = self._unqualified(ctx, FunctionName)
        function.reserved = None
        self._tables.functions.put((name.account, ctx.region, name.name), function)
        return None

    def get_account_settings(self, ctx: Context) -> Answer:
        place = (ctx.account, ctx.region)
        configurations = [config for _, config in self._tables.configurations.scan(place)]
        layer_bytes = sum(layer.code_size for _, layer in self._tables.layers.scan(place) if not layer.deleted)
        return {
            "AccountLimit": {
                "TotalCodeSize": 80_530_636_800,
                "CodeSizeUnzipped": UNZIPPED_BYTES_MAX,
                "CodeSizeZipped": ZIPPED_BYTES_MAX,
                "ConcurrentExecutions": ACCOUNT_CONCURRENCY,
                "UnreservedConcurrentExecutions": self._concurrency.unreserved_limit(place),
            },
            "AccountUsage": {
                "TotalCodeSize": sum(config.code_size for config in configurations) + layer_bytes,
                "FunctionCount": sum(1 for config in configurations if config.version == 0),
            },
        }
