"""What a stream's settings mean for each record: worked out once for each state of the stream."""

from collections.abc import Mapping
from typing import NamedTuple

from fogbank.services.firehose import processors
from fogbank.services.firehose.batches import AT_ONCE, Hints
from fogbank.services.firehose.destination import Destination
from fogbank.services.firehose.processors import Processing
from fogbank.services.firehose.records import DELIVERY, SOURCE, DeliveryStream
from fogbank.services.firehose.s3_destination import is_partitioned

_PLANS_MAX = 1000


class Plan(NamedTuple):
    """`stage` is where records go as they come, and `hints` when a batch there is complete."""

    version: int
    processing: Processing
    stage: str
    hints: Hints
    backup: Hints | None


class Plans:
    def __init__(self, destinations: Mapping[str, Destination]) -> None:
        self._destinations = destinations
        self._plans: dict[int, Plan] = {}

    def of(self, stream: DeliveryStream) -> Plan:
        """The plan of the stream: it follows from its settings, whose every state has a version of its own."""
        plan = self._plans.get(stream.id)
        if plan is None or plan.version != stream.version:
            if len(self._plans) >= _PLANS_MAX:
                self._plans.clear()
            plan = self._plans[stream.id] = self._make(stream)
        return plan

    def _make(self, stream: DeliveryStream) -> Plan:
        destination = self._destinations[stream.destination]
        processing = Processing()
        if "ProcessingConfiguration" in stream.settings:
            processing = processors.read(stream.settings["ProcessingConfiguration"])
        backup = destination.backup(stream.settings)
        backup_hints = Hints.of(backup["BufferingHints"]) if backup is not None else None
        if not (processing.is_needed or is_partitioned(stream.settings)):
            return Plan(stream.version, processing, DELIVERY, destination.hints(stream.settings), backup_hints)
        hints = processing.function.hints if processing.function is not None else AT_ONCE
        return Plan(stream.version, processing, SOURCE, hints, backup_hints)
