"""How asynchronous invocations are retried and where their records go."""

from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_ import answers
from fogbank.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from fogbank.services.lambda_.names import FunctionName, function_arn, parse_name
from fogbank.services.lambda_.operations.base import Operations, page
from fogbank.services.lambda_.records import InvokeConfig

_TARGETS = ("events", "lambda", "s3", "sns", "sqs")


def _destinations_text(destinations: dict[str, Any]) -> str:
    """A DestinationConfig as Java shows it."""
    sides = []
    for side in ("OnSuccess", "OnFailure"):
        given = destinations.get(side)
        shown = "null" if given is None else f"{side}(destination={given.get('Destination', 'null')})"
        sides.append(f"{side[0].lower()}{side[1:]}={shown}")
    return f"DestinationConfig({', '.join(sides)})"


class InvokeConfigOperations(Operations):
    """PutFunctionEventInvokeConfig and its relatives."""

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
        if MaximumRetryAttempts is None and MaximumEventAgeInSeconds is None and DestinationConfig is None:
            raise InvalidParameterValue("You must specify at least one of error handling or destination setting.")
        self._known(ctx, name)
        self._check_destinations(ctx, name, DestinationConfig or {})
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
        self._known(ctx, parse_name(ctx, FunctionName, Qualifier))
        name, config = self._invoke_config(ctx, FunctionName, Qualifier)
        self._check_destinations(ctx, name, DestinationConfig or {})
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
        self._known(ctx, name)
        scan = self._tables.invoke_configs.scan((name.account, ctx.region, name.name))
        found = [answers.invoke_config(ctx, name.account, name.name, key[3], config) for key, config in scan]
        return page("FunctionEventInvokeConfigs", found, Marker, MaxItems)

    def _known(self, ctx: Context, name: FunctionName) -> None:
        try:
            self._functions.configuration(ctx, name)
        except ResourceNotFound:
            raise ResourceNotFound("The function doesn't exist.") from None

    def _check_destinations(self, ctx: Context, name: FunctionName, destinations: dict[str, Any]) -> None:
        for side in ("OnSuccess", "OnFailure"):
            text = (destinations.get(side) or {}).get("Destination")
            if not text or (arn := parse_arn(text)) is None:
                continue
            # Buckets take records of failures only.
            if arn.service not in _TARGETS or (arn.service == "s3" and side == "OnSuccess"):
                raise InvalidParameterValue(
                    f"The provided destination config {_destinations_text(destinations)} is invalid."
                )
            if arn.service != "lambda":
                continue
            target = parse_name(ctx, text)
            if (target.account, target.name) == (name.account, name.name):
                raise InvalidParameterValue("You can't specify the function as a destination for itself.")
            if self._tables.functions.get((target.account, ctx.region, target.name)) is None:
                raise InvalidParameterValue(f"The destination ARN {text} is invalid.")

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
