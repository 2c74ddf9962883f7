"""A FIFO queue through a function that fails at times: nothing is lost, and no message overtakes its group's others."""

import asyncio
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.core.arn import parse_arn
from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services import SERVICES
from fogbank.services.lambda_.esm_sqs import QueueSource
from fogbank.services.lambda_.invoke import Invoker, Result
from fogbank.services.lambda_.records import Mapping

ACCOUNT, REGION = "1" * 12, "us-east-1"
ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs.fifo"
VISIBILITY_S = 10
# Turns of the event loop in which nothing is invoked: what is left waits for the visibility timeout.
QUIET_TURNS = 100


class Function:
    """Takes the place of invocations: fails on each body as often as told, and looks at what it is given.

    As AWS asks of functions of FIFO queues, a report names all that comes behind a failure in the same group.
    """

    def __init__(self, failures: dict[str, int], *, reports: bool, slow: int) -> None:
        self.failures = failures
        self.reports = reports
        self.slow = slow
        self.done: dict[str, list[int]] = defaultdict(list)
        self.busy: set[str] = set()
        self.invoked = 0

    async def invoke(self, ctx: Context, name: Any, payload: bytes, *, synchronous: bool) -> Result:
        self.invoked += 1
        records = json.loads(payload)["Records"]
        given: dict[str, list[int]] = defaultdict(list)
        for record in records:
            group, _, number = record["body"].partition(".")
            given[group].append(int(number))
        for group, numbers in given.items():
            assert group not in self.busy, "two batches of a group at a time"
            first = len(self.done[group])
            assert numbers == list(range(first, first + len(numbers))), "a message overtook others of its group"
        self.busy |= given.keys()
        for _ in range(self.slow):
            await asyncio.sleep(0)
        failed = self._work(records)
        self.busy -= given.keys()
        if failed and not self.reports:
            return _result({"errorMessage": "no"}, error="Unhandled")
        for record in records:
            if record["messageId"] not in failed:
                group, _, number = record["body"].partition(".")
                self.done[group].append(int(number))
        return _result({"batchItemFailures": [{"itemIdentifier": found} for found in failed]})

    def _work(self, records: list[dict[str, Any]]) -> list[str]:
        """The ids of the messages that failed."""
        failed: list[str] = []
        stuck: set[str] = set()
        for record in records:
            group = record["body"].partition(".")[0]
            if group not in stuck and self.failures.get(record["body"], 0):
                self.failures[record["body"]] -= 1
                stuck.add(group)
            if group in stuck:
                failed.append(record["messageId"])
        return failed


def _result(answer: object, error: str = "") -> Result:
    payload = json.dumps(answer).encode()
    return Result(payload=payload, error=error, version="1", request_id="r", log="", duration_ms=1.0)


def in_a_cloud(work: Callable[[Cloud, Clock], Any]) -> None:
    async def run(folder: str) -> None:
        clock = Clock(virtual=True)
        cloud = Cloud(Path(folder), services=SERVICES, sync="process", clock=clock)
        try:
            await work(cloud, clock)
        finally:
            await cloud.stop()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(folder))


@settings(max_examples=25)
@given(
    groups=st.lists(st.sampled_from("abcd"), min_size=1, max_size=30),
    failing=st.dictionaries(st.integers(0, 29), st.integers(1, 3), max_size=5),
    batch_size=st.sampled_from([1, 3, 10]),
    concurrency=st.sampled_from([2, 5, None]),
    reports=st.booleans(),
    slow=st.integers(0, 5),
)
def test_every_message_of_a_fifo_queue_is_worked_on_in_the_order_of_its_group(
    groups: list[str], failing: dict[int, int], batch_size: int, concurrency: int | None, reports: bool, slow: int
) -> None:
    bodies: list[str] = []
    sent: dict[str, int] = defaultdict(int)
    for group in groups:
        bodies.append(f"{group}.{sent[group]}")
        sent[group] += 1
    failures = {bodies[place]: times for place, times in failing.items() if place < len(bodies)}
    function = Function(failures, reports=reports, slow=slow)
    mapping = Mapping(
        uuid="m",
        source_arn=ARN,
        function_name="f",
        qualifier="",
        state="Enabled",
        batch_size=batch_size,
        created_ms=0,
        modified_ms=0,
        concurrency_max=concurrency,
        response_types=["ReportBatchItemFailures"] if reports else [],
    )

    async def work(cloud: Cloud, clock: Clock) -> None:
        ctx = cloud.context(account=ACCOUNT, region=REGION)
        attributes = {"FifoQueue": "true", "VisibilityTimeout": str(VISIBILITY_S)}
        url = (await ctx.call(cloud.sqs.create_queue, QueueName="jobs.fifo", Attributes=attributes))["QueueUrl"]
        for body in bodies:
            group = {"MessageGroupId": body[0], "MessageDeduplicationId": body}
            await ctx.call(cloud.sqs.send_message, QueueUrl=url, MessageBody=body, **group)
        arn = parse_arn(ARN)
        assert arn is not None
        running = asyncio.create_task(QueueSource(cloud, cast(Invoker, function), ACCOUNT, REGION, mapping, arn).run())
        while sum(map(len, function.done.values())) < len(bodies):
            assert function.invoked <= 10 * len(bodies) + 10, "messages come again and again"
            await _quiet(function)
            clock.advance((VISIBILITY_S + 1) * 1000)
        running.cancel()
        assert function.done == {group: list(range(count)) for group, count in sent.items()}

    in_a_cloud(work)


async def _quiet(function: Function) -> None:
    invoked, turns = function.invoked, 0
    while turns < QUIET_TURNS or function.busy:
        await asyncio.sleep(0)
        turns = turns + 1 if function.invoked == invoked else 0
        invoked = function.invoked
