"""Temporary access keys that have expired: they are forgotten a day later, and until then who uses one is told so.

A server that makes sessions all day would keep them all otherwise.
"""

from typing import TYPE_CHECKING

from fogbank.core.store import Key

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud

KEPT_MS = 24 * 3600 * 1000
_SWEEP_S = 3600
_SEEN_PER_TURN = 1000


async def sweep(cloud: "Cloud") -> None:
    """For ever."""
    while True:
        await cloud.tasks.attempt("sweep access keys", forget_expired(cloud))
        await cloud.clock.sleep(_SWEEP_S)


async def forget_expired(cloud: "Cloud") -> None:
    seen: Key | None = None
    while (seen := await cloud.store.run(_forget_some, cloud, seen)) is not None:
        pass


def _forget_some(cloud: "Cloud", seen: Key | None) -> Key | None:
    """Look at some keys behind the one that was seen last; the last of them now, if there may be more."""
    keys, before_ms = cloud.access_keys, cloud.clock.now_ms() - KEPT_MS
    rows = list(keys.scan(after=seen, limit=_SEEN_PER_TURN))
    for place, key in rows:
        if 0 < key.expires_ms < before_ms:
            keys.delete(place)
    return rows[-1][0] if len(rows) == _SEEN_PER_TURN else None
