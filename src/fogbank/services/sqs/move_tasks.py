"""Message move tasks: a dead-letter queue's messages go back to where they came from, or to a queue of choice.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

import base64
import json

from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, kept_caller, on_behalf_of, permit_sending
from fogbank.core.ids import new_id
from fogbank.services.sqs.attributes import redrive_policy
from fogbank.services.sqs.errors import InvalidParameterValue, ResourceNotFound
from fogbank.services.sqs.records import MoveTask, Queue, SqsTables
from fogbank.services.sqs.shelf import Shelf

MOVED_PER_TURN = 100
LISTED_MAX = 10


class MoveTasks:
    """Starts, runs and lists the tasks; a running one is resumed at the next start of the server."""

    def __init__(self, tables: SqsTables, shelf: Shelf) -> None:
        self._tables = tables
        self._shelf = shelf

    def exists(self, arn: str) -> bool:
        return self._tables.queue_of(arn) is not None

    def source(self, arn: str) -> Queue:
        """The queue that a task takes from; raises ResourceNotFound."""
        found = self._tables.queue_of(arn)
        if found is None:
            raise ResourceNotFound("The resource that you specified for the SourceArn parameter doesn't exist.")
        return found

    def is_dead_letter_queue(self, queue: Queue) -> bool:
        policies = (
            q.attributes.get("RedrivePolicy") for _, q in self._tables.queues.scan((queue.account, queue.region))
        )
        return any(policy and redrive_policy(policy)[0] == queue.arn for policy in policies)

    def start(self, ctx: Context, source: Queue, destination: str, per_second_max: int) -> str:
        if any(task.status == "RUNNING" for _, task in self._tables.move_tasks.scan((source.arn,))):
            raise InvalidParameterValue(
                "There is already a task running. "
                "Only one active task is allowed for a source queue arn at a given time."
            )
        task = MoveTask(
            id=new_id(),
            destination_arn=destination,
            started_ms=ctx.now_ms,
            to_move=self._shelf.depth(source.id).visible,
            per_second_max=per_second_max,
            caller=kept_caller(ctx),
        )
        self._tables.move_tasks.put((source.arn, -ctx.now_ms), task)
        return handle(source.arn, task)

    def find(self, text: str) -> tuple[tuple[str, int], MoveTask]:
        """The key and task of a handle."""
        arn, task_id = read_handle(text)
        self.source(arn)
        for key, task in self._tables.move_tasks.scan((arn,)):
            if task.id == task_id:
                return (arn, key[1]), task
        raise ResourceNotFound("Task does not exist.")

    def cancel(self, text: str) -> int:
        """End a running task; how many messages it had moved."""
        key, task = self.find(text)
        if task.status != "RUNNING":
            raise ResourceNotFound("Task does not exist.")
        task.status = "CANCELLED"
        self._tables.move_tasks.put(key, task)
        return task.moved

    def rate(self, key: tuple[str, int]) -> int:
        """How many messages a second the task may move; 0 if it has no limit."""
        task = self._tables.move_tasks.get(key)
        return task.per_second_max if task is not None else 0

    def running(self) -> list[tuple[str, int]]:
        return [(key[0], key[1]) for key, task in self._tables.move_tasks.scan() if task.status == "RUNNING"]

    def step(self, ctx: Context, key: tuple[str, int], limit: int) -> bool:
        """Move up to `limit` messages; whether the task goes on."""
        task = self._tables.move_tasks.get(key)
        if task is None or task.status != "RUNNING":
            return False
        moved = 0
        source = self._tables.queue_of(key[0])
        permitted: set[str] = set()
        if source is not None:
            for receipt, message in self._shelf.lease(source, limit=limit, now_ms=ctx.now_ms, timeout_s=30):
                arn = task.destination_arn or message.dead_letter_source
                target = self._tables.queue_of(arn)
                if target is None:
                    task.status, task.failure = "FAILED", "AWS.SimpleQueueService.NonExistentQueue"
                    break
                if arn not in permitted and not _may_send(ctx, task, arn):
                    task.status, task.failure = "FAILED", "AccessDenied"  # AWS's word is not published.
                    break
                permitted.add(arn)
                self._shelf.take_away(source, receipt)
                # A moved message is a new one: SQS developer guide, dead-letter queue redrive.
                message.id, message.sent_ms = new_id(), ctx.now_ms
                message.receives = message.first_received_ms = 0
                message.dead_letter_source = ""
                self._shelf.add(target, message, now_ms=ctx.now_ms, delay_s=0)
                moved += 1
        task.moved += moved
        if not moved and task.status == "RUNNING":
            task.status = "COMPLETED"
        self._tables.move_tasks.put(key, task)
        return task.status == "RUNNING"

    def listed(self, arn: str, limit: int) -> list[dict[str, object]]:
        answers = []
        for _, task in self._tables.move_tasks.scan((arn,), limit=limit):
            answer: dict[str, object] = {
                "Status": task.status,
                "SourceArn": arn,
                "ApproximateNumberOfMessagesMoved": task.moved,
                "ApproximateNumberOfMessagesToMove": task.to_move,
                "StartedTimestamp": task.started_ms,
            }
            if task.status == "RUNNING":
                answer["TaskHandle"] = handle(arn, task)
            if task.destination_arn:
                answer["DestinationArn"] = task.destination_arn
            if task.per_second_max:
                answer["MaxNumberOfMessagesPerSecond"] = task.per_second_max
            if task.failure:
                answer["FailureReason"] = task.failure
            answers.append(answer)
        return answers


def _may_send(ctx: Context, task: MoveTask, arn: str) -> bool:
    try:
        permit_sending(on_behalf_of(ctx, task.caller, "sqs.amazonaws.com"), arn)
    except NotPermitted:
        return False
    return True


def handle(arn: str, task: MoveTask) -> str:
    return base64.b64encode(json.dumps({"taskId": task.id, "sourceArn": arn}).encode()).decode()


def read_handle(text: str) -> tuple[str, str]:
    """The ARN of the source and the id of the task that a handle is of."""
    try:
        given = json.loads(base64.b64decode(text, validate=True))
        return str(given["sourceArn"]), str(given["taskId"])
    except (ValueError, KeyError, TypeError):
        raise InvalidParameterValue("Value for parameter TaskHandle is invalid.") from None
