"""Export tasks: the events of a group in objects of S3.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
"""

from typing import Any, TypedDict, Unpack

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.services.logs.errors import InvalidOperation, InvalidParameter, LimitExceeded, ResourceNotFound
from fogbank.services.logs.export_runs import ACL, ACTIVE, ExportRuns, TaskKey
from fogbank.services.logs.groups import Groups, only_standard
from fogbank.services.logs.pages import page
from fogbank.services.logs.permissions import lets_logs
from fogbank.services.logs.records import ExportTask, Group

PREFIX = "exportedlogs"
WRITE_TEST = "aws-logs-write-test"

# A parameter whose name is a keyword of Python.
Begin = TypedDict("Begin", {"from": int})


class Exports(Groups):
    """The operations on export tasks of `LogsService`."""

    _export_runs: ExportRuns

    def cancel_export_task(self, ctx: Context, *, taskId: str) -> Answer:
        key, task = self._export_task(ctx, taskId)
        if task.status not in ACTIVE:
            raise InvalidOperation("The specified export task has already finished")
        self._export_runs.end(key, task, "CANCELLED", "Cancelled by user")
        return None

    async def create_export_task(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        to: int,
        destination: str,
        taskName: str = "",
        logStreamNamePrefix: str = "",
        destinationPrefix: str = "",
        **given: Unpack[Begin],
    ) -> Answer:
        """As AWS does, it writes an object to the bucket before it takes the task."""
        group = self._group(ctx, logGroupName)
        only_standard(group, "CreateExportTask")
        begin_ms = given["from"]
        if begin_ms >= to:
            raise InvalidParameter("The from of an export task must be before its to.")
        # The default prefix is not that of the object that tries the bucket.
        test_key = f"{destinationPrefix}/{WRITE_TEST}" if destinationPrefix else WRITE_TEST
        await _check_bucket(ctx, destination, group, test_key)
        task = ExportTask(
            id=new_id(),
            name=taskName,
            group_id=group.id,
            group=group.name,
            stream_prefix=logStreamNamePrefix,
            from_ms=begin_ms,
            to_ms=to,
            bucket=destination,
            prefix=destinationPrefix or PREFIX,
            created_ms=ctx.now_ms,
        )
        await ctx.run(self._begin_export, ctx, task)
        return {"taskId": task.id}

    def describe_export_tasks(
        self,
        ctx: Context,
        *,
        taskId: str | None = None,
        statusCode: str | None = None,
        nextToken: str | None = None,
        limit: int = 50,
    ) -> Answer:
        rows = [
            _row(task)
            for _, task in self._tables.exports.scan((ctx.account, ctx.region), reverse=True)
            if taskId in (None, task.id) and statusCode in (None, task.status)
        ]
        return page("exportTasks", rows, nextToken, limit)

    def _export_task(self, ctx: Context, task_id: str) -> tuple[TaskKey, ExportTask]:
        for (account, region, number), task in self._tables.exports.scan((ctx.account, ctx.region), reverse=True):
            if task.id == task_id:
                return (account, region, number), task
        raise ResourceNotFound("The specified export task does not exist.")

    def _begin_export(self, ctx: Context, task: ExportTask) -> None:
        others = self._tables.exports.scan((ctx.account, ctx.region))
        if any(other.status in ACTIVE for _, other in others):
            raise LimitExceeded()
        self._export_runs.start(ctx, (ctx.account, ctx.region, self._tables.next_number()), task)


async def _check_bucket(ctx: Context, bucket: str, group: Group, test_key: str) -> None:
    s3 = ctx.cloud.s3
    try:
        region = (await ctx.call(s3.head_bucket, Bucket=bucket))["BucketRegion"]
    except AwsError:
        raise InvalidParameter("The given bucket does not exist. Please make sure the bucket is valid.") from None
    if region != ctx.region:
        raise InvalidParameter("The given bucket is in another region than the log group.")
    try:
        policy = (await ctx.call(s3.get_bucket_policy, Bucket=bucket))["Policy"]
    except AwsError:
        policy = "{}"
    for action, resource in (("GetBucketAcl", bucket), ("PutObject", f"{bucket}/{test_key}")):
        told = {"s3:x-amz-acl": ACL} if action == "PutObject" else {}
        if not lets_logs(ctx, policy, f"s3:{action}", f"arn:aws:s3:::{resource}", group.name, told):
            raise InvalidParameter(
                f"{action} call on the given bucket failed. Please check if CloudWatch Logs has been granted "
                "permission to perform this operation."
            )
    await ctx.call(s3.put_object, Bucket=bucket, Key=test_key, Body=b"Permission Check Successful", ACL=ACL)


def _row(task: ExportTask) -> dict[str, Any]:
    status = {"code": task.status} | ({"message": task.message} if task.message else {})
    execution = {"creationTime": task.created_ms}
    return {
        "taskId": task.id,
        **({"taskName": task.name} if task.name else {}),
        "logGroupName": task.group,
        "from": task.from_ms,
        "to": task.to_ms,
        "destination": task.bucket,
        "destinationPrefix": task.prefix,
        "status": status,
        "executionInfo": execution | ({"completionTime": task.completed_ms} if task.completed_ms else {}),
    }
