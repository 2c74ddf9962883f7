import asyncio
import gc
import weakref
from functools import partial

import pytest

from fogbank.core.clock import LAST_MS, Clock


def test_moving_the_clock_ends_the_waits_that_became_due() -> None:
    async def scenario() -> None:
        clock, order = Clock(virtual=True), []

        async def nap(seconds: int) -> None:
            await clock.sleep(seconds)
            order.append(seconds)

        naps = [asyncio.ensure_future(nap(seconds)) for seconds in (3600, 60, 86_400)]
        await asyncio.sleep(0)
        clock.advance(4_000_000)
        await asyncio.wait(naps[:2])
        assert order == [60, 3600]
        assert not naps[2].done()
        naps[2].cancel()

    asyncio.run(scenario())


def test_a_wait_ends_with_its_event_or_its_time() -> None:
    async def scenario() -> None:
        clock, event = Clock(virtual=True), asyncio.Event()
        waiting = asyncio.ensure_future(clock.wait(event, 10))
        await asyncio.sleep(0)
        clock.advance(10_000)
        assert await waiting is False
        waiting = asyncio.ensure_future(clock.wait(event, 10))
        await asyncio.sleep(0)
        event.set()
        assert await waiting is True

    asyncio.run(scenario())


def test_a_real_clock_cannot_be_moved() -> None:
    with pytest.raises(RuntimeError, match="virtual"):
        Clock().advance(1)


def test_a_clock_that_stands_still_moves_only_when_it_is_moved() -> None:
    async def scenario() -> None:
        clock = Clock(virtual=True)
        clock.stand_still()
        stood_at_ms = clock.now_ms()
        nap = asyncio.ensure_future(clock.sleep(0.001))
        await asyncio.sleep(0.02)
        assert clock.now_ms() == stood_at_ms
        assert not nap.done()
        clock.advance(1)
        await nap
        assert clock.now_ms() == stood_at_ms + 1
        nap = asyncio.ensure_future(clock.sleep(0.001))
        await asyncio.sleep(0)
        clock.run_on()
        await nap
        assert stood_at_ms < clock.now_ms() < stood_at_ms + 60_000

    asyncio.run(scenario())


class Called:
    """Something for a timer to call, which can be seen to be gone."""

    def __call__(self) -> None:
        raise AssertionError("the timer was cancelled")


def test_what_a_cancelled_timer_would_have_called_is_let_go_of() -> None:
    async def scenario() -> None:
        clock = Clock(virtual=True)
        called = Called()
        clock.call_at(LAST_MS, called).cancel()
        gone = weakref.ref(called)
        del called
        assert gone() is None

    asyncio.run(scenario())


def test_timers_that_are_cancelled_are_not_kept_until_their_time() -> None:
    async def scenario() -> None:
        clock, rung = Clock(virtual=True), []
        due_ms = clock.now_ms() + 3_600_000
        for number in range(500):
            clock.call_at(due_ms, partial(rung.append, number))
        for _ in range(10_000):
            clock.call_at(LAST_MS, Called()).cancel()
        assert len(clock._timers) <= 1_000
        clock.advance(3_600_000)
        await asyncio.sleep(0)
        assert rung == list(range(500))

    asyncio.run(scenario())


def test_a_clock_that_is_moved_wakes_up_by_one_timer_of_the_loop() -> None:
    async def scenario() -> None:
        clock = Clock(virtual=True)
        clock.call_at(LAST_MS, Called())
        for _ in range(100):
            clock.advance(1)
        gc.collect()
        assert [handle.cancelled() for handle in gc.get_objects() if _wakes(handle, clock)].count(False) == 1
        clock.cancel_timers()

    asyncio.run(scenario())


def _wakes(handle: object, clock: Clock) -> bool:
    return isinstance(handle, asyncio.TimerHandle) and getattr(handle._callback, "__self__", None) is clock
