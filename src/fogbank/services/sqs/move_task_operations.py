"""StartMessageMoveTask, CancelMessageMoveTask and ListMessageMoveTasks."""

from fogbank.core.context import Context
from fogbank.core.service import Answer, Service
from fogbank.services.sqs.errors import InvalidParameterValue, ResourceNotFound
from fogbank.services.sqs.messages import check_max_results
from fogbank.services.sqs.move_tasks import LISTED_MAX, MOVED_PER_TURN, MoveTasks


class MoveTaskOperations(Service):
    """The move tasks of `SqsService`."""

    _move_tasks: MoveTasks

    def cancel_message_move_task(self, ctx: Context, *, TaskHandle: str) -> Answer:
        return {"ApproximateNumberOfMessagesMoved": self._move_tasks.cancel(TaskHandle)}

    def list_message_move_tasks(self, ctx: Context, *, SourceArn: str, MaxResults: int = 1) -> Answer:
        check_max_results(MaxResults, most=LISTED_MAX)
        self._move_tasks.source(SourceArn)
        return {"Results": self._move_tasks.listed(SourceArn, MaxResults)}

    def start_message_move_task(
        self,
        ctx: Context,
        *,
        SourceArn: str,
        DestinationArn: str = "",
        MaxNumberOfMessagesPerSecond: int = 0,
    ) -> Answer:
        source = self._move_tasks.source(SourceArn)
        if not self._move_tasks.is_dead_letter_queue(source):
            raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
        if DestinationArn and not self._move_tasks.exists(DestinationArn):
            raise ResourceNotFound("The resource that you specified for the DestinationArn parameter doesn't exist.")
        if not 0 <= MaxNumberOfMessagesPerSecond <= 500:
            raise InvalidParameterValue(
                f"Value {MaxNumberOfMessagesPerSecond} for parameter MaxNumberOfMessagesPerSecond is invalid. "
                "Reason: Must be between 1 and 500, if provided."
            )
        task = self._move_tasks.start(ctx, source, DestinationArn, MaxNumberOfMessagesPerSecond)
        key, _ = self._move_tasks.find(task)
        self.cloud.store.after_commit(lambda: self._spawn_move(key))
        return {"TaskHandle": task}

    def _resume_moves(self) -> None:
        for key in self._move_tasks.running():
            self._spawn_move(key)

    def _spawn_move(self, key: tuple[str, int]) -> None:
        self.cloud.tasks.spawn("sqs move task", self._move(key))

    async def _move(self, key: tuple[str, int]) -> None:
        """Run a move task to its end, at most its rate of messages a second."""
        source = self._move_tasks.source(key[0])
        ctx = self.cloud.context(account=source.account, region=source.region)
        rate = self._move_tasks.rate(key)
        while await ctx.run(self._move_tasks.step, ctx, key, rate or MOVED_PER_TURN):
            if rate:
                await self.cloud.clock.sleep(1)
            ctx = ctx.refreshed()
