"""What a killed server was doing: one module a kind of load."""

from tests.crash.kind import Kind
from tests.crash.loads import (
    deliveries,
    events,
    global_tables,
    metrics,
    objects,
    pipes,
    queues,
    replays,
    schedules,
    secrets,
    shards,
    stacks,
    streams,
    tables,
    topics,
    trails,
    uploads,
)

KINDS: tuple[Kind, ...] = (
    queues.KIND,
    tables.KIND,
    topics.KIND,
    events.KIND,
    replays.KIND,
    streams.KIND,
    pipes.KIND,
    schedules.KIND,
    shards.KIND,
    metrics.KIND,
    deliveries.KIND,
    global_tables.KIND,
    objects.KIND,
    uploads.KIND,
    stacks.KIND,
    secrets.KIND,
    trails.KIND,
)
