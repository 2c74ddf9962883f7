"""Forgetting records and closed shards that are older than the stream's retention: some every hour."""

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.sequence import number_at
from fogbank.services.kinesis.base import KinesisBase
from fogbank.services.kinesis.records import Stream

_HOUR_MS = 3_600_000
_CHUNKS_A_TURN = 500


class Trimming(KinesisBase):
    """What nobody is given any more is removed later, a slice at a time."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._trims = Alarms(cloud, "kinesis.trims", key=(str, str, str), ring=self._trim)

    async def start(self) -> None:
        await self.cloud.store.run(self._trims.resume)

    def _begin_trimming(self, stream: Stream, now_ms: int) -> None:
        self._trims.set((stream.account, stream.region, stream.name), now_ms + _HOUR_MS)

    def _end_trimming(self, stream: Stream) -> None:
        self._trims.cancel((stream.account, stream.region, stream.name))

    def _trim(self, key: tuple[str, str, str], alarm: Alarm) -> None:
        stream = self._tables.streams.get(key)
        if stream is None:
            return
        now_ms = self.cloud.clock.now_ms()
        more = self._trim_some(stream, number_at(now_ms - stream.retention_h * _HOUR_MS))
        self._trims.set(key, now_ms + (1 if more else _HOUR_MS))

    def _trim_some(self, stream: Stream, horizon: int) -> bool:
        """Remove what lies before the horizon, up to a slice of it; whether more is left."""
        left = _CHUNKS_A_TURN
        for place, shard in list(self._tables.shards.scan((stream.id,))):
            old = [key for key, _ in self._tables.chunks.scan(place, limit=left) if key[2] < horizon]
            for key in old:
                self._tables.chunks.delete(key)
            left -= len(old)
            if left == 0:
                return True
            if shard.closed and shard.closed < horizon:
                self._tables.shards.delete(place)
                self._throughputs.forget(*place)
        return False
