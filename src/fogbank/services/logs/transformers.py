"""Transformers: a group's events in another form, for the filters that ask for it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Transformation.html
"""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.logs.errors import ResourceNotFound
from fogbank.services.logs.groups import Groups, name_of, only_standard
from fogbank.services.logs.policy_selection import TRANSFORMER, policies_for
from fogbank.services.logs.records import Arrived, Group, LogsTables, Stream, Transformer
from fogbank.services.logs.transformation import compile_transformer, stored_transformer


class Transformers(Groups):
    """The operations on transformers of `LogsService`."""

    def delete_transformer(self, ctx: Context, *, logGroupIdentifier: str) -> Answer:
        group = self._group(ctx, name_of(logGroupIdentifier))
        if not self._tables.transformers.delete((group.id,)):
            raise ResourceNotFound("The specified log group has no transformer.")
        return None

    def get_transformer(self, ctx: Context, *, logGroupIdentifier: str) -> Answer:
        group = self._group(ctx, name_of(logGroupIdentifier))
        found = self._tables.transformers.get((group.id,))
        if found is None:
            return {}
        return {
            "logGroupIdentifier": logGroupIdentifier,
            "creationTime": found.created_ms,
            "lastModifiedTime": found.modified_ms,
            "transformerConfig": json.loads(found.processors),
        }

    def put_transformer(
        self, ctx: Context, *, logGroupIdentifier: str, transformerConfig: list[dict[str, Any]]
    ) -> Answer:
        group = self._group(ctx, name_of(logGroupIdentifier))
        only_standard(group, "PutTransformer")
        compile_transformer(transformerConfig)
        known = self._tables.transformers.get((group.id,))
        created_ms = known.created_ms if known is not None else ctx.now_ms
        transformer = Transformer(json.dumps(transformerConfig), created_ms, ctx.now_ms)
        self._tables.transformers.put((group.id,), transformer)
        return None

    def test_transformer(
        self, ctx: Context, *, transformerConfig: list[dict[str, Any]], logEventMessages: list[str]
    ) -> Answer:
        transformer = compile_transformer(transformerConfig)
        rows = []
        for number, message in enumerate(logEventMessages, start=1):
            transformed = transformer.transform(message)
            row: dict[str, Any] = {"eventNumber": number, "eventMessage": message}
            rows.append(row if transformed is None else row | {"transformedEventMessage": transformed})
        return {"transformedLogs": rows}


class Arrivals:
    """Events that have just been put, as they came and as their group's transformer makes them."""

    def __init__(
        self, ctx: Context, tables: LogsTables, group: Group, stream: Stream, arrived: Sequence[Arrived]
    ) -> None:
        self._ctx = ctx
        self._tables = tables
        self._group = group
        self._stream = stream
        self._arrived = arrived

    def of(self, transformed: bool) -> Sequence[Arrived]:
        """The events as a filter is to see them."""
        return self._transformed if transformed else self._arrived

    @cached_property
    def _transformed(self) -> Sequence[Arrived]:
        """An event that cannot be transformed stays as it is, as do all where there is no transformer."""
        ctx, processors = self._ctx, self._processors()
        if processors is None:
            return self._arrived
        transformer = stored_transformer(processors)
        metadata = {
            "@logGroupName": self._group.name,
            "@logGroupStream": self._stream.name,
            "@accountId": ctx.account,
            "@regionName": ctx.region,
        }
        made = [transformer.transform(message, metadata) for _, _, message in self._arrived]
        dimensions, failed = {"LogGroupName": self._group.name}, made.count(None)
        for metric, count in (("TransformedLogEvents", len(made) - failed), ("TransformationErrors", failed)):
            if count:
                ctx.cloud.metrics.add(ctx.account, ctx.region, "AWS/Logs", metric, dimensions, count, "None")
        return [
            (number, at_ms, message if text is None else text)
            for (number, at_ms, message), text in zip(self._arrived, made, strict=True)
        ]

    def _processors(self) -> str | None:
        """Those of the group's own transformer, or of its account's."""
        found = self._tables.transformers.peek((self._group.id,))
        if found is not None:
            return found.processors
        policy = next(policies_for(self._ctx, self._tables, TRANSFORMER, self._group), None)
        return None if policy is None else policy.document
