"""When a version's runtime is updated. Fogbank has one version of each runtime, so nothing is there to update to."""

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_ import answers
from fogbank.services.lambda_.errors import InvalidParameterValue
from fogbank.services.lambda_.names import function_arn, parse_name
from fogbank.services.lambda_.operations.base import Operations
from fogbank.services.lambda_.records import RuntimeManagement


class RuntimeManagementOperations(Operations):
    """PutRuntimeManagementConfig and GetRuntimeManagementConfig."""

    def put_runtime_management_config(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        UpdateRuntimeOn: str,
        Qualifier: str | None = None,
        RuntimeVersionArn: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        config = self._functions.configuration(ctx, name)
        if (UpdateRuntimeOn == "Manual") != (RuntimeVersionArn is not None):
            raise InvalidParameterValue(
                "RuntimeVersionArn must be given for the update mode Manual, and for no other update mode."
            )
        if RuntimeVersionArn is not None and RuntimeVersionArn != answers.runtime_version_arn(
            ctx.region, config.runtime
        ):
            raise InvalidParameterValue(f"Runtime version {RuntimeVersionArn} is not one of {config.runtime}.")
        management = RuntimeManagement(UpdateRuntimeOn, RuntimeVersionArn or "")
        self._tables.runtime_management.put((name.account, ctx.region, name.name, config.version), management)
        return {
            "FunctionArn": function_arn(ctx, name.account, name.name, name.latest().qualifier),
            "UpdateRuntimeOn": UpdateRuntimeOn,
            "RuntimeVersionArn": RuntimeVersionArn,
        }

    def get_runtime_management_config(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        config = self._functions.configuration(ctx, name)
        key = (name.account, ctx.region, name.name, config.version)
        found = self._tables.runtime_management.get(key) or RuntimeManagement("Auto")
        return {
            "FunctionArn": function_arn(ctx, name.account, name.name, name.latest().qualifier),
            "UpdateRuntimeOn": found.mode,
            "RuntimeVersionArn": found.runtime_arn or None,
        }
