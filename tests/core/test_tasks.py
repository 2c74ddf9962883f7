import asyncio

from fogbank.core.errors import StorageFull
from fogbank.core.tasks import Tasks


def test_a_round_that_fails_is_counted_and_the_next_one_comes() -> None:
    async def run() -> tuple[int, int]:
        tasks = Tasks()
        rounds = 0

        async def work() -> None:
            nonlocal rounds
            rounds += 1
            raise StorageFull

        for _ in range(2):
            await tasks.attempt("work", work())
        return rounds, tasks.failures

    assert asyncio.run(run()) == (2, 2)
