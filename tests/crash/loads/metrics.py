"""Data put into metrics: each request's is there once and whole, or not at all."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.crash.kind import Bodies, Client, Kind
from tests.crash.ledger import Ledger, check_messages
from tests.crash.wire import Wire

NAMESPACE = "crash"
TOGETHER = "together"
PAUSE_S = 0.02


async def put_metrics(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """A metric for each datum, and one that counts them all."""
    told = ledger.streams[NAMESPACE]
    number = 0
    while True:
        names = [f"{name}.{number + offset}" for offset in range(rng.randrange(1, 5))]
        number += len(names)
        told.sending.update(names)
        data = [{"MetricName": each, "Value": 1.0} for each in names]
        data.append({"MetricName": TOGETHER, "Values": [1.0], "Counts": [float(len(names))]})
        await wire.json("cloudwatch", "PutMetricData", Namespace=NAMESPACE, MetricData=data)
        told.sent.update(names)
        ledger.acknowledged += len(names)
        await asyncio.sleep(PAUSE_S)


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    cloudwatch = client("cloudwatch")
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=NAMESPACE)
    names = [metric["MetricName"] for page in pages for metric in page["Metrics"]]
    put = [name for name in names if name != TOGETHER]
    broken = check_messages(NAMESPACE, ledger.streams[NAMESPACE], put)
    counted = _count(cloudwatch)
    if counted != len(put):
        broken.append(f"{NAMESPACE}: {counted} data were counted beside {len(put)} metrics")
    return broken


def _count(cloudwatch: Any) -> int:
    """The samples of the metric that counts all."""
    points = cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE, MetricName=TOGETHER, Statistics=["SampleCount"], Period=3600,
        StartTime=datetime.now(UTC) - timedelta(days=1), EndTime=datetime.now(UTC) + timedelta(days=1),
    )["Datapoints"]  # fmt: skip
    return round(sum(point["SampleCount"] for point in points))


KIND = Kind(workers=(put_metrics,), check=check)
