"""Schedules agree with a simple model: each fires at each of its times, in order, once, however time is moved."""

import asyncio
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services import SERVICES
from tests.patience import PATIENCE_S

ACCOUNT, REGION = "1" * 12, "us-east-1"
NAMES = ("a", "b", "c")
STEP_MS = 30_000
MINUTE_MS = 60_000


@dataclass
class Planned:
    """A schedule: when it was made and, for a one-time schedule, when it is due; `told_ms` is past."""

    created_ms: int
    told_ms: int
    every_ms: int = 0
    due_ms: int = 0
    enabled: bool = True

    def due(self, until_ms: int) -> list[int]:
        """The times that were not told yet."""
        after_ms, self.told_ms = self.told_ms, until_ms
        times = [self.due_ms] if self.due_ms else range(self.created_ms, until_ms + 1, self.every_ms)
        return [moment for moment in times if after_ms < moment <= until_ms] if self.enabled else []


class ScheduleMachine(RuleBasedStateMachine):
    """Three names to make, change and delete schedules under, all of which send to a queue.

    Time is moved by half minutes. What a machine does takes far less, and what is due lies on half minutes from it or
    is seconds away from them: so nothing is due while a step is taken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock(virtual=True)
        self.cloud = Cloud(Path(self.folder.name), services=SERVICES, sync="process", clock=self.clock)
        self.url = self.call("sqs", "create_queue", QueueName="fired")["QueueUrl"]
        self.planned: dict[str, Planned] = {}
        self.expected: dict[str, list[int]] = defaultdict(list)
        self.fired: dict[str, list[int]] = defaultdict(list)

    async def _call(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        ctx = Context(
            self.cloud,
            account=ACCOUNT,
            region=REGION,
            now_ms=self.clock.now_ms(),
            request_id="",
            endpoint="http://here",
        )
        return await ctx.run(lambda: getattr(self.cloud.service(service), operation)(ctx, **parameters)), ctx.now_ms

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        return self.loop.run_until_complete(self._call(service, operation, parameters))[0]

    def put(self, operation: str, name: str, expression: str, *, enabled: bool = True) -> int:
        """When the call came."""
        parameters = {
            "Name": name,
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED" if enabled else "DISABLED",
            "Target": {
                "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:fired",
                "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
                "Input": f"{name} <aws.scheduler.scheduled-time>",
            },
        }
        moment: int = self.loop.run_until_complete(self._call("scheduler", operation, parameters))[1]
        return moment

    # ---- what can happen ----------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES), minutes=st.integers(1, 3))
    def repeat(self, name: str, minutes: int) -> None:
        if name not in self.planned:
            expression = f"rate({minutes} minute{'s' if minutes > 1 else ''})"
            created_ms = self.put("create_schedule", name, expression)
            self.planned[name] = Planned(created_ms, created_ms - 1, every_ms=minutes * MINUTE_MS)
            self.settle()

    @rule(name=st.sampled_from(NAMES), seconds=st.sampled_from([15, 45, 195]))
    def once(self, name: str, seconds: int) -> None:
        if name not in self.planned:
            due_s = self.clock.now_ms() // 1000 + seconds
            moment = datetime.fromtimestamp(due_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            created_ms = self.put("create_schedule", name, f"at({moment})")
            self.planned[name] = Planned(created_ms, created_ms, due_ms=due_s * 1000)

    @precondition(lambda self: self.planned)
    @rule(name=st.sampled_from(NAMES), minutes=st.integers(1, 3), enabled=st.booleans())
    def change(self, name: str, minutes: int, enabled: bool) -> None:
        """A rate still counts from the creation."""
        if name in self.planned:
            expression = f"rate({minutes} minute{'s' if minutes > 1 else ''})"
            changed_ms = self.put("update_schedule", name, expression, enabled=enabled)
            created_ms = self.planned[name].created_ms
            self.planned[name] = Planned(created_ms, changed_ms, every_ms=minutes * MINUTE_MS, enabled=enabled)

    @precondition(lambda self: self.planned)
    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        if self.planned.pop(name, None) is not None:
            self.call("scheduler", "delete_schedule", Name=name)

    @rule(steps=st.integers(1, 12))
    def time_passes(self, steps: int) -> None:
        async def advance() -> None:
            self.clock.advance(steps * STEP_MS)

        self.loop.run_until_complete(advance())
        self.settle()

    # ---- what must be true --------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything that is due fires, and nothing else."""
        now_ms = self.clock.now_ms()
        for name, planned in self.planned.items():
            self.expected[name] += [moment // 1000 for moment in planned.due(now_ms)]
        self.loop.run_until_complete(asyncio.wait_for(self._fire(), timeout=PATIENCE_S))
        assert self.fired == {name: times for name, times in self.expected.items() if times}

    async def _fire(self) -> None:
        wanted = sum(map(len, self.expected.values()))
        while True:
            while True:
                answer, _ = await self._call(
                    "sqs", "receive_message", {"QueueUrl": self.url, "MaxNumberOfMessages": 10}
                )
                for message in (answer or {}).get("Messages", ()):
                    name, _, moment = message["Body"].partition(" ")
                    self.fired[name].append(int(datetime.fromisoformat(moment).timestamp()))
                    handle = message["ReceiptHandle"]
                    await self._call("sqs", "delete_message", {"QueueUrl": self.url, "ReceiptHandle": handle})
                if not answer or "Messages" not in answer:
                    break
            if sum(map(len, self.fired.values())) >= wanted and not self.cloud.outbox.pending():
                return
            await asyncio.sleep(0)

    def teardown(self) -> None:
        self.settle()
        self.loop.run_until_complete(self.cloud.stop())
        self.loop.close()
        self.folder.cleanup()


ScheduleMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=20)
TestScheduleMachine = ScheduleMachine.TestCase
