"""Functions: made, changed, removed, described."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.lambda_ import answers
from fogbank.services.lambda_.code import fetch_package
from fogbank.services.lambda_.errors import AccessDenied, InvalidParameterValue
from fogbank.services.lambda_.functions import check_revision
from fogbank.services.lambda_.names import FunctionName, parse_name
from fogbank.services.lambda_.operations.base import Operations, page
from fogbank.services.lambda_.records import Configuration, Function
from fogbank.services.lambda_.states import begin_update, check_settled


class FunctionOperations(Operations):
    """CreateFunction and its relatives."""

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
        CodeSigningConfigArn: str | None = None,
        KMSKeyArn: str | None = None,
        SnapStart: dict[str, Any] | None = None,
        VpcConfig: dict[str, Any] | None = None,
    ) -> Answer:
        _check_network(VpcConfig)
        name = parse_name(ctx, FunctionName)
        if name.account != ctx.account:
            raise AccessDenied()
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
            "KMSKeyArn": KMSKeyArn,
            "SnapStart": SnapStart,
        }

        def create() -> Configuration:
            self._code_signing.check_deployment(ctx, name, CodeSigningConfigArn or "")
            function = Function(ctx.now_ms, tags=Tags or {}, code_signing_arn=CodeSigningConfigArn or "")
            config = self._functions.create(ctx, name, package, settings, function)
            return self._functions.publish(ctx, name) if Publish else config

        config = await ctx.run(create)
        return answers.created(self._functions.answer(ctx, name, config, qualifier=""))

    def get_function(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        config = self._functions.configuration(ctx, name)
        function = self._functions.function(ctx, name)
        answer: dict[str, Any] = {
            "Configuration": self._functions.answer(ctx, name, config, qualifier=name.qualifier),
            "Code": {
                "RepositoryType": "S3",
                "Location": f"{ctx.endpoint}/_fogbank/lambda/code/{config.blob}",
            },
        }
        if function.tags and name.qualifier in ("", "$LATEST"):  # Versions and aliases have none.
            answer["Tags"] = function.tags
        if function.reserved is not None:
            answer["Concurrency"] = answers.concurrency(function)
        return answer

    def get_function_configuration(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        config = self._functions.configuration(ctx, name)
        return self._functions.answer(ctx, name, config, qualifier=name.qualifier)

    def list_functions(
        self,
        ctx: Context,
        *,
        MasterRegion: str | None = None,
        FunctionVersion: str | None = None,
        Marker: str | None = None,
        MaxItems: int = 50,
    ) -> Answer:
        if MasterRegion is not None:
            # Asked for are replicas of functions at the edge, and there are none.
            if FunctionVersion != "ALL":
                raise InvalidParameterValue("FunctionVersion must be set to ALL when MasterRegion is specified.")
            return page("Functions", [], Marker, MaxItems)
        found = []
        for key, config in self._tables.configurations.scan((ctx.account, ctx.region)):
            if config.version == 0 or FunctionVersion == "ALL":
                name = parse_name(ctx, key[2])
                qualifier = config.label if FunctionVersion == "ALL" else ""
                found.append(answers.listed(self._functions.answer(ctx, name, config, qualifier=qualifier)))
        return page("Functions", found, Marker, MaxItems)

    async def update_function_code(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        ZipFile: bytes | None = None,
        S3Bucket: str | None = None,
        S3Key: str | None = None,
        S3ObjectVersion: str | None = None,
        ImageUri: str | None = None,
        Architectures: list[str] | None = None,
        Publish: bool = False,
        DryRun: bool = False,
        RevisionId: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName)
        self._code_signing.check_deployment(ctx, name, self._functions.function(ctx, name).code_signing_arn)
        code = {
            "ZipFile": ZipFile,
            "S3Bucket": S3Bucket,
            "S3Key": S3Key,
            "S3ObjectVersion": S3ObjectVersion,
            "ImageUri": ImageUri,
        }
        package = await fetch_package(ctx, code)

        def update() -> Configuration:
            config = self._changeable(ctx, name, RevisionId)
            before = config.blob
            if Architectures is not None:
                config.architectures = Architectures
            if DryRun:
                return config
            begin_update(ctx, config)
            self._functions.take_code(config, package)
            self._functions.save(ctx, name, config)
            if self._functions.release_code(ctx, name, before):
                self.cloud.store.after_commit(lambda: self._code.remove(before))
            self.cloud.store.after_commit(lambda: self._retire(ctx, name, config))
            return self._functions.publish(ctx, name) if Publish else config

        config = await ctx.run(update)
        return self._functions.answer(ctx, name, config, qualifier=config.label if config.version else "")

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
        KMSKeyArn: str | None = None,
        SnapStart: dict[str, Any] | None = None,
        VpcConfig: dict[str, Any] | None = None,
    ) -> Answer:
        _check_network(VpcConfig)
        name = parse_name(ctx, FunctionName)
        config = self._changeable(ctx, name, RevisionId)
        if Layers:
            self._code_signing.check_deployment(ctx, name, self._functions.function(ctx, name).code_signing_arn)
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
            "KMSKeyArn": KMSKeyArn,
            "SnapStart": SnapStart,
        }
        self._functions.apply(ctx, name, config, settings)
        begin_update(ctx, config)
        self._functions.save(ctx, name, config)
        self.cloud.store.after_commit(lambda: self._retire(ctx, name, config))
        return self._functions.answer(ctx, name, config, qualifier="")

    def delete_function(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        removed = self._functions.delete(ctx, name)
        if not name.qualifier:
            self._urls.delete_of_function(ctx, name)
        self._provisioning.removed(ctx, name)
        for config in removed:
            self._invoker.snapshots.removed((name.account, ctx.region, name.name, config.version))

        def clean() -> None:
            for config in removed:
                self._retire(ctx, name, config)
                self._code.remove(config.blob)

        self.cloud.store.after_commit(clean)
        return {"StatusCode": 204}

    def _changeable(self, ctx: Context, name: FunctionName, revision: str | None) -> Configuration:
        """`$LATEST`, if it has that revision and no other change is under way."""
        config = self._functions.configuration(ctx, name)
        check_settled(ctx, name, config)
        check_revision(revision, config.revision)
        return config

    def _retire(self, ctx: Context, name: FunctionName, config: Configuration) -> None:
        self._invoker.pool.retire((name.account, ctx.region, config.name, config.version))


def _check_network(vpc_config: dict[str, Any] | None) -> None:
    """A configuration that names nothing says that a function is in no VPC."""
    if vpc_config and (vpc_config.get("SubnetIds") or vpc_config.get("SecurityGroupIds")):
        raise NotImplementedInFogbank("Fogbank's functions are in no VPC: it does not implement VpcConfig.")
