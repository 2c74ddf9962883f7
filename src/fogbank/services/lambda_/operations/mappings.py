"""Event source mappings."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_.mappings import mapping_answer
from fogbank.services.lambda_.names import parse_name
from fogbank.services.lambda_.operations.base import Operations, page


class MappingOperations(Operations):
    """CreateEventSourceMapping and its relatives."""

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
        StartingPositionTimestamp: float | None = None,
        DestinationConfig: dict[str, Any] | None = None,
        MaximumRecordAgeInSeconds: int | None = None,
        BisectBatchOnFunctionError: bool | None = None,
        MaximumRetryAttempts: int | None = None,
        FunctionResponseTypes: list[str] | None = None,
        TumblingWindowInSeconds: int | None = None,
        MetricsConfig: dict[str, Any] | None = None,
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
            "StartingPositionTimestamp": StartingPositionTimestamp,
            "DestinationConfig": DestinationConfig,
            "MaximumRecordAgeInSeconds": MaximumRecordAgeInSeconds,
            "BisectBatchOnFunctionError": BisectBatchOnFunctionError,
            "MaximumRetryAttempts": MaximumRetryAttempts,
            "FunctionResponseTypes": FunctionResponseTypes,
            "TumblingWindowInSeconds": TumblingWindowInSeconds,
            "MetricsConfig": MetricsConfig,
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
        return page("EventSourceMappings", found, Marker, MaxItems)

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
        TumblingWindowInSeconds: int | None = None,
        MetricsConfig: dict[str, Any] | None = None,
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
            "TumblingWindowInSeconds": TumblingWindowInSeconds,
            "MetricsConfig": MetricsConfig,
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
