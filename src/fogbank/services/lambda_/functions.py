"""Functions, their versions and aliases as stored things: found, checked, made, changed, removed."""

import json
import random
import re
import uuid
from collections.abc import Callable
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.lambda_ import answers, snapshots
from fogbank.services.lambda_.code import UNZIPPED_BYTES_MAX, Package
from fogbank.services.lambda_.environments import Environments
from fogbank.services.lambda_.errors import (
    WITHOUT_TYPE,
    Invalid,
    InvalidParameterValue,
    KmsRefusal,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from fogbank.services.lambda_.execution_role import check_role
from fogbank.services.lambda_.layer_access import check_shared
from fogbank.services.lambda_.names import FunctionName, function_arn, is_alias
from fogbank.services.lambda_.pool import Key
from fogbank.services.lambda_.records import Alias, Configuration, Function, Tables
from fogbank.services.lambda_.runtimes import check_runtime
from fogbank.services.lambda_.states import begin_update, is_settled

ENVIRONMENT_BYTES_MAX = 4096
# The model's bounds are those of functions on instances of one's own, which may have more.
MEMORY_MB_MAX = 10_240
TIMEOUT_S_MAX = 900
LAYERS_MAX = 5
NAME_MAX = 64
TAGS_MAX = 50
_LAYER_ARN = re.compile(r"arn:aws:lambda:([a-z0-9-]+):(\d{12}):layer:([a-zA-Z0-9_-]+):(\d+)")


class Functions:
    """Everything about functions that needs no running code."""

    def __init__(self, cloud: Cloud, tables: Tables) -> None:
        self._cloud = cloud
        self.tables = tables
        self.environments = Environments(cloud)
        self.published: Callable[[Key], None] = lambda key: None
        """Called in the transaction that publishes a version with SnapStart."""

    # ---- finding -------------------------------------------------------------------------------------------

    def function(self, ctx: Context, name: FunctionName) -> Function:
        found = self.tables.functions.get((name.account, ctx.region, name.name))
        if found is None:
            raise function_not_found(ctx, name)
        return found

    def configuration(self, ctx: Context, name: FunctionName) -> Configuration:
        """The version that the qualifier names, of an alias its first."""
        return self._version(ctx, name, self.version_of(ctx, name))

    def routed(self, ctx: Context, name: FunctionName) -> Configuration:
        """The version that an invocation goes to: an alias with weights picks one."""
        draw = random.random()
        for version, weight in self.weights(ctx, name).items():
            if draw < weight:
                return self._version(ctx, name, int(version))
            draw -= weight
        return self.configuration(ctx, name)

    def weights(self, ctx: Context, name: FunctionName) -> dict[str, float]:
        """Which shares of the invocations go to other versions than an alias's first."""
        if not is_alias(name.qualifier):
            return {}
        alias = self.tables.aliases.get((name.account, ctx.region, name.name, name.qualifier))
        return alias.weights if alias is not None else {}

    def _version(self, ctx: Context, name: FunctionName, version: int | None) -> Configuration:
        found = None
        if version is not None:
            found = self.tables.configurations.get((name.account, ctx.region, name.name, version))
        if found is None:
            raise function_not_found(ctx, name)
        return found

    def version_of(self, ctx: Context, name: FunctionName) -> int | None:
        qualifier = name.qualifier
        if not qualifier or qualifier == "$LATEST":
            return 0
        if qualifier.isdigit():
            return int(qualifier)
        alias = self.tables.aliases.get((name.account, ctx.region, name.name, qualifier))
        if alias is None:
            return None
        return 0 if alias.version == "$LATEST" else int(alias.version)

    def answer(self, ctx: Context, name: FunctionName, config: Configuration, *, qualifier: str) -> dict[str, Any]:
        layers = []
        for arn in config.layers:
            key = self.layer_key(arn)
            layer = self.tables.layers.get(key) if key is not None else None
            layers.append({"Arn": arn, "CodeSize": layer.code_size if layer is not None else 0})
        snapshot = None
        if config.snap_start and config.version:
            snapshot = self.tables.snapshots.get((name.account, ctx.region, name.name, config.version))
        answer = answers.configuration(ctx, name.account, config, layers, snapshot, qualifier=qualifier)
        try:
            variables = self.environments.open(ctx, name, config)
        except KmsRefusal as error:
            # https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentError.html
            answer["Environment"] = {"Error": {"ErrorCode": error.code, "Message": error.message}}
        else:
            if variables is not None:
                answer["Environment"] = {"Variables": variables}
        return answer

    @staticmethod
    def layer_key(arn: str) -> tuple[str, str, str, int] | None:
        match = _LAYER_ARN.fullmatch(arn)
        return (match[2], match[1], match[3], int(match[4])) if match is not None else None

    # ---- changing ------------------------------------------------------------------------------------------

    def create(
        self,
        ctx: Context,
        name: FunctionName,
        package: Package,
        settings: dict[str, Any],
        function: Function,
    ) -> Configuration:
        if len(name.name) > NAME_MAX:
            raise InvalidParameterValue(
                f"1 validation error detected: Value '{name.name}' at 'functionName' failed to satisfy constraint: "
                f"Member must have length less than or equal to {NAME_MAX}"
            )
        config = Configuration(
            name=name.name,
            version=0,
            runtime="",
            role="",
            handler="",
            blob="",
            code_size=0,
            code_sha256="",
            description="",
            timeout_s=3,
            memory_mb=128,
            environment=None,
            modified_ms=ctx.now_ms,
            revision="",
        )
        check_tags(function.tags)
        self.apply(ctx, name, config, settings)
        if self.tables.functions.get((name.account, ctx.region, name.name)) is not None:
            raise ResourceConflict(f"Function already exist: {name.name}")
        self.take_code(config, package)
        self.tables.functions.put((name.account, ctx.region, name.name), function)
        self.save(ctx, name, config)
        return config

    def apply(self, ctx: Context, name: FunctionName, config: Configuration, settings: dict[str, Any]) -> None:
        """Set the members of Create/UpdateFunctionConfiguration that are given."""
        if (runtime := settings.get("Runtime")) is not None:
            check_runtime(runtime)
            config.runtime = runtime
        if (settings.get("Timeout") or 0) > TIMEOUT_S_MAX:
            raise Invalid(
                f"1 validation error detected: Value '{settings['Timeout']}' at 'timeout' failed to satisfy "
                f"constraint: Member must have value less than or equal to {TIMEOUT_S_MAX}"
            )
        if (settings.get("MemorySize") or 0) > MEMORY_MB_MAX:
            raise InvalidParameterValue(
                "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to "
                f"{MEMORY_MB_MAX}"
            )
        if (role := settings.get("Role")) is not None:
            check_role(ctx, role)
        for member, field in _PLAIN_MEMBERS:
            if (value := settings.get(member)) is not None:
                setattr(config, field, value)
        self._apply_environment(ctx, name, config, settings)
        if (storage := settings.get("EphemeralStorage")) is not None:
            config.ephemeral_mb = storage["Size"]
        if (tracing := settings.get("TracingConfig")) is not None:
            config.tracing = tracing.get("Mode", "PassThrough")
        if (dead_letters := settings.get("DeadLetterConfig")) is not None:
            config.dead_letter_arn = dead_letters.get("TargetArn", "")
        if (logging := settings.get("LoggingConfig")) is not None:
            config.logging = {**config.logging, **logging}
            if config.logging.get("LogFormat", "Text") == "Text":
                config.logging = {
                    name: value for name, value in config.logging.items() if name in ("LogFormat", "LogGroup")
                }
        if (layers := settings.get("Layers")) is not None:
            self._check_layers(ctx, layers)
            config.layers = layers
            self.check_size(config)
        snapshots.apply(config, settings.get("SnapStart"))

    def _apply_environment(
        self, ctx: Context, name: FunctionName, config: Configuration, settings: dict[str, Any]
    ) -> None:
        environment, key = settings.get("Environment"), settings.get("KMSKeyArn")
        if environment is None and key is None:
            return
        if environment is None:
            variables = self.environments.open(ctx, name, config)
        else:
            variables = _checked_environment(environment.get("Variables", {}))
        if key is not None:
            config.kms_key_arn = key
        self.environments.keep(ctx, name, config, variables)

    def _check_layers(self, ctx: Context, layers: list[str]) -> None:
        if len(layers) > LAYERS_MAX:
            raise InvalidParameterValue(f"Cannot reference more than {LAYERS_MAX} layers.")
        seen: dict[str, str] = {}
        for arn in layers:
            key = self.layer_key(arn)
            if key is not None and key[1] != ctx.region:
                raise InvalidParameterValue(
                    "Layers are not in the same region as the function. "
                    f"Layers are expected to be in region {ctx.region}."
                )
            layer = self.tables.layers.get(key) if key is not None else None
            if key is None or layer is None or layer.deleted:
                raise InvalidParameterValue(f"Layer version {arn} does not exist.")
            if key[0] != ctx.account:
                check_shared(ctx, arn, layer)
            other = seen.setdefault(arn.rpartition(":")[0], arn)
            if other is not arn:
                raise InvalidParameterValue(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{other} and {arn} are versions of the same layer."
                )

    def check_size(self, config: Configuration) -> None:
        """A function and its layers have to fit in one environment."""
        found = [self.tables.layers.get(key) for arn in config.layers if (key := self.layer_key(arn)) is not None]
        size = config.unzipped_bytes + sum(layer.unzipped_bytes for layer in found if layer is not None)
        if config.layers and size > UNZIPPED_BYTES_MAX:
            raise InvalidParameterValue(f"Layers consume more than the available size of {UNZIPPED_BYTES_MAX} bytes")

    def take_code(self, config: Configuration, package: Package) -> None:
        config.unzipped_bytes = package.unzipped_bytes
        self.check_size(config)
        blob = self._cloud.blobs.write_bytes(package.data)
        self._cloud.blobs.claim(blob, package.size)
        config.blob = blob
        config.code_size = package.size
        config.code_sha256 = package.sha256

    def save(self, ctx: Context, name: FunctionName, config: Configuration) -> None:
        config.modified_ms = ctx.now_ms
        config.revision = config.build = str(uuid.uuid4())
        self.tables.configurations.put((name.account, ctx.region, name.name, config.version), config)

    def publish(
        self, ctx: Context, name: FunctionName, *, description: str | None = None, sha256: str | None = None
    ) -> Configuration:
        """A new version of `$LATEST`, or the last one if nothing has changed since."""
        function = self.function(ctx, name)
        config = self.configuration(ctx, FunctionName(name.account, name.name, ""))
        if sha256 is not None and sha256 != config.code_sha256:
            raise InvalidParameterValue(
                f"CodeSHA256 ({sha256}) is different from current CodeSHA256 in $LATEST "
                f"({config.code_sha256}). "
                "Please try again with the CodeSHA256 in $LATEST."
            )
        key = (name.account, ctx.region, name.name)
        last = self.tables.configurations.get((*key, function.next_version - 1)) if function.next_version > 1 else None
        config.latest_description = config.description
        config.version = function.next_version
        if last is not None and _same(last, config):
            return last
        if description is not None:
            config.description = description
        if not is_settled(ctx, config):
            begin_update(ctx, config)
        function.next_version += 1
        self.tables.functions.put(key, function)
        self.save(ctx, name, config)
        self.touch(ctx, name)
        if config.snap_start:
            self.published((*key, config.version))
        return config

    def touch(self, ctx: Context, name: FunctionName) -> None:
        """Give `$LATEST` another revision: what belongs to the function has changed, but not how it runs."""
        key = (name.account, ctx.region, name.name, 0)
        latest = self.tables.configurations.get(key)
        if latest is not None:
            latest.revision = str(uuid.uuid4())
            self.tables.configurations.put(key, latest)

    def release_code(self, ctx: Context, name: FunctionName, blob: str) -> bool:
        """Give up a code blob unless a version still has it; whether it is gone."""
        scan = self.tables.configurations.scan((name.account, ctx.region, name.name))
        if any(config.blob == blob for _, config in scan):
            return False
        self._cloud.blobs.release(blob)
        return True

    def delete(self, ctx: Context, name: FunctionName) -> list[Configuration]:
        """Remove the function, or one version of it; the removed versions."""
        key = (name.account, ctx.region, name.name)
        if name.qualifier:
            if name.qualifier == "$LATEST":
                raise InvalidParameterValue("$LATEST version cannot be deleted without deleting the function.")
            if not name.qualifier.isdigit():
                raise InvalidParameterValue("Deletion of aliases is not currently supported.")
            self.function(ctx, FunctionName(name.account, name.name, ""))
            config = self.tables.configurations.get((*key, int(name.qualifier)))
            if config is None:
                return []  # A version that is not there is deleted, as on AWS.
            if pointing := self._pointing_to(key, config.label):
                raise ResourceConflict(
                    f"Unable to delete version because the following aliases reference it: [{', '.join(pointing)}]"
                )
            self.tables.configurations.delete((*key, config.version))
            removed = [config]
        else:
            self.function(ctx, name)
            removed = [config for _, config in self.tables.configurations.scan(key)]
            self.tables.functions.delete(key)
            for table in (
                self.tables.configurations,
                self.tables.aliases,
                self.tables.policies,
                self.tables.invoke_configs,
                self.tables.runtime_management,
            ):
                table.delete_all(key)
        for blob in {config.blob for config in removed}:
            self.release_code(ctx, name, blob)
        return removed

    def _pointing_to(self, key: tuple[str, str, str], version: str) -> list[str]:
        aliases = [alias for _, alias in self.tables.aliases.scan(key)]
        return [alias.name for alias in aliases if alias.version == version or version in alias.weights]

    # ---- aliases -------------------------------------------------------------------------------------------

    def alias(self, ctx: Context, name: FunctionName, alias: str) -> Alias:
        found = self.tables.aliases.get((name.account, ctx.region, name.name, alias))
        if found is None:
            arn = function_arn(ctx, name.account, name.name, alias)
            raise ResourceNotFound(f"Cannot find alias arn: {arn}")
        return found

    def delete_alias(self, ctx: Context, name: FunctionName) -> None:
        """Remove the alias that the qualifier names, with what belongs to it."""
        key = (name.account, ctx.region, name.name, name.qualifier)
        for table in (self.tables.aliases, self.tables.policies, self.tables.invoke_configs):
            table.delete(key)

    def save_alias(self, ctx: Context, name: FunctionName, alias: Alias) -> None:
        if len(alias.weights) > 1:
            raise InvalidParameterValue("Number of items in AdditionalVersionWeights cannot be greater than 1")
        if alias.weights and alias.version == "$LATEST":
            sentence = "$LATEST is not supported for an alias pointing to more than 1 version"
            raise InvalidParameterValue(sentence, members=WITHOUT_TYPE)
        if alias.version in alias.weights:
            raise InvalidParameterValue(
                f"Invalid function version {alias.version}. "
                f"Function version {alias.version} is already included in routing configuration."
            )
        versions = [
            self.configuration(ctx, FunctionName(name.account, name.name, version))
            for version in (alias.version, *alias.weights)
        ]
        # https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html has the rule; the words are ours.
        if len({(config.role, config.dead_letter_arn) for config in versions}) > 1:
            raise InvalidParameterValue(
                "The versions that an alias points to must have the same execution role and dead-letter queue."
            )
        alias.revision = str(uuid.uuid4())
        self.tables.aliases.put((name.account, ctx.region, name.name, alias.name), alias)


def function_not_found(ctx: Context, name: FunctionName) -> ResourceNotFound:
    return ResourceNotFound(f"Function not found: {function_arn(ctx, name.account, name.name, name.qualifier)}")


def check_tags(tags: dict[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise InvalidParameterValue("Number of tags exceeds resource tag limit.")


def check_revision(wanted: str | None, actual: str) -> None:
    if wanted is not None and wanted != actual:
        raise PreconditionFailed()


_PLAIN_MEMBERS = (
    ("Role", "role"),
    ("Handler", "handler"),
    ("Description", "description"),
    ("Timeout", "timeout_s"),
    ("MemorySize", "memory_mb"),
    ("Architectures", "architectures"),
)
_RESERVED_VARIABLES = frozenset(
    [
        "_HANDLER",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
        "AWS_DEFAULT_REGION",
    ]
)


def _checked_environment(variables: dict[str, str]) -> dict[str, str]:
    if reserved := sorted(_RESERVED_VARIABLES & variables.keys()):
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables "
            "you have provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    text = json.dumps(variables, separators=(",", ":"))
    if len(text.encode()) > ENVIRONMENT_BYTES_MAX:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables "
            f"you have provided exceeded the 4KB limit. String measured: {text}"
        )
    return variables


def _same(last: Configuration, config: Configuration) -> bool:
    ignored = {"version", "modified_ms", "revision", "build", "description", "settles_ms", "interim_revision"}
    fields = [field for field in Configuration.__struct_fields__ if field not in ignored]
    return all(getattr(last, field) == getattr(config, field) for field in fields)
