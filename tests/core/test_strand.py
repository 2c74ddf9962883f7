import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fogbank.core.strand import Strand


def test_calls_are_made_in_order_and_never_two_at_a_time() -> None:
    async def run() -> list[int]:
        made: list[int] = []
        alone = threading.Lock()

        def call(number: int) -> None:
            assert alone.acquire(blocking=False)
            made.append(number)
            alone.release()

        with ThreadPoolExecutor(4) as threads:
            strand = Strand(threads)
            for number in range(500):
                strand.submit(lambda number=number: call(number))  # type: ignore[misc]
                if number % 100 == 0:
                    await strand.finished()
            assert await strand.last(lambda: len(made)) == 500
        return made

    assert asyncio.run(run()) == list(range(500))


def test_nothing_is_called_after_a_failure_but_the_end() -> None:
    async def run() -> list[str]:
        made: list[str] = []
        go_on = threading.Event()

        def fail() -> None:
            go_on.wait()
            raise ValueError("broken")

        with ThreadPoolExecutor(4) as threads:
            strand = Strand(threads)
            strand.submit(fail)
            strand.submit(lambda: made.append("after the failure"))
            go_on.set()
            for _ in range(2):
                with pytest.raises(ValueError, match="broken"):
                    await strand.finished()
            with pytest.raises(ValueError, match="broken"):
                strand.submit(lambda: made.append("later"))
            strand.end(lambda: made.append("end"))
            await strand.finished()
        return made

    assert asyncio.run(run()) == ["end"]


def test_the_end_waits_for_the_call_under_way_and_drops_the_rest() -> None:
    async def run() -> list[str]:
        made: list[str] = []
        begun, go_on = threading.Event(), threading.Event()

        def first() -> None:
            begun.set()
            go_on.wait()
            made.append("first")

        with ThreadPoolExecutor(4) as threads:
            strand = Strand(threads)
            strand.submit(first)
            strand.submit(lambda: made.append("second"))
            begun.wait()
            strand.end(lambda: made.append("end"))
            go_on.set()
            await strand.finished()
        return made

    assert asyncio.run(run()) == ["first", "end"]
