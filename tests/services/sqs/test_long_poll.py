"""Long polling against messages that come at the worst moment."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fogbank.core.cloud import Cloud
from fogbank.services.sqs.service import SqsService
from tests.patience import PATIENCE_S


class Poller:
    """A queue in this process, so that a test chooses the turn of the event loop in which something happens."""

    def __init__(self, folder: Path) -> None:
        self.cloud = Cloud(folder, services={}, sync="process")
        self.sqs = SqsService(self.cloud)

    def call(self, operation: str, **parameters: Any) -> Any:
        ctx = self.cloud.context(account="111122223333", region="us-east-1")
        with self.cloud.store.transaction():
            return getattr(self.sqs, operation)(ctx, **parameters)

    def poll(self) -> "asyncio.Future[Any]":
        """A receiver that has found the queue empty and is about to wait."""
        return asyncio.ensure_future(self.call("receive_message", QueueUrl=self.url, WaitTimeSeconds=20))

    def send(self) -> None:
        self.call("send_message", QueueUrl=self.url, MessageBody="hi")

    async def start(self) -> None:
        self.url = self.call("create_queue", QueueName="q")["QueueUrl"]
        await asyncio.sleep(0)


@pytest.fixture
def poller(tmp_path: Path) -> Iterator[Poller]:
    made = Poller(tmp_path)
    yield made
    made.cloud.store.close()


async def received(poll: "asyncio.Future[Any]") -> int:
    return len((await asyncio.wait_for(poll, PATIENCE_S))["Messages"])


def test_a_message_of_the_same_turn_as_the_look_is_noticed(poller: Poller) -> None:
    async def run() -> int:
        await poller.start()
        poll = poller.poll()
        poller.send()
        return await received(poll)

    assert asyncio.run(run()) == 1


def test_a_message_of_the_same_turn_as_a_later_look_is_noticed(poller: Poller) -> None:
    async def run() -> list[int]:
        await poller.start()
        polls = [poller.poll(), poller.poll()]
        for _ in range(2):  # Both wake for the first message; the second comes while the loser looks again.
            await asyncio.sleep(0.01)
            poller.send()
            poller.send()
        return [await received(poll) for poll in polls]

    assert asyncio.run(run()) == [1, 1]


def test_a_receiver_that_leaves_as_it_is_woken_passes_the_message_on(poller: Poller) -> None:
    async def run() -> int:
        await poller.start()
        leaving, staying = poller.poll(), poller.poll()
        await asyncio.sleep(0.01)
        poller.send()
        poller.cloud.store.flush()  # The commit wakes the first receiver, which is cancelled before it runs.
        leaving.cancel()
        return await received(staying)

    assert asyncio.run(run()) == 1
