"""One invocation from beginning to end: concurrency, environment, logs, metrics, result."""

import asyncio
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.engines.compute.interface import (
    ComputeEngine,
    FunctionSpec,
    InitializationType,
    Invocation,
    Outcome,
    RuntimeUnavailable,
)
from fogbank.engines.compute.response_stream import ResponseStream
from fogbank.services.lambda_.answers import log_group, runtime_version_arn
from fogbank.services.lambda_.code import CodeCache
from fogbank.services.lambda_.concurrency import Concurrency, FunctionKey
from fogbank.services.lambda_.concurrency_metrics import ConcurrencyMetrics
from fogbank.services.lambda_.credentials import Credentials
from fogbank.services.lambda_.errors import InvalidRuntime, TooManyRequests
from fogbank.services.lambda_.fleets import Fleets, InitializationFailed
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.log_shipper import LogShipper
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.pool import Key, Pool, Slot
from fogbank.services.lambda_.records import Configuration
from fogbank.services.lambda_.recursion import Recursion
from fogbank.services.lambda_.snapshots import Snapshots

INIT_S = 10
INIT_AHEAD_S = 130  # or as long as the function may run, if that is more


class Result(msgspec.Struct, frozen=True):
    """What an invocation gave. `error` is the value of X-Amz-Function-Error, empty on success."""

    payload: bytes
    error: str
    version: str
    request_id: str
    log: str
    duration_ms: float
    restored: bool = True
    """Whether the environment could be restored, if it had to be."""


class Invoker:
    """Runs functions. Used by Invoke, the asynchronous queue and the event source mappings alike."""

    def __init__(
        self,
        cloud: Cloud,
        functions: Functions,
        engine: ComputeEngine,
        concurrency: Concurrency,
        code: CodeCache,
    ) -> None:
        self._cloud = cloud
        self._functions = functions
        self._engine = engine
        self._concurrency = concurrency
        self._code = code
        self.credentials = Credentials(cloud)
        self.pool = Pool(cloud.clock, self._forget)
        self.fleets = Fleets(cloud.clock, cloud.tasks, self.pool, partial(self._start_ahead, "provisioned-concurrency"))
        snapshots = Fleets(cloud.clock, cloud.tasks, self.pool, partial(self._start_ahead, "snap-start"))
        self.snapshots = Snapshots(cloud, functions.tables, snapshots)
        self.counts = ConcurrencyMetrics(cloud, concurrency, self.fleets)
        self.logs = LogShipper(cloud)
        self.recursion = Recursion(cloud, functions)
        self._stopping = False

    def stop(self) -> None:
        """The server is about to end all environments: whoever waits for one is cancelled."""
        self._stopping = True

    async def invoke(
        self,
        ctx: Context,
        name: FunctionName,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        stream: ResponseStream | None = None,
        on_start: Callable[[str], None] | None = None,
        synchronous: bool = True,
    ) -> Result:
        """Run the function once; its own failure is a result. A `stream` gets the answer as the function sends it;
        `on_start` is told which version runs.

        `synchronous`: whether a caller waits, whose requests a second are limited.
        Raises TooManyRequests, ResourceNotFound, CannotRun, RecursiveInvocation and, of versions with
        SnapStart, SnapStartNotReady and ResourceConflict.
        """
        config = self._functions.routed(ctx, name)
        self.check_runtime(config)
        if config.snap_start and config.version:
            self.snapshots.check_invocable((name.account, ctx.region, name.name, config.version))
        if on_start is not None:
            on_start(config.label)
        function = self._functions.function(ctx, name)
        ctx = self.recursion.turn(ctx, name)
        request_id = request_id or str(uuid.uuid4())
        place: FunctionKey = (name.account, ctx.region, name.name)
        fleet = self.fleets.get((*place, config.version))
        slot = self.fleets.take(fleet) if fleet is not None else None
        try:
            if slot is not None:
                admission = self._concurrency.enter_provisioned(place, name.qualifier)
            else:
                admission = self._concurrency.enter(place, name.qualifier, function, synchronous=synchronous)
            if fleet is not None:
                self.counts.taken(fleet, spilled=slot is None)
            self.counts.entered(admission)
            try:
                outcome, log = await self._run(
                    ctx,
                    name,
                    config,
                    slot,
                    payload,
                    request_id=request_id,
                    client_context=client_context,
                    stream=stream,
                )
            finally:
                self._concurrency.leave(admission)
        except TooManyRequests:
            self._count(ctx, name, "Throttles", 1, "Count")
            raise
        failed = outcome.ending != "answered"
        executed = config.label if self._functions.weights(ctx, name) else ""
        self._count(ctx, name, "Invocations", 1, "Count", executed)
        self._count(ctx, name, "Errors", int(failed), "Count", executed)
        self._count(ctx, name, "Duration", round(outcome.duration_ms, 2), "Milliseconds", executed)
        return Result(
            payload=outcome.payload,
            error="Unhandled" if failed else "",
            version=config.label,
            request_id=request_id,
            log=log,
            duration_ms=outcome.duration_ms,
            restored=outcome.restore_ms is None or outcome.ending != "init_failed",
        )

    def check_runtime(self, config: Configuration) -> None:
        """Raises InvalidRuntime, which says what there is, if the function cannot be run here."""
        try:
            self._engine.check(config.runtime)
        except RuntimeUnavailable as error:
            raise InvalidRuntime(str(error)) from error

    async def _run(
        self,
        ctx: Context,
        name: FunctionName,
        config: Configuration,
        slot: Slot | None,
        payload: bytes,
        *,
        request_id: str,
        client_context: str | None,
        stream: ResponseStream | None,
    ) -> tuple[Outcome, str]:
        """On the environment that was taken, or else on one of the pool."""
        if slot is None:
            key: Key = (name.account, ctx.region, config.name, config.version)
            slot = await self.pool.take(key, config.build, lambda: self._start_on_demand(ctx, key, config))
        log: list[str] = []
        invocation = Invocation(
            hear=log.extend,
            request_id=request_id,
            payload=payload or b"{}",
            function_arn=function_arn(ctx, name.account, name.name, name.qualifier),
            timeout_s=config.timeout_s,
            stream=stream,
            client_context=client_context,
            trace_id=_trace_id(ctx),
        )
        intact = False
        try:
            outcome = await slot.environment.invoke(invocation)
            if self._stopping and outcome.ending == "exited":
                # The server has ended it, and no attempt of the function's has failed: what is kept is run again.
                raise asyncio.CancelledError
            intact = outcome.ending in ("answered", "failed")
        finally:
            self._give_back(slot, intact=intact)
        return outcome, "".join(line if line.endswith("\n") else line + "\n" for line in log)

    def _give_back(self, slot: Slot, *, intact: bool) -> None:
        fleet = slot.fleet
        if fleet is not None:
            self.fleets.give_back(fleet, slot, intact=intact)
            return
        present = self._functions.tables.configurations.get(slot.key)
        self.pool.give_back(slot, current=present is not None and present.build == slot.build)

    async def _start_on_demand(self, ctx: Context, key: Key, config: Configuration) -> Slot:
        self._concurrency.check_growth(key[:3])
        if not config.snap_start or not config.version:
            return await self._start(ctx, key, config, "on-demand")
        return self.snapshots.draw(key) or await self._start(ctx, key, config, "snap-start")

    async def _start_ahead(self, initialization_type: InitializationType, key: Key) -> Slot:
        """An environment that is ready for its first invocation. Raises InitializationFailed."""
        ctx = self._cloud.context(account=key[0], region=key[1])
        config = self._functions.configuration(ctx, FunctionName(key[0], key[2], str(key[3])))
        slot = await self._start(ctx, key, config, initialization_type)
        try:
            initialization = await slot.environment.initialize()
        except BaseException:
            self._abandon(slot)
            raise
        if initialization.failure is not None:
            self._abandon(slot)
            raise InitializationFailed(initialization.failure)
        return slot

    def _abandon(self, slot: Slot) -> None:
        slot.environment.destroy()
        self._forget(slot)

    def _forget(self, slot: Slot) -> None:
        """Its environment has ended, and needs nothing any more."""
        self.credentials.withdraw(slot.access_key)
        self._code.release(slot.blob)

    async def _start(
        self, ctx: Context, key: Key, config: Configuration, initialization_type: InitializationType
    ) -> Slot:
        self._code.use(config.blob)
        try:
            return await self._create(ctx, key, config, initialization_type)
        except BaseException:
            self._code.release(config.blob)
            raise

    async def _create(
        self, ctx: Context, key: Key, config: Configuration, initialization_type: InitializationType
    ) -> Slot:
        day = datetime.fromtimestamp(self._cloud.clock.now_ms() / 1000, UTC).strftime("%Y/%m/%d")
        # A group of its own has a function's name; in another's, streams have it.
        name = config.name if log_group(config) != f"/aws/lambda/{config.name}" else ""
        stream = f"{day}/{name}[{config.label}]{secrets.token_hex(16)}"
        layers = []
        for arn in config.layers:
            layer_key = self._functions.layer_key(arn)
            layer = self._functions.tables.layers.get(layer_key) if layer_key is not None else None
            if layer is not None:
                layers.append(await self._code.folder(layer.blob))
        code = await self._code.folder(config.blob)
        variables = self._variables(key, config)
        rules = self._cloud.function_rules
        untrusted = rules.distrusts(self._functions.function(ctx, FunctionName(key[0], key[2], "")).tags)
        if initialization_type == "snap-start" and not untrusted:
            session = self.credentials.share(ctx.at(account=key[0]), key, config.build, config.role)
        else:
            session = self.credentials.issue(ctx.at(account=key[0]), config.role, config.name)
        spec = FunctionSpec(
            code=code,
            handler=config.handler,
            runtime=config.runtime,
            environment={
                "AWS_ENDPOINT_URL": self._endpoint(),
                **variables,
                **session.variables,
                **self._environment(key, config, stream),
            },
            memory_mb=config.memory_mb,
            ephemeral_mb=config.ephemeral_mb,
            network=rules.network_of(untrusted=untrusted),
            untrusted=untrusted,
            layers=tuple(layers),
            initialization_type=initialization_type,
            init_timeout_s=init_timeout_s(initialization_type, config.timeout_s),
            name=config.name,
            version=config.label,
            account=key[0],
            runtime_version_arn=runtime_version_arn(key[1], config.runtime),
            log_format=config.logging.get("LogFormat", "Text"),
            system_log_level=config.logging.get("SystemLogLevel", "INFO"),
        )
        destination = (key[0], key[1], log_group(config), stream)

        def hear(lines: list[str]) -> None:
            self.logs.add(destination, lines)

        try:
            environment = await self._engine.create(spec, hear, self.pool.make_room)
        except BaseException as error:
            self.credentials.withdraw(session.access_key)
            if isinstance(error, RuntimeUnavailable):
                raise InvalidRuntime(str(error)) from error
            raise
        return Slot(
            key,
            config.build,
            environment,
            stream,
            blob=config.blob,
            access_key=session.access_key,
            usable_until_ms=session.usable_until_ms,
        )

    def _variables(self, key: Key, config: Configuration) -> dict[str, str]:
        """The function's own. Raises KmsRefusal."""
        ctx = self._cloud.context(account=key[0], region=key[1])
        return self._functions.environments.open(ctx, FunctionName(key[0], config.name, ""), config) or {}

    def _endpoint(self) -> str:
        """The address, not the name: a name may cost a lookup and a refused attempt over IPv6."""
        return f"http://127.0.0.1:{urlsplit(self._cloud.endpoint).port or 4566}"

    def _environment(self, key: Key, config: Configuration, stream: str) -> dict[str, str]:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
        defaults = {
            "AWS_REGION": key[1],
            "AWS_DEFAULT_REGION": key[1],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": config.name,
            "AWS_LAMBDA_FUNCTION_VERSION": config.label,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": log_group(config),
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        }
        if config.logging.get("LogFormat") == "JSON":
            defaults["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
            defaults["AWS_LAMBDA_LOG_LEVEL"] = config.logging.get("ApplicationLogLevel", "INFO")
        return defaults

    def _count(
        self, ctx: Context, name: FunctionName, metric: str, value: float, unit: str, executed: str = ""
    ) -> None:
        """`executed`: the version that an alias with weights has picked."""
        metrics = self._cloud.metrics
        resource = f"{name.name}:{name.qualifier}" if name.qualifier else name.name
        counted: list[dict[str, str]] = [
            {},
            {"FunctionName": name.name},
            {"FunctionName": name.name, "Resource": resource},
        ]
        if executed:
            counted.append({"FunctionName": name.name, "Resource": resource, "ExecutedVersion": executed})
        for dimensions in counted:
            metrics.add(name.account, ctx.region, "AWS/Lambda", metric, dimensions, value, unit)


def init_timeout_s(initialization_type: InitializationType, timeout_s: int) -> float:
    """How long an initialization may take: longer where no invocation waits for it.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """
    return INIT_S if initialization_type == "on-demand" else max(INIT_AHEAD_S, timeout_s)


def _trace_id(ctx: Context) -> str:
    """The caller's X-Ray trace, or a new one that goes on with the caller's lineage."""
    if "Root=" in ctx.trace:
        return ctx.trace
    root = f"1-{ctx.now_ms // 1000:08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0;{ctx.trace}"
