"""Rolls all metrics up as they grow old: every hour, a slice a turn. What becomes of a metric, retention.py says."""

from fogbank.core.service import Service
from fogbank.core.store import Key
from fogbank.services.cloudwatch.records import CloudWatchTables
from fogbank.services.cloudwatch.retention import roll_up

EVERY_S = 3600
ROWS_A_TURN, METRICS_A_TURN = 500, 50


class RollingUp(Service):
    """The background work on the metrics of `CloudWatchService`."""

    _tables: CloudWatchTables

    async def _keep_rolling_up(self) -> None:
        while True:
            await self.cloud.clock.sleep(EVERY_S)
            await self.cloud.tasks.attempt("roll up metrics", self._roll_all_up())

    async def _roll_all_up(self) -> None:
        behind: Key = ()
        more = True
        while more:
            behind, more = await self.cloud.store.run(self._roll_some_up, behind)

    def _roll_some_up(self, behind: Key) -> tuple[Key, bool]:
        """The last metric that is done, and whether there may be more to do: also for the next one, if it is large."""
        left = ROWS_A_TURN
        metrics = list(self._tables.metrics.scan(after=behind or None, limit=METRICS_A_TURN))
        for series, metric in metrics:
            left -= roll_up(self._tables, (*series,), metric, self.cloud.clock.now_ms(), limit=left)
            if left <= 0:
                return behind, True
            behind = series
        return behind, bool(metrics)
