"""How many invocations are let in, at once and in a second."""

import contextlib
from pathlib import Path

import pytest

from fogbank.core.clock import Clock
from fogbank.core.store import Store
from fogbank.services.lambda_.concurrency import Admission, Concurrency, FunctionKey
from fogbank.services.lambda_.errors import TooManyRequests
from fogbank.services.lambda_.records import Function, Tables

KEY: FunctionKey = ("0" * 12, "us-east-1", "f")
OTHER: FunctionKey = ("0" * 12, "us-east-1", "g")


class Account:
    def __init__(self, folder: Path, reserves: dict[FunctionKey, int | None]) -> None:
        self.clock = Clock(virtual=True)
        store = Store(folder)
        tables = Tables(store)
        self.functions = {key: Function(0, reserved=reserved) for key, reserved in reserves.items()}
        with store.transaction():
            for key, function in self.functions.items():
                tables.functions.put(key, function)
        self.concurrency = Concurrency(tables, self.clock)

    def enter(self, key: FunctionKey = KEY, *, synchronous: bool = False) -> Admission:
        return self.concurrency.enter(key, "", self.functions[key], synchronous=synchronous)

    def let_in(self, *, synchronous: bool = False) -> tuple[list[Admission], str]:
        """As many as are let in at once, and why the next is not."""
        admitted: list[Admission] = []
        while True:
            try:
                admitted.append(self.enter(synchronous=synchronous))
            except TooManyRequests as error:
                return admitted, error.reason


def test_a_reserve_is_kept_and_is_a_limit(tmp_path: Path) -> None:
    account = Account(tmp_path, {KEY: 3, OTHER: None})
    admitted, reason = account.let_in()
    assert (len(admitted), reason) == (3, "ReservedFunctionConcurrentInvocationLimitExceeded")
    account.concurrency.leave(admitted[0])
    account.enter()
    account.enter(OTHER)


def test_the_rest_of_the_account_is_shared(tmp_path: Path) -> None:
    account = Account(tmp_path, {KEY: None, OTHER: 100})
    account.concurrency.provisioned[KEY] = 50
    admitted, reason = account.let_in()
    assert (len(admitted), reason) == (850, "ConcurrentInvocationLimitExceeded")
    with pytest.raises(TooManyRequests):
        account.enter()
    account.enter(OTHER)
    assert account.concurrency.enter_provisioned(KEY, "live").pool == "provisioned", "what is provisioned is claimed"


def test_synchronous_requests_are_ten_a_second_for_each_of_the_concurrency(tmp_path: Path) -> None:
    account = Account(tmp_path, {KEY: 2})

    def requests() -> int:
        served = 0
        with contextlib.suppress(TooManyRequests):
            while True:
                account.concurrency.leave(account.enter(synchronous=True))
                served += 1
        return served

    assert requests() == 20
    with pytest.raises(TooManyRequests) as refused:
        account.enter(synchronous=True)
    assert refused.value.reason == "ReservedFunctionInvocationRateLimitExceeded"
    assert refused.value.headers == {"Retry-After": "1"}
    account.concurrency.leave(account.enter())
    account.clock.advance(500)
    assert 10 <= requests() <= 11


def test_a_function_grows_by_a_thousand_environments_in_ten_seconds(tmp_path: Path) -> None:
    account = Account(tmp_path, {KEY: None})

    def grown() -> int:
        count = 0
        with contextlib.suppress(TooManyRequests):
            while True:
                account.concurrency.check_growth(KEY)
                count += 1
        return count

    first = grown()
    assert 1000 <= first <= 1010
    account.concurrency.check_growth(OTHER)
    account.clock.advance(5000)
    assert 500 <= grown() <= 510
    account.clock.advance(60_000)
    assert 1000 <= grown() <= 1010, "what was not used is not saved up"
