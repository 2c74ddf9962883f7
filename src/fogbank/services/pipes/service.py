"""Amazon EventBridge Pipes. https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/Welcome.html"""

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.pages import page
from fogbank.core.service import Answer, Service, Tagged
from fogbank.core.sources.stream_reader import Checkpoint
from fogbank.core.targets import queue_url
from fogbank.services.pipes.errors import Conflict, NotFound
from fogbank.services.pipes.records import Pipe
from fogbank.services.pipes.runner import QueuePipe, StreamPipe
from fogbank.services.pipes.settings import STREAM_PARAMETERS, check_enrichment, check_target, source_arn, with_defaults
from fogbank.services.pipes.templates import pipe_arn

Place = tuple[str, str, str]


class PipesService(Service):
    """Pipes from SQS queues and DynamoDB streams to functions, queues, topics, buses and log groups.

    Enrichment is by functions. Other sources, enrichments and targets, LogConfiguration and KmsKeyIdentifier are
    NotImplemented. A change of state is done when it is answered: DescribePipe shows the state that was asked for.
    """

    name = "pipes"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._pipes = cloud.store.table("pipes.pipes", key=(str, str, str), value=Pipe)
        self._checkpoints = cloud.store.table("pipes.checkpoints", key=(str, str), value=Checkpoint)
        self._tasks: dict[Place, asyncio.Task[None]] = {}

    async def start(self) -> None:
        for key, _ in list(self._pipes.scan()):
            self._restart((key[0], key[1], key[2]))

    # ---- pipes -------------------------------------------------------------------------------------------

    def create_pipe(
        self,
        ctx: Context,
        *,
        Name: str,
        Source: str,
        Target: str,
        RoleArn: str,
        Description: str = "",
        DesiredState: str = "RUNNING",
        SourceParameters: dict[str, Any] | None = None,
        Enrichment: str = "",
        EnrichmentParameters: dict[str, Any] | None = None,
        TargetParameters: dict[str, Any] | None = None,
        Tags: dict[str, str] | None = None,
    ) -> Answer:
        place = (ctx.account, ctx.region, Name)
        if self._pipes.get(place) is not None:
            raise Conflict(f"Pipe {Name} already exists.")
        parameters = with_defaults(Source, SourceParameters or {})
        check_enrichment(Enrichment, EnrichmentParameters or {})
        check_target(Target, TargetParameters or {})
        pipe = Pipe(
            id=str(uuid.uuid4()),
            source=Source,
            target=Target,
            role_arn=RoleArn,
            source_parameters=parameters,
            target_parameters=TargetParameters or {},
            enrichment=Enrichment,
            enrichment_parameters=EnrichmentParameters or {},
            description=Description,
            desired_state=DesiredState,
            state="STOPPED",
            created_ms=ctx.now_ms,
            modified_ms=ctx.now_ms,
            tags=Tags or {},
        )
        return self._save(ctx, Name, pipe, change="CREATING", failed="CREATE_FAILED")

    def delete_pipe(self, ctx: Context, *, Name: str) -> Answer:
        pipe = self._pipe(ctx, Name)
        place = (ctx.account, ctx.region, Name)
        self._pipes.delete(place)
        self._checkpoints.delete_all((pipe.id,))
        self.cloud.store.after_commit(lambda: self._restart(place))
        return _state(ctx, Name, pipe) | {"CurrentState": "DELETING", "DesiredState": "DELETED"}

    def describe_pipe(self, ctx: Context, *, Name: str) -> Answer:
        pipe = self._pipe(ctx, Name)
        answer = _listed(ctx, Name, pipe) | {
            "RoleArn": pipe.role_arn,
            "SourceParameters": pipe.source_parameters,
            "Tags": pipe.tags,
        }
        optional = {
            "Description": pipe.description,
            "EnrichmentParameters": pipe.enrichment_parameters,
            "TargetParameters": pipe.target_parameters,
        }
        return answer | {member: value for member, value in optional.items() if value}

    def list_pipes(
        self,
        ctx: Context,
        *,
        NamePrefix: str = "",
        DesiredState: str | None = None,
        CurrentState: str | None = None,
        SourcePrefix: str = "",
        TargetPrefix: str = "",
        NextToken: str | None = None,
        Limit: int | None = None,
    ) -> Answer:
        found = {
            key[2]: pipe
            for key, pipe in self._pipes.scan((ctx.account, ctx.region))
            if key[2].startswith(NamePrefix)
            and DesiredState in (None, pipe.desired_state)
            and CurrentState in (None, pipe.state)
            and pipe.source.startswith(SourcePrefix)
            and pipe.target.startswith(TargetPrefix)
        }
        names, token = page(list(found), NextToken, Limit)
        return {"Pipes": [_listed(ctx, name, found[name]) for name in names], **token}

    def start_pipe(self, ctx: Context, *, Name: str) -> Answer:
        pipe = self._pipe(ctx, Name)
        if pipe.state == "RUNNING":
            raise Conflict(f"Pipe {Name} is in state RUNNING.")
        pipe.desired_state = "RUNNING"
        return self._save(ctx, Name, pipe, change="STARTING", failed="START_FAILED")

    def stop_pipe(self, ctx: Context, *, Name: str) -> Answer:
        pipe = self._pipe(ctx, Name)
        if pipe.state == "STOPPED":
            raise Conflict(f"Pipe {Name} is in state STOPPED.")
        pipe.desired_state = "STOPPED"
        return self._save(ctx, Name, pipe, change="STOPPING", failed="STOP_FAILED")

    def update_pipe(
        self,
        ctx: Context,
        *,
        Name: str,
        RoleArn: str,
        Description: str | None = None,
        DesiredState: str | None = None,
        SourceParameters: dict[str, Any] | None = None,
        Enrichment: str | None = None,
        EnrichmentParameters: dict[str, Any] | None = None,
        Target: str | None = None,
        TargetParameters: dict[str, Any] | None = None,
    ) -> Answer:
        """What is left out stays as it is; the parameters of one side are replaced as a whole."""
        pipe = self._pipe(ctx, Name)
        pipe.role_arn = RoleArn
        pipe.description = pipe.description if Description is None else Description
        pipe.desired_state = DesiredState or pipe.desired_state
        pipe.enrichment = pipe.enrichment if Enrichment is None else Enrichment
        pipe.target = Target or pipe.target
        if EnrichmentParameters is not None:
            pipe.enrichment_parameters = EnrichmentParameters
        if TargetParameters is not None:
            pipe.target_parameters = TargetParameters
        if SourceParameters is not None:
            pipe.source_parameters = with_defaults(pipe.source, _with_position(pipe, SourceParameters))
        check_enrichment(pipe.enrichment, pipe.enrichment_parameters)
        check_target(pipe.target, pipe.target_parameters)
        return self._save(ctx, Name, pipe, change="UPDATING", failed="UPDATE_FAILED")

    # ---- tags --------------------------------------------------------------------------------------------

    def list_tags_for_resource(self, ctx: Context, *, resourceArn: str) -> Answer:
        return {"tags": self._pipe(ctx, _name_of(ctx, resourceArn)).tags}

    def tag_resource(self, ctx: Context, *, resourceArn: str, tags: dict[str, str]) -> Answer:
        name = _name_of(ctx, resourceArn)
        pipe = self._pipe(ctx, name)
        pipe.tags = pipe.tags | tags
        self._pipes.put((ctx.account, ctx.region, name), pipe)
        return {}

    def untag_resource(self, ctx: Context, *, resourceArn: str, tagKeys: list[str]) -> Answer:
        name = _name_of(ctx, resourceArn)
        pipe = self._pipe(ctx, name)
        pipe.tags = {key: value for key, value in pipe.tags.items() if key not in tagKeys}
        self._pipes.put((ctx.account, ctx.region, name), pipe)
        return {}

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for key, pipe in self._pipes.scan((ctx.account, ctx.region)):
            yield Tagged(pipe_arn(ctx, str(key[2])), "pipes:pipe", pipe.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, resourceArn=arn, tags=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, resourceArn=arn, tagKeys=keys)

    # ---- shared ------------------------------------------------------------------------------------------

    def _pipe(self, ctx: Context, name: str) -> Pipe:
        pipe = self._pipes.get((ctx.account, ctx.region, name))
        if pipe is None:
            raise NotFound(f"Pipe {name} does not exist.")
        return pipe

    def _save(self, ctx: Context, name: str, pipe: Pipe, *, change: str, failed: str) -> dict[str, Any]:
        """Store the pipe in the state that is asked for, if its source is there; run or stop it accordingly."""
        place = (ctx.account, ctx.region, name)
        pipe.state, pipe.state_reason, pipe.modified_ms = pipe.desired_state, "", ctx.now_ms
        if pipe.desired_state == "RUNNING":
            try:
                self._check_source(ctx, pipe)
            except AwsError as error:
                pipe.state, pipe.state_reason = failed, error.message
        self._pipes.put(place, pipe)
        self.cloud.store.after_commit(lambda: self._restart(place))
        return _state(ctx, name, pipe) | {"CurrentState": change}

    def _check_source(self, ctx: Context, pipe: Pipe) -> None:
        arn = source_arn(pipe)
        there = ctx.at(account=arn.account, region=arn.region)
        if arn.service == "sqs":
            url = queue_url(there, arn.account, arn.resource)
            self.cloud.sqs.get_queue_attributes(there, QueueUrl=url, AttributeNames=["QueueArn"])
        elif arn.service == "kinesis":
            self.cloud.kinesis.describe_stream_summary(there, StreamARN=pipe.source)
        else:
            self.cloud.dynamodbstreams.describe_stream(there, StreamArn=pipe.source)

    def _restart(self, place: Place) -> None:
        """End what runs for that pipe, and run it as it is now."""
        task = self._tasks.pop(place, None)
        if task is not None:
            task.cancel()
        pipe = self._pipes.get(place)
        if pipe is None or pipe.state != "RUNNING":
            return
        account, region, name = place
        ctx = self.cloud.context(account=account, region=region)
        arn = source_arn(pipe)
        runner: QueuePipe | StreamPipe
        if arn.service == "sqs":
            runner = QueuePipe(ctx, name, pipe, arn)
        else:
            runner = StreamPipe(ctx, name, pipe, arn, self._checkpoints)
        self._tasks[place] = self.cloud.tasks.spawn(f"pipe {name}", runner.run())


def _with_position(pipe: Pipe, given: dict[str, Any]) -> dict[str, Any]:
    """UpdatePipe cannot move a stream's starting position, and does not name it."""
    member = next((name for name in STREAM_PARAMETERS if name in pipe.source_parameters), None)
    if member is None:
        return given
    old = pipe.source_parameters[member]
    kept = {name: old[name] for name in ("StartingPosition", "StartingPositionTimestamp") if name in old}
    return {**given, member: kept | (given.get(member) or {})}


def _name_of(ctx: Context, arn: str) -> str:
    """Of a pipe of this account and region: the ARN is what was allowed."""
    name = arn.rpartition(":pipe/")[2]
    if arn != pipe_arn(ctx, name):
        raise NotFound(f"{arn} is not the ARN of a pipe.")
    return name


def _state(ctx: Context, name: str, pipe: Pipe) -> dict[str, Any]:
    return {
        "Arn": pipe_arn(ctx, name),
        "Name": name,
        "DesiredState": pipe.desired_state,
        "CurrentState": pipe.state,
        "CreationTime": pipe.created_ms / 1000,
        "LastModifiedTime": pipe.modified_ms / 1000,
    }


def _listed(ctx: Context, name: str, pipe: Pipe) -> dict[str, Any]:
    answer = _state(ctx, name, pipe) | {"Source": pipe.source, "Target": pipe.target}
    if pipe.enrichment:
        answer["Enrichment"] = pipe.enrichment
    if pipe.state_reason:
        answer["StateReason"] = pipe.state_reason
    return answer
