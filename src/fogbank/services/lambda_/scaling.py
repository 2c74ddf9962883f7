"""Provisioned concurrency as Application Auto Scaling sees it.

https://docs.aws.amazon.com/autoscaling/application/userguide/services-that-can-integrate-lambda.html
"""

import re

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.scaling import Measure, Progress, SlowDimension
from fogbank.services.lambda_.errors import Invalid, ProvisionedConfigNotFound
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.provisioning import Provisioning, config_key

_RESOURCE = re.compile(r"function:([a-zA-Z0-9-_]{1,64}):((?!\$)[a-zA-Z0-9-_]{1,128})")
TARGET_LEAST, TARGET_MOST = 0.1, 0.9  # "the target value must be between 0.1 and 0.9"


class ProvisionedConcurrency(SlowDimension):
    """What a version or an alias has provisioned, `function:NAME:QUALIFIER`."""

    name = "lambda:function:ProvisionedConcurrency"
    noun = "provisioned concurrency"
    role = "lambda.application-autoscaling.amazonaws.com"
    cooldown_s = 0

    def __init__(self, functions: Functions, provisioning: Provisioning) -> None:
        self._functions = functions
        self._provisioning = provisioning

    def check(self, ctx: Context, resource_id: str) -> None:
        name = self._find(ctx, resource_id)
        try:
            self._functions.configuration(ctx, name)
        except AwsError:  # AWS's sentence is not published.
            raise Invalid(f"Lambda function version or alias does not exist: {resource_id}") from None

    async def progress(self, ctx: Context, resource_id: str) -> Progress:
        """As far as it is; nothing is provisioned where nobody has asked for anything."""
        return self._progress(ctx, self._find(ctx, resource_id))

    async def change(self, ctx: Context, resource_id: str, units: int) -> Progress:
        name = self._find(ctx, resource_id)
        if units:
            await ctx.run(self._provisioning.put, ctx, name, units)
        else:
            await ctx.run(self._provisioning.delete, ctx, name)
        return self._progress(ctx, name)

    def predefined(self, resource_id: str, name: str) -> Measure | None:
        if name != "LambdaProvisionedConcurrencyUtilization":
            return None
        _, function, qualifier = resource_id.split(":")
        return Measure(
            namespace="AWS/Lambda",
            name="ProvisionedConcurrencyUtilization",
            dimensions={"FunctionName": function, "Resource": f"{function}:{qualifier}"},
            statistic="Average",
            least=TARGET_LEAST,
            most=TARGET_MOST,
        )

    def _find(self, ctx: Context, resource_id: str) -> FunctionName:
        match = _RESOURCE.fullmatch(resource_id)
        if match is None:
            raise Invalid("Unsupported service namespace, resource type or scalable dimension")
        return FunctionName(ctx.account, match[1], match[2])

    def _progress(self, ctx: Context, name: FunctionName) -> Progress:
        try:
            config = self._provisioning.get(ctx, name)
        except ProvisionedConfigNotFound:
            return Progress(units=0)
        status, _, failure = self._provisioning.state(config_key(ctx, name))
        return Progress(units=config.requested, under_way=status == "IN_PROGRESS", failed=failure)
