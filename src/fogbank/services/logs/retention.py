"""Removes events whose time is over. They are hidden from the moment they expire; this gives their room back."""

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.logs.events import kept_bytes
from fogbank.services.logs.groups import horizon_ms
from fogbank.services.logs.records import Group, LogsTables, Stream

SWEEP_EVERY_S = 3600
CHUNK = 1000  # events removed in one transaction, so that requests wait for none


async def keep_sweeping(cloud: Cloud, tables: LogsTables) -> None:
    while True:
        await cloud.clock.sleep(SWEEP_EVERY_S)
        for (account, region, _), group in list(tables.groups.scan()):
            if group.retention_days:
                ctx = cloud.context(account=account, region=region)
                await cloud.tasks.attempt(f"expire events of {group.name}", _sweep(ctx, tables, group))


async def _sweep(ctx: Context, tables: LogsTables, group: Group) -> None:
    for (_, name), stream in list(tables.streams.scan((group.id,))):
        while await ctx.run(_remove_some, tables, group, name, stream.id, horizon_ms(group, ctx.now_ms)) == CHUNK:
            continue


def _remove_some(tables: LogsTables, group: Group, name: str, stream_id: int, before_ms: int) -> int:
    """Remove up to a chunk of a stream's expired events; how many there were."""
    place = (group.id, stream_id)
    expired = []
    for key, event in tables.events.scan(place, limit=CHUNK):
        if key[2] >= before_ms:
            break
        expired.append((key, kept_bytes(event)))
    for key, _ in expired:
        tables.events.delete(key)
    stream: Stream | None = tables.streams.get((group.id, name))
    if expired and stream is not None and stream.id == stream_id:
        stream.stored_bytes -= sum(size for _, size in expired)
        tables.streams.put((group.id, name), stream)
    return len(expired)
