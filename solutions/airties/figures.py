"""The driver's figures, as the report has them."""

from itertools import pairwise
from typing import Any

from audit import Audit
from cost import Usage
from day import Day
from driving.chart import percentile
from fleet import Fleet
from lookup import Retrieval
from sender import Sender
from stack import Stack

RETRIEVALS_MAX = 500
TIMELINE_MAX = 600
FUNCTIONS = ("Briefcase", "Analysis", "Aggregate", "Scaler", "MeasureShards")
MEMORY_GB = 0.5  # of each


def of_load(day: Day, sender: Sender) -> dict[str, Any]:
    ledger = sender.ledger
    every = 1 + len(day.moments) // TIMELINE_MAX
    timeline = [*day.moments[:-1:every], *day.moments[-1:]]
    return {
        "acknowledged": ledger.acknowledged,
        "bytes": ledger.bytes_sent,
        "put_requests": ledger.requests,
        "refused": dict(ledger.refused),
        "sending_s": round(day.sending_s, 1),
        "out_of_order": ledger.out_of_order,
        "other_shards": sorted({moment.other_shards for moment in day.moments}),
        "timeline": {
            "minute": [round(moment.minute, 2) for moment in timeline],
            "acknowledged": [moment.acknowledged for moment in timeline],
            "behind": [max(0, moment.acknowledged - moment.indexed) for moment in timeline],
            "shards": [moment.shards for moment in timeline],
        },
    }


def of_audit(found: Audit) -> dict[str, Any]:
    sizes, delays = sorted(found.file_bytes), sorted(found.delays_ms)
    return {
        "samples": found.acknowledged,
        "lost": found.lost,
        "different": found.different,
        "duplicates": found.duplicates,
        "out_of_order": found.out_of_order,
        "files": len(sizes),
        "bytes": found.bytes,
        "file_bytes_p50": percentile(sizes, 0.5),
        "file_bytes_max": percentile(sizes, 1.0),
        "delay_p50_ms": percentile(delays, 0.5),
        "delay_p99_ms": percentile(delays, 0.99),
    }


def of_retrievals(stack: Stack, fleet: Fleet) -> dict[str, Any]:
    """Samples from all over the day, as support staff ask for them: a Query and a range request each."""
    times, sizes, wrong = [], [], 0
    number = min(RETRIEVALS_MAX, fleet.devices)
    for place in range(number):
        message = fleet.message(place * fleet.total // number)
        retrieval = Retrieval(stack.client("dynamodb"), stack.client("s3"), stack.outputs["Index"])
        found = list(retrieval.samples(fleet.device_name(message.device), message.at_ms, message.at_ms))
        wrong += [each.body for each in found] != [fleet.body(message)]
        times.append(round(retrieval.cost.ms * 1000))
        sizes.append(retrieval.cost.bytes)
    times.sort()
    return {
        "samples": number,
        "wrong": wrong,
        "p50_us": percentile(times, 0.5),
        "p99_us": percentile(times, 0.99),
        "bytes": round(sum(sizes) / len(sizes)),
    }


def of_scaling(stack: Stack, day: Day) -> list[dict[str, Any]]:
    return [
        {
            "minute": round((each["StartTime"] - day.began).total_seconds() / 60, 1),
            "status": each["StatusCode"],
            "did": each["Description"],
        }
        for each in stack.changes_of_shards(since=day.began)
    ]


def of_alarms(day: Day) -> dict[str, list[str]]:
    outputs = {"age": "IteratorAgeAlarm", "reader": "ReaderAlarm", "throttle": "WriteThrottleAlarm"}
    return {name: day.heard_of(output) for name, output in outputs.items()}


def usage(stack: Stack, day: Day, found: Audit) -> Usage:
    """What the day used, by the metrics of the services where they tell it."""

    def total(namespace: str, name: str, dimension: str, value: str) -> float:
        return stack.total(namespace, name, {dimension: value}, day.began)

    functions = [stack.outputs[name] for name in FUNCTIONS]
    shard_minutes = sum(
        (after.minute - before.minute) * (before.shards + before.other_shards)
        for before, after in pairwise(day.moments)
    )
    return Usage(
        samples=found.acknowledged,
        sample_bytes=found.bytes,
        shard_hours=shard_minutes / 60,
        files=len(found.file_bytes),
        index_writes=total("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", stack.outputs["Index"]),
        index_bytes=found.index_bytes,
        invocations=round(sum(total("AWS/Lambda", "Invocations", "FunctionName", name) for name in functions)),
        gb_seconds=MEMORY_GB * sum(total("AWS/Lambda", "Duration", "FunctionName", name) / 1000 for name in functions),
        results=round(total("AWS/Firehose", "IncomingRecords", "DeliveryStreamName", stack.outputs["Results"])),
    )
