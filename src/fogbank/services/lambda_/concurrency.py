"""How many invocations may run at once: a function's reserve, or what the account has left.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from collections import Counter

from fogbank.core.context import Context
from fogbank.services.lambda_.errors import InvalidParameterValue, TooManyRequests
from fogbank.services.lambda_.records import Function, Tables

ACCOUNT_CONCURRENCY = 1000  # Quota of a region, and of it 100 cannot be reserved.
UNRESERVED_MIN = 100


class Concurrency:
    """Counts running invocations. In memory: an invocation does not survive the server."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._running: Counter[tuple[str, str, str]] = Counter()
        self._unreserved: Counter[tuple[str, str]] = Counter()

    def reserved_total(self, account: str, region: str, *, but: str = "") -> int:
        functions = self._tables.functions.scan((account, region))
        return sum(function.reserved or 0 for key, function in functions if key[2] != but)

    def enter(self, account: str, region: str, name: str, function: Function) -> bool:
        """Count an invocation in, or raise TooManyRequests; whether it counts against the account's pool."""
        key = (account, region, name)
        if function.reserved is not None:
            if self._running[key] >= function.reserved:
                raise TooManyRequests("ReservedFunctionConcurrentInvocationLimitExceeded")
            self._running[key] += 1
            return False
        place = (account, region)
        # The reserves of others are only added up when the account comes near its limit.
        if self._unreserved[place] >= UNRESERVED_MIN:
            limit = ACCOUNT_CONCURRENCY - self.reserved_total(account, region)
            if self._unreserved[place] >= limit:
                raise TooManyRequests("ConcurrentInvocationLimitExceeded")
        self._running[key] += 1
        self._unreserved[place] += 1
        return True

    def leave(self, account: str, region: str, name: str, *, unreserved: bool) -> None:
        self._running[account, region, name] -= 1
        if unreserved:
            self._unreserved[account, region] -= 1

    def running(self, account: str, region: str, name: str) -> int:
        return self._running[account, region, name]

    def check_reserve(self, ctx: Context, account: str, name: str, wanted: int) -> None:
        others = self.reserved_total(account, ctx.region, but=name)
        if ACCOUNT_CONCURRENCY - others - wanted < UNRESERVED_MIN:
            raise InvalidParameterValue(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
            )
