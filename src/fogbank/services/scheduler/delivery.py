"""From a due time to the target: attempts, retries, dead letters.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
An attempt is a row of the outbox. One whose operation does not wait runs in the transaction that removes the row:
it happens once for each due time, also when the server is killed. One that waits happens at least once.
"""

import logging
import secrets
import uuid
from typing import TYPE_CHECKING

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.moments import iso_seconds
from fogbank.core.targets import deliver
from fogbank.services.scheduler import targets
from fogbank.services.scheduler.records import Firing

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud

log = logging.getLogger("fogbank.scheduler")

RETRY_ATTEMPTS_MAX = 185
RETRY_AGE_MAX_S = 86_400
_DELAY_MAX_S = 3600.0


class Deliveries:
    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        cloud.outbox.handler("scheduler.fire", self._fire, payload=Firing)
        cloud.outbox.handler("scheduler.call", self._call, payload=Firing)

    def put(self, ctx: Context, firing: Firing, *, delay_s: float = 0) -> None:
        """Plan an attempt, in the current transaction."""
        kind = "scheduler.call" if targets.waits(ctx, firing.target) else "scheduler.fire"
        self._cloud.outbox.put(ctx, kind, lane=str(uuid.uuid4()), payload=firing, delay_s=delay_s)

    def _fire(self, ctx: Context, firing: Firing) -> None:
        self._count(ctx, firing, "InvocationAttemptCount")
        try:
            with self._cloud.store.transaction():
                targets.invoke(ctx, firing)
        except AwsError as error:
            self._failed(ctx, firing, error)

    async def _call(self, ctx: Context, firing: Firing) -> None:
        self._count(ctx, firing, "InvocationAttemptCount")
        try:
            work = targets.invoke(ctx, firing)
            assert work is not None, "only what waits is put here"
            await work
        except AwsError as error:
            await ctx.run(self._failed, ctx.refreshed(), firing, error)

    def _failed(self, ctx: Context, firing: Firing, error: AwsError) -> None:
        """Try again what may pass; else the dead letter, or nothing but metrics."""
        self._count(ctx, firing, "TargetErrorThrottledCount" if "Throttl" in error.code else "TargetErrorCount")
        policy = firing.target.get("RetryPolicy", {})
        tired = firing.attempt > policy.get("MaximumRetryAttempts", RETRY_ATTEMPTS_MAX)
        age_s = (ctx.now_ms - firing.first_ms) / 1000
        old = age_s >= policy.get("MaximumEventAgeInSeconds", RETRY_AGE_MAX_S)
        if error.passing and not tired and not old:
            delay_s = min(2.0 ** (firing.attempt - 1), _DELAY_MAX_S)
            firing.attempt += 1
            firing.execution_id = new_execution_id()
            self.put(ctx, firing, delay_s=delay_s)
            return
        self._count(ctx, firing, "InvocationDroppedCount")
        queue = firing.target.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            log.info("schedule %s: target %s failed: %s", firing.schedule_arn, firing.target["Arn"], error)
            return
        values = {
            "ERROR_CODE": error.query_code or error.code,
            "ERROR_MESSAGE": error.message,
            "EXECUTION_ID": firing.execution_id,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(firing.attempt - 1),
            "SCHEDULED_TIME": iso_seconds(firing.scheduled_ms),
            "SCHEDULE_ARN": firing.schedule_arn,
            "TARGET_ARN": firing.target["Arn"],
        }
        if tired or old:
            values["EXHAUSTED_RETRY_CONDITION"] = "MaximumRetryAttempts" if tired else "MaximumEventAgeInSeconds"
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value}
        metric = "InvocationsSentToDeadLetterCount"
        try:
            with self._cloud.store.transaction():
                own = targets.acting_for(ctx, firing)
                deliver(own, queue, targets.input_of(ctx, firing), message_attributes=attributes)
        except AwsError as dead:
            metric = "InvocationsFailedToBeSentToDeadLetterCount"
            log.warning("schedule %s: the dead letter could not be sent: %s", firing.schedule_arn, dead)
        self._count(ctx, firing, metric)

    def _count(self, ctx: Context, firing: Firing, metric: str) -> None:
        names = {"ScheduleGroup": firing.group}
        self._cloud.metrics.add(ctx.account, ctx.region, "AWS/Scheduler", metric, names, 1, "Count")


def new_execution_id() -> str:
    return secrets.token_hex(8)
