"""AWS Lambda."""

import base64
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.engines.compute.process import ProcessEngine
from fogbank.services.lambda_ import answers
from fogbank.services.lambda_.async_invoke import AsyncInvoker
from fogbank.services.lambda_.code import UNZIPPED_BYTES_MAX, ZIPPED_BYTES_MAX, CodeCache, fetch_package
from fogbank.services.lambda_.concurrency import ACCOUNT_CONCURRENCY, Concurrency
from fogbank.services.lambda_.errors import (
    InvalidParameterValue,
    InvalidRequestContent,
    RequestTooLarge,
    ResourceConflict,
    ResourceNotFound,
)
from fogbank.services.lambda_.functions import Functions, check_revision
from fogbank.services.lambda_.invoke import Invoker
from fogbank.services.lambda_.mappings import Mappings, mapping_answer
from fogbank.services.lambda_.names import FunctionName, function_arn, parse_name
from fogbank.services.lambda_.payload import check_payload
from fogbank.services.lambda_.permissions import Permissions
from fogbank.services.lambda_.pollers import Pollers
from fogbank.services.lambda_.records import (
    Alias,
    Configuration,
    Function,
    InvokeConfig,
    Layer,
    LayerCounter,
    Tables,
)
from fogbank.services.lambda_.tags import Tags

SYNC_BYTES_MAX = 6_291_456
ASYNC_BYTES_MAX = 1_048_576
EXPIRE_EVERY_S = 30


class LambdaService(Tags):
    """Functions from zip packages for Python and OS-only runtimes, run as processes behind
    the real Runtime API.

    Covers functions, versions, aliases, layers, tags, permissions, concurrency, event invoke configurations,
    Invoke (synchronous, asynchronous, dry run) and event source mappings of SQS and DynamoDB streams.
    NotImplemented: container images, function URLs, provisioned concurrency, code signing, response
    streaming, VPC, file systems, SnapStart, durable functions, capacity providers, other event sources,
    tumbling windows.
    """

    name = "lambda"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = Tables(cloud.store)
        self._engine = ProcessEngine(cloud.folder / "lambda" / "run")
        self._code = CodeCache(cloud)
        self._functions = Functions(cloud, self._tables)
        self._permissions = Permissions(self._functions)
        self._concurrency = Concurrency(self._tables)
        self._invoker = Invoker(cloud, self._functions, self._engine, self._concurrency, self._code)
        self._async = AsyncInvoker(cloud, self._functions, self._invoker)
        self._mappings = Mappings(cloud, self._tables, self._functions)
        self._pollers = Pollers(cloud, self._tables, self._invoker)

    async def start(self) -> None:
        self._pollers.start_all()
        while True:
            await self.cloud.clock.sleep(EXPIRE_EVERY_S)
            self._invoker.pool.expire()

    async def stop(self) -> None:
        await self._invoker.logs.ship()
        await self._engine.close()

    def invoke_async_in_transaction(self, ctx: Context, arn: str, payload: bytes) -> None:
        """Queue an asynchronous invocation in the caller's transaction (the targets of other services)."""
        self._async.accept(ctx, parse_name(ctx, arn), payload)

    # ---- functions -----------------------------------------------------------------------------------------

    async def create_function(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        Role: str,
        Code: dict[str, Any],
        Runtime: str | None = None,
        Handler: str | None = None,
        Description: str | None = None,
        Timeout: int | None = None,
        MemorySize: int | None = None,
        Publish: bool = False,
        PackageType: str = "Zip",
        DeadLetterConfig: dict[str, Any] | None = None,
        Environment: dict[str, Any] | None = None,
        TracingConfig: dict[str, Any] | None = None,
        Tags: dict[str, str] | None = None,
        Layers: list[str] | None = None,
        Architectures: list[str] | None = None,
        EphemeralStorage: dict[str, Any] | None = None,
        LoggingConfig: dict[str, Any] | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        if PackageType != "Zip":
            raise NotImplementedInFogbank("Fogbank does not run functions from container images yet.")
        if Runtime is None or Handler is None:
            raise InvalidParameterValue(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        package = await fetch_package(ctx, Code)
        settings = {
            "Runtime": Runtime,
            "Role": Role,
            "Handler": Handler,
            "Description": Description,
            "Timeout": Timeout,
            "MemorySize": MemorySize,
            "DeadLetterConfig": DeadLetterConfig,
            "Environment": Environment,
            "TracingConfig": TracingConfig,
            "Layers": Layers,
            "Architectures": Architectures,
            "EphemeralStorage": EphemeralStorage,
            "LoggingConfig": LoggingConfig,
        }

        def create() -> Configuration:
            config = self._functions.create(ctx, name, package, settings, Tags or {})
            return self._functions.publish(ctx, name) if Publish else config

        config = await ctx.run(create)
        return answers.pending(self._functions.answer(ctx, name, config, qualified=False))

    def get_function(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        config = self._functions.configuration(ctx, name)
        function = self._functions.function(ctx, name)
        answer: dict[str, Any] = {
            "Configuration": self._functions.answer(ctx, name, config, qualified=bool(name.qualifier)),
            "Code": {
                "RepositoryType": "S3",
                "Location": f"{ctx.endpoint}/_fogbank/lambda/code/{config.blob}",
            },
        }
        if function.tags:
            answer["Tags"] = function.tags
        if function.reserved is not None:
            answer["Concurrency"] = answers.concurrency(function)
        return answer

    def get_function_configuration(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        config = self._functions.configuration(ctx, name)
        return self._functions.answer(ctx, name, config, qualified=bool(name.qualifier))

    def list_functions(
        self,
        ctx: Context,
        *,
        FunctionVersion: str | None = None,
        Marker: str | None = None,
        MaxItems: int = 50,
    ) -> Answer:
        found = []
        for key, config in self._tables.configurations.scan((ctx.account, ctx.region)):
            if config.version == 0 or FunctionVersion == "ALL":
                name = parse_name(ctx, key[2])
                found.append(self._functions.answer(ctx, name, config, qualified=FunctionVersion == "ALL"))
        return _page("Functions", found, Marker, MaxItems)

    async def update_function_code(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        ZipFile: bytes | None = None,
        S3Bucket: str | None = None,
        S3Key: str | None = None,
        S3ObjectVersion: str | None = None,
        Architectures: list[str] | None = None,
        Publish: bool = False,
        DryRun: bool = False,
        RevisionId: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._functions.function(ctx, name)
        code = {"ZipFile": ZipFile, "S3Bucket": S3Bucket, "S3Key": S3Key, "S3ObjectVersion": S3ObjectVersion}
        package = await fetch_package(ctx, code)

        def update() -> Configuration:
            config = self._functions.configuration(ctx, name)
            check_revision(RevisionId, config.revision)
            before = config.blob
            if Architectures is not None:
                config.architectures = Architectures
            if DryRun:
                return config
            self._functions.take_code(config, package)
            self._functions.save(ctx, name, config)
            if self._functions.release_code(ctx, name, before):
                self.cloud.store.after_commit(lambda: self._code.remove(before))
            self.cloud.store.after_commit(lambda: self._retire(ctx, name, config))
            return self._functions.publish(ctx, name) if Publish else config

        config = await ctx.run(update)
        return answers.updating(self._functions.answer(ctx, name, config, qualified=Publish))

    def update_function_configuration(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        Role: str | None = None,
        Handler: str | None = None,
        Description: str | None = None,
        Timeout: int | None = None,
        MemorySize: int | None = None,
        Environment: dict[str, Any] | None = None,
        Runtime: str | None = None,
        DeadLetterConfig: dict[str, Any] | None = None,
        TracingConfig: dict[str, Any] | None = None,
        RevisionId: str | None = None,
        Layers: list[str] | None = None,
        EphemeralStorage: dict[str, Any] | None = None,
        LoggingConfig: dict[str, Any] | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        config = self._functions.configuration(ctx, name)
        check_revision(RevisionId, config.revision)
        settings = {
            "Role": Role,
            "Handler": Handler,
            "Description": Description,
            "Timeout": Timeout,
            "MemorySize": MemorySize,
            "Environment": Environment,
            "Runtime": Runtime,
            "DeadLetterConfig": DeadLetterConfig,
            "TracingConfig": TracingConfig,
            "Layers": Layers,
            "EphemeralStorage": EphemeralStorage,
            "LoggingConfig": LoggingConfig,
        }
        self._functions.apply(ctx, config, settings)
        self._functions.save(ctx, name, config)
        self.cloud.store.after_commit(lambda: self._retire(ctx, name, config))
        return answers.updating(self._functions.answer(ctx, name, config, qualified=False))

    def delete_function(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        removed = self._functions.delete(ctx, name)

        def clean() -> None:
            for config in removed:
                self._retire(ctx, name, config)
                self._code.remove(config.blob)

        self.cloud.store.after_commit(clean)
        return {"StatusCode": 204}

    def _retire(self, ctx: Context, name: FunctionName, config: Configuration) -> None:
        self._invoker.pool.retire((name.account, ctx.region, config.name, config.version))

    # ---- invoking ------------------------------------------------------------------------------------------

    async def invoke(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        InvocationType: str = "RequestResponse",
        LogType: str = "None",
        ClientContext: str | None = None,
        Payload: bytes = b"",
        Qualifier: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        payload = Payload or b"{}"
        if InvocationType == "DryRun":
            self._functions.configuration(ctx, name)
            return {"StatusCode": 204, "Payload": b""}
        limit = ASYNC_BYTES_MAX if InvocationType == "Event" else SYNC_BYTES_MAX
        if len(payload) > limit:
            raise RequestTooLarge(
                f"{len(payload)} byte payload is too large for the {InvocationType} "
                f"invocation type (limit {limit} bytes)"
            )
        check_payload(payload)
        if InvocationType == "Event":
            await ctx.run(self._async.accept, ctx, name, payload, ctx.request_id)
            return {"StatusCode": 202, "Payload": b""}
        if ClientContext is not None:
            try:
                ClientContext = base64.b64decode(ClientContext, validate=True).decode()
            except ValueError as error:
                raise InvalidRequestContent("Client context must be a valid base64 encoded JSON object.") from error
        result = await self._invoker.invoke(ctx, name, payload, request_id=ctx.request_id, client_context=ClientContext)
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "ExecutedVersion": result.version,
            "Payload": result.payload,
        }
        if result.error:
            answer["FunctionError"] = result.error
        if LogType == "Tail":
            answer["LogResult"] = base64.b64encode(result.log.encode()[-4096:]).decode()
        return answer

    # ---- versions and aliases ------------------------------------------------------------------------------

    def publish_version(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        CodeSha256: str | None = None,
        Description: str | None = None,
        RevisionId: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        check_revision(RevisionId, self._functions.configuration(ctx, name).revision)
        config = self._functions.publish(ctx, name, description=Description, sha256=CodeSha256)
        return self._functions.answer(ctx, name, config, qualified=True)

    def list_versions_by_function(
        self, ctx: Context, *, FunctionName: str, Marker: str | None = None, MaxItems: int = 50
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._functions.function(ctx, name)
        scan = self._tables.configurations.scan((name.account, ctx.region, name.name))
        found = [self._functions.answer(ctx, name, config, qualified=True) for _, config in scan]
        return _page("Versions", found, Marker, MaxItems)

    def create_alias(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        Name: str,
        FunctionVersion: str,
        Description: str = "",
        RoutingConfig: dict[str, Any] | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._functions.function(ctx, name)
        if self._tables.aliases.get((name.account, ctx.region, name.name, Name)) is not None:
            arn = function_arn(ctx, name.account, name.name, Name)
            raise ResourceConflict(f"Alias already exists: {arn}")
        weights = (RoutingConfig or {}).get("AdditionalVersionWeights") or {}
        alias = Alias(Name, FunctionVersion, Description, "", weights)
        self._functions.save_alias(ctx, name, alias)
        return answers.alias(ctx, name.account, name.name, alias)

    def get_alias(self, ctx: Context, *, FunctionName: str, Name: str) -> Answer:
        name = parse_name(ctx, FunctionName)
        return answers.alias(ctx, name.account, name.name, self._functions.alias(ctx, name, Name))

    def list_aliases(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        FunctionVersion: str | None = None,
        Marker: str | None = None,
        MaxItems: int = 50,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._functions.function(ctx, name)
        scan = self._tables.aliases.scan((name.account, ctx.region, name.name))
        found = [
            answers.alias(ctx, name.account, name.name, alias)
            for _, alias in scan
            if FunctionVersion is None or alias.version == FunctionVersion
        ]
        return _page("Aliases", found, Marker, MaxItems)

    def update_alias(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        Name: str,
        FunctionVersion: str | None = None,
        Description: str | None = None,
        RoutingConfig: dict[str, Any] | None = None,
        RevisionId: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        alias = self._functions.alias(ctx, name, Name)
        check_revision(RevisionId, alias.revision)
        alias.version = FunctionVersion or alias.version
        if Description is not None:
            alias.description = Description
        if RoutingConfig is not None:
            alias.weights = RoutingConfig.get("AdditionalVersionWeights") or {}
        self._functions.save_alias(ctx, name, alias)
        return answers.alias(ctx, name.account, name.name, alias)

    def delete_alias(self, ctx: Context, *, FunctionName: str, Name: str) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._tables.aliases.delete((name.account, ctx.region, name.name, Name))
        return None

    # ---- concurrency and account ---------------------------------------------------------------------------

    def put_function_concurrency(self, ctx: Context, *, FunctionName: str, ReservedConcurrentExecutions: int) -> Answer:
        name, function = self._unqualified(ctx, FunctionName)
        self._concurrency.check_reserve(ctx, name.account, name.name, ReservedConcurrentExecutions)
        function.reserved = ReservedConcurrentExecutions
        self._tables.functions.put((name.account, ctx.region, name.name), function)
        return answers.concurrency(function)

    def get_function_concurrency(self, ctx: Context, *, FunctionName: str) -> Answer:
        return answers.concurrency(self._unqualified(ctx, FunctionName)[1])

    def delete_function_concurrency(self, ctx: Context, *, FunctionName: str) -> Answer:
        name, function = self._unqualified(ctx, FunctionName)
        function.reserved = None
        self._tables.functions.put((name.account, ctx.region, name.name), function)
        return None

    def _unqualified(self, ctx: Context, text: str) -> tuple[FunctionName, Function]:
        name = parse_name(ctx, text)
        if name.qualifier:
            raise InvalidParameterValue(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support "
                "this operation. Please specify either a function name or an unqualified function ARN."
            )
        return name, self._functions.function(ctx, name)

    def get_account_settings(self, ctx: Context) -> Answer:
        reserved = self._concurrency.reserved_total(ctx.account, ctx.region)
        configurations = [config for _, config in self._tables.configurations.scan((ctx.account, ctx.region))]
        return {
            "AccountLimit": {
                "TotalCodeSize": 80_530_636_800,
                "CodeSizeUnzipped": UNZIPPED_BYTES_MAX,
                "CodeSizeZipped": ZIPPED_BYTES_MAX,
                "ConcurrentExecutions": ACCOUNT_CONCURRENCY,
                "UnreservedConcurrentExecutions": ACCOUNT_CONCURRENCY - reserved,
            },
            "AccountUsage": {
                "TotalCodeSize": sum(config.code_size for config in configurations),
                "FunctionCount": sum(1 for config in configurations if config.version == 0),
            },
        }

    # ---- permissions and tags ------------------------------------------------------------------------------

    def add_permission(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        StatementId: str,
        Action: str,
        Principal: str,
        SourceArn: str | None = None,
        SourceAccount: str | None = None,
        Qualifier: str | None = None,
        RevisionId: str | None = None,
        PrincipalOrgID: str | None = None,
    ) -> Answer:
        wanted = {
            "StatementId": StatementId,
            "Action": Action,
            "Principal": Principal,
            "SourceArn": SourceArn,
            "SourceAccount": SourceAccount,
            "RevisionId": RevisionId,
            "PrincipalOrgID": PrincipalOrgID,
        }
        return {"Statement": self._permissions.add(ctx, parse_name(ctx, FunctionName, Qualifier), wanted)}

    def get_policy(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        policy = self._permissions.policy(ctx, parse_name(ctx, FunctionName, Qualifier))
        return {"Policy": self._permissions.document(policy), "RevisionId": policy.revision}

    def remove_permission(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        StatementId: str,
        Qualifier: str | None = None,
        RevisionId: str | None = None,
    ) -> Answer:
        self._permissions.remove(ctx, parse_name(ctx, FunctionName, Qualifier), StatementId, RevisionId)
        return None

    # ---- asynchronous invocation settings ------------------------------------------------------------------

    def put_function_event_invoke_config(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        Qualifier: str | None = None,
        MaximumRetryAttempts: int | None = None,
        MaximumEventAgeInSeconds: int | None = None,
        DestinationConfig: dict[str, Any] | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        self._functions.configuration(ctx, name)
        if MaximumRetryAttempts is None and MaximumEventAgeInSeconds is None and DestinationConfig is None:
            raise InvalidParameterValue("You must specify at least one of error handling or destination setting.")
        config = InvokeConfig(ctx.now_ms, MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig or {})
        return self._save_invoke_config(ctx, name, config)

    def update_function_event_invoke_config(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        Qualifier: str | None = None,
        MaximumRetryAttempts: int | None = None,
        MaximumEventAgeInSeconds: int | None = None,
        DestinationConfig: dict[str, Any] | None = None,
    ) -> Answer:
        name, config = self._invoke_config(ctx, FunctionName, Qualifier)
        config.modified_ms = ctx.now_ms
        if MaximumRetryAttempts is not None:
            config.retries_max = MaximumRetryAttempts
        if MaximumEventAgeInSeconds is not None:
            config.age_max_s = MaximumEventAgeInSeconds
        config.destinations = {**config.destinations, **(DestinationConfig or {})}
        return self._save_invoke_config(ctx, name, config)

    def get_function_event_invoke_config(
        self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None
    ) -> Answer:
        name, config = self._invoke_config(ctx, FunctionName, Qualifier)
        return answers.invoke_config(ctx, name.account, name.name, name.qualifier or "$LATEST", config)

    def delete_function_event_invoke_config(
        self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None
    ) -> Answer:
        name, _ = self._invoke_config(ctx, FunctionName, Qualifier)
        self._tables.invoke_configs.delete((name.account, ctx.region, name.name, name.qualifier or "$LATEST"))
        return None

    def list_function_event_invoke_configs(
        self, ctx: Context, *, FunctionName: str, Marker: str | None = None, MaxItems: int = 50
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._functions.function(ctx, name)
        scan = self._tables.invoke_configs.scan((name.account, ctx.region, name.name))
        found = [answers.invoke_config(ctx, name.account, name.name, key[3], config) for key, config in scan]
        return _page("FunctionEventInvokeConfigs", found, Marker, MaxItems)

    def _invoke_config(self, ctx: Context, text: str, qualifier: str | None) -> tuple[FunctionName, InvokeConfig]:
        name = parse_name(ctx, text, qualifier)
        found = self._tables.invoke_configs.get((name.account, ctx.region, name.name, name.qualifier or "$LATEST"))
        if found is None:
            arn = function_arn(ctx, name.account, name.name, name.qualifier or "$LATEST")
            raise ResourceNotFound(f"The function {arn} doesn't have an EventInvokeConfig")
        return name, found

    def _save_invoke_config(self, ctx: Context, name: FunctionName, config: InvokeConfig) -> Answer:
        qualifier = name.qualifier or "$LATEST"
        self._tables.invoke_configs.put((name.account, ctx.region, name.name, qualifier), config)
        return answers.invoke_config(ctx, name.account, name.name, qualifier, config)

    # ---- layers --------------------------------------------------------------------------------------------

    async def publish_layer_version(
        self,
        ctx: Context,
        *,
        LayerName: str,
        Content: dict[str, Any],
        Description: str = "",
        CompatibleRuntimes: list[str] | None = None,
        CompatibleArchitectures: list[str] | None = None,
        LicenseInfo: str = "",
    ) -> Answer:
        package = await fetch_package(ctx, Content)
        layer_name = _layer_name(LayerName)

        def publish() -> tuple[int, Layer]:
            key = (ctx.account, ctx.region, layer_name)
            version = (self._tables.layer_counters.get(key) or LayerCounter(0)).last + 1
            blob = self.cloud.blobs.write_bytes(package.data)
            self.cloud.blobs.claim(blob, package.size)
            layer = Layer(
                Description,
                blob,
                package.size,
                package.sha256,
                ctx.now_ms,
                CompatibleRuntimes or [],
                CompatibleArchitectures or [],
                LicenseInfo,
            )
            self._tables.layer_counters.put(key, LayerCounter(version))
            self._tables.layers.put((*key, version), layer)
            return version, layer

        version, layer = await ctx.run(publish)
        return self._layer_answer(ctx, layer_name, version, layer)

    def get_layer_version(self, ctx: Context, *, LayerName: str, VersionNumber: int) -> Answer:
        name = _layer_name(LayerName)
        return self._layer_answer(ctx, name, VersionNumber, self._layer(ctx, name, VersionNumber))

    def list_layer_versions(
        self, ctx: Context, *, LayerName: str, Marker: str | None = None, MaxItems: int = 50
    ) -> Answer:
        name = _layer_name(LayerName)
        arn = ctx.arn("lambda", f"layer:{name}")
        scan = self._tables.layers.scan((ctx.account, ctx.region, name), reverse=True)
        found = [answers.layer_version(arn, key[3], layer) for key, layer in scan]
        return _page("LayerVersions", found, Marker, MaxItems)

    def list_layers(self, ctx: Context, *, Marker: str | None = None, MaxItems: int = 50) -> Answer:
        latest = {key[2]: (key[3], layer) for key, layer in self._tables.layers.scan((ctx.account, ctx.region))}
        found = []
        for name, (version, layer) in latest.items():
            arn = ctx.arn("lambda", f"layer:{name}")
            newest = answers.layer_version(arn, version, layer)
            found.append({"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": newest})
        return _page("Layers", found, Marker, MaxItems)

    def delete_layer_version(self, ctx: Context, *, LayerName: str, VersionNumber: int) -> Answer:
        # The blob stays: functions that use the layer version go on with it, as on AWS.
        self._tables.layers.delete((ctx.account, ctx.region, _layer_name(LayerName), VersionNumber))
        return None

    def _layer(self, ctx: Context, name: str, version: int) -> Layer:
        if version < 1:
            raise InvalidParameterValue("Layer Version Cannot be less than 1")
        layer = self._tables.layers.get((ctx.account, ctx.region, name, version))
        if layer is None:
            raise ResourceNotFound()
        return layer

    def _layer_answer(self, ctx: Context, name: str, version: int, layer: Layer) -> dict[str, Any]:
        arn = ctx.arn("lambda", f"layer:{name}")
        location = f"{ctx.endpoint}/_fogbank/lambda/code/{layer.blob}"
        content = {"Location": location, "CodeSha256": layer.code_sha256, "CodeSize": layer.code_size}
        return {**answers.layer_version(arn, version, layer), "LayerArn": arn, "Content": content}

    # ---- event source mappings -----------------------------------------------------------------------------

    def create_event_source_mapping(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        EventSourceArn: str | None = None,
        Enabled: bool = True,
        BatchSize: int | None = None,
        FilterCriteria: dict[str, Any] | None = None,
        ScalingConfig: dict[str, Any] | None = None,
        MaximumBatchingWindowInSeconds: int | None = None,
        ParallelizationFactor: int | None = None,
        StartingPosition: str | None = None,
        DestinationConfig: dict[str, Any] | None = None,
        MaximumRecordAgeInSeconds: int | None = None,
        BisectBatchOnFunctionError: bool | None = None,
        MaximumRetryAttempts: int | None = None,
        FunctionResponseTypes: list[str] | None = None,
        Tags: dict[str, str] | None = None,
    ) -> Answer:
        settings = {
            "EventSourceArn": EventSourceArn or "",
            "Enabled": Enabled,
            "BatchSize": BatchSize,
            "FilterCriteria": FilterCriteria,
            "ScalingConfig": ScalingConfig,
            "MaximumBatchingWindowInSeconds": MaximumBatchingWindowInSeconds,
            "ParallelizationFactor": ParallelizationFactor,
            "StartingPosition": StartingPosition,
            "DestinationConfig": DestinationConfig,
            "MaximumRecordAgeInSeconds": MaximumRecordAgeInSeconds,
            "BisectBatchOnFunctionError": BisectBatchOnFunctionError,
            "MaximumRetryAttempts": MaximumRetryAttempts,
            "FunctionResponseTypes": FunctionResponseTypes,
            "Tags": Tags,
        }
        mapping = self._mappings.create(ctx, parse_name(ctx, FunctionName), settings)
        self.cloud.store.after_commit(lambda: self._pollers.restart(ctx.account, ctx.region, mapping))
        return mapping_answer(ctx, mapping, state="Creating")

    def get_event_source_mapping(self, ctx: Context, *, UUID: str) -> Answer:
        return mapping_answer(ctx, self._mappings.get(ctx, UUID))

    def list_event_source_mappings(
        self,
        ctx: Context,
        *,
        EventSourceArn: str | None = None,
        FunctionName: str | None = None,
        Marker: str | None = None,
        MaxItems: int = 100,
    ) -> Answer:
        wanted = parse_name(ctx, FunctionName).name if FunctionName else None
        found = [
            mapping_answer(ctx, mapping)
            for _, mapping in self._tables.mappings.scan((ctx.account, ctx.region))
            if (EventSourceArn is None or mapping.source_arn == EventSourceArn)
            and (wanted is None or mapping.function_name == wanted)
        ]
        return _page("EventSourceMappings", found, Marker, MaxItems)

    def update_event_source_mapping(
        self,
        ctx: Context,
        *,
        UUID: str,
        FunctionName: str | None = None,
        Enabled: bool | None = None,
        BatchSize: int | None = None,
        FilterCriteria: dict[str, Any] | None = None,
        ScalingConfig: dict[str, Any] | None = None,
        MaximumBatchingWindowInSeconds: int | None = None,
        ParallelizationFactor: int | None = None,
        DestinationConfig: dict[str, Any] | None = None,
        MaximumRecordAgeInSeconds: int | None = None,
        BisectBatchOnFunctionError: bool | None = None,
        MaximumRetryAttempts: int | None = None,
        FunctionResponseTypes: list[str] | None = None,
    ) -> Answer:
        mapping = self._mappings.get(ctx, UUID)
        settings = {
            "Enabled": Enabled,
            "BatchSize": BatchSize,
            "FilterCriteria": FilterCriteria,
            "ScalingConfig": ScalingConfig,
            "MaximumBatchingWindowInSeconds": MaximumBatchingWindowInSeconds,
            "ParallelizationFactor": ParallelizationFactor,
            "DestinationConfig": DestinationConfig,
            "MaximumRecordAgeInSeconds": MaximumRecordAgeInSeconds,
            "BisectBatchOnFunctionError": BisectBatchOnFunctionError,
            "MaximumRetryAttempts": MaximumRetryAttempts,
            "FunctionResponseTypes": FunctionResponseTypes,
        }
        before = mapping.state
        self._mappings.update(ctx, mapping, settings, parse_name(ctx, FunctionName) if FunctionName else None)
        self.cloud.store.after_commit(lambda: self._pollers.restart(ctx.account, ctx.region, mapping))
        transitions = {("Enabled", "Disabled"): "Disabling", ("Disabled", "Enabled"): "Enabling"}
        return mapping_answer(ctx, mapping, state=transitions.get((before, mapping.state), "Updating"))

    def delete_event_source_mapping(self, ctx: Context, *, UUID: str) -> Answer:
        mapping = self._mappings.get(ctx, UUID)
        self._mappings.delete(ctx, mapping)
        self.cloud.store.after_commit(lambda: self._pollers.end(mapping.uuid))
        return mapping_answer(ctx, mapping, state="Deleting")


def _layer_name(text: str) -> str:
    return text.rpartition(":")[2] if text.startswith("arn:") else text


def _page(member: str, found: list[dict[str, Any]], marker: str | None, limit: int) -> Answer:
    """One page; the marker is where the next one begins."""
    if marker is not None and not marker.isdigit():
        raise InvalidParameterValue("Invalid Marker")
    start = int(marker or 0)
    answer: dict[str, Any] = {member: found[start : start + limit]}
    if start + limit < len(found):
        answer["NextMarker"] = str(start + limit)
    return answer
