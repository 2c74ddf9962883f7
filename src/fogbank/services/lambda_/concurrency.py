"""How many invocations may run at once and begin in a second: a function's reserve, or what the account has left.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
"""

from collections import Counter
from typing import NamedTuple, TypeVar

from fogbank.core.clock import Clock
from fogbank.services.lambda_.errors import ConcurrencyLimit, InvalidParameterValue, TooManyRequests
from fogbank.services.lambda_.records import Function, Tables

ACCOUNT_CONCURRENCY = 1000  # Quota of a region, and of it 100 cannot be reserved.
UNRESERVED_MIN = 100
# "1,000 execution environment instances every 10 seconds", refilled continuously.
ENVIRONMENTS_BURST, ENVIRONMENTS_S = 1000, 100
# "Each instance of your execution environment can serve up to 10 requests per second", of synchronous ones.
REQUESTS_S = 10
_ALLOWANCES_MAX = 10_000

K = TypeVar("K")
FunctionKey = tuple[str, str, str]
"""Account, region, name."""


class Admission(NamedTuple):
    """What a running invocation is counted against."""

    function: FunctionKey
    qualifier: str
    pool: str
    """`provisioned`, `reserved` or `unreserved`."""


class Allowances:
    """Tokens that come back with time, by function."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: dict[FunctionKey, tuple[float, int]] = {}

    def take(self, key: FunctionKey, *, rate_s: int, burst: int) -> bool:
        """Take one; whether there was one."""
        now_ms = self._clock.now_ms()
        left, then_ms = self._left.get(key, (float(burst), now_ms))
        left = min(float(burst), left + (now_ms - then_ms) / 1000 * rate_s)
        if len(self._left) >= _ALLOWANCES_MAX:
            self._left.clear()
        self._left[key] = (left - 1 if left >= 1 else left, now_ms)
        return left >= 1


class Concurrency:
    """Counts running invocations. In memory: an invocation does not survive the server."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._running: Counter[FunctionKey] = Counter()
        self._resources: Counter[tuple[FunctionKey, str]] = Counter()
        self._on_demand: Counter[FunctionKey] = Counter()
        self._account: Counter[tuple[str, str]] = Counter()
        self._unreserved: Counter[tuple[str, str]] = Counter()
        self._requests = Allowances(clock)
        self._environments = Allowances(clock)
        self.provisioned: Counter[FunctionKey] = Counter()
        """What the provisioned concurrency of each function claims."""

    # ---- invocations --------------------------------------------------------------------------------------------

    def enter(self, key: FunctionKey, qualifier: str, function: Function, *, synchronous: bool) -> Admission:
        """Count an invocation on demand in, or raise TooManyRequests."""
        if function.reserved is not None:
            limit = function.reserved - self.provisioned[key]
            if self._on_demand[key] >= limit:
                raise TooManyRequests("ReservedFunctionConcurrentInvocationLimitExceeded")
            if synchronous:
                self._check_rate(key, limit, "ReservedFunctionInvocationRateLimitExceeded")
            return self._count_in(key, qualifier, "reserved")
        place = key[:2]
        limit = ACCOUNT_CONCURRENCY
        # The claims of others are only added up when the account comes near its limit.
        if self._unreserved[place] >= UNRESERVED_MIN:
            limit = self.unreserved_limit(place)
            if self._unreserved[place] >= limit:
                raise TooManyRequests("ConcurrentInvocationLimitExceeded")
        if synchronous:
            self._check_rate(key, limit, "FunctionInvocationRateLimitExceeded")
        return self._count_in(key, qualifier, "unreserved")

    def enter_provisioned(self, key: FunctionKey, qualifier: str) -> Admission:
        """Count in an invocation that a provisioned environment takes: its place has been claimed before."""
        return self._count_in(key, qualifier, "provisioned")

    def _count_in(self, key: FunctionKey, qualifier: str, pool: str) -> Admission:
        admission = Admission(key, qualifier, pool)
        self._count(admission, 1)
        return admission

    def leave(self, admission: Admission) -> None:
        self._count(admission, -1)

    def _count(self, admission: Admission, change: int) -> None:
        key, qualifier, pool = admission
        _add(self._account, key[:2], change)
        _add(self._running, key, change)
        _add(self._resources, (key, qualifier), change)
        if pool != "provisioned":
            _add(self._on_demand, key, change)
        if pool == "unreserved":
            _add(self._unreserved, key[:2], change)

    def check_growth(self, key: FunctionKey) -> None:
        """Before another environment is started on demand; raises TooManyRequests."""
        if not self._environments.take(key, rate_s=ENVIRONMENTS_S, burst=ENVIRONMENTS_BURST):
            # Which reason AWS gives is not published.
            raise TooManyRequests("ConcurrentInvocationLimitExceeded")

    def _check_rate(self, key: FunctionKey, limit: int, reason: str) -> None:
        rate_s = limit * REQUESTS_S
        if not self._requests.take(key, rate_s=rate_s, burst=rate_s):
            raise TooManyRequests(reason, retry_after_s=1)

    # ---- what is running and claimed ----------------------------------------------------------------------------

    def in_account(self, place: tuple[str, str]) -> int:
        return self._account[place]

    def in_function(self, key: FunctionKey) -> int:
        return self._running[key]

    def in_resource(self, admission: Admission) -> int:
        return self._resources[admission.function, admission.qualifier]

    def unreserved(self, place: tuple[str, str]) -> int:
        return self._unreserved[place]

    def claimed(self, place: tuple[str, str], *, but: str = "") -> int:
        """What of the account's concurrency is kept for functions: their reserves, and what of those without one is
        provisioned.
        """
        reserves = {
            key: found.reserved for key, found in self._tables.functions.scan(place) if found.reserved is not None
        }
        provisioned = (
            units
            for key, units in self.provisioned.items()
            if key[:2] == place and key not in reserves and key[2] != but
        )
        return sum(units for key, units in reserves.items() if key[2] != but) + sum(provisioned)

    def unreserved_limit(self, place: tuple[str, str]) -> int:
        """How many invocations may run at once on what is left of the account's concurrency."""
        return ACCOUNT_CONCURRENCY - self.claimed(place)

    # ---- settings -----------------------------------------------------------------------------------------------

    def check_reserve(self, key: FunctionKey, wanted: int) -> None:
        provisioned = self.provisioned[key]
        if wanted < provisioned:
            raise ConcurrencyLimit(
                f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned "
                f"concurrency [{provisioned}]."
            )
        if ACCOUNT_CONCURRENCY - self.claimed(key[:2], but=key[2]) - wanted < UNRESERVED_MIN:
            raise ConcurrencyLimit(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
            )

    def check_provisioned(self, key: FunctionKey, function: Function, total: int, wanted: int) -> None:
        """Whether the function may have `total` provisioned, of which `wanted` are asked for now."""
        if function.reserved is not None:
            if total > function.reserved:
                raise InvalidParameterValue(
                    "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution "
                    "for function"
                )
            return
        unreserved = ACCOUNT_CONCURRENCY - self.claimed(key[:2], but=key[2]) - (total - wanted)
        if wanted > unreserved:
            raise ConcurrencyLimit(
                "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
                f"[{unreserved}]."
            )
        if unreserved - wanted < UNRESERVED_MIN:
            raise ConcurrencyLimit(
                "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
                f"its minimum value of [{UNRESERVED_MIN}]."
            )


def _add(counter: Counter[K], key: K, change: int) -> None:
    """What runs nowhere is not kept."""
    total = counter[key] + change
    if total:
        counter[key] = total
    else:
        del counter[key]
