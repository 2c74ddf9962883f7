"""What metric streams send: each minute of each metric once it is two minutes old, and again what comes for it later.

A stream keeps the minute that it has sent, and how far it is in the next; both are written with what it puts into
Firehose, a slice a turn, so that a crash repeats nothing. While Firehose does not take it, nothing is given up.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Metric-Streams.html
"""

from collections.abc import Iterator

from fogbank.core.context import Context
from fogbank.core.delegation import acting_as, permit
from fogbank.core.errors import AwsError
from fogbank.core.metrics import MINUTE_MS
from fogbank.core.store import Key
from fogbank.services.cloudwatch.dimensions import unpacked
from fogbank.services.cloudwatch.metric_streams import MetricStreams, firehose_name, statistics_of, wanted_by
from fogbank.services.cloudwatch.records import LateUpdate, MetricStream
from fogbank.services.cloudwatch.series import SeriesKey, gather
from fogbank.services.cloudwatch.statistics import statistic
from fogbank.services.cloudwatch.stream_formats import FORMATS, Origin, Update

_PRINCIPAL = "streams.metrics.cloudwatch.amazonaws.com"
NAMESPACE = "AWS/CloudWatch/MetricStreams"
DELAY_MS = 2 * MINUTE_MS
LATE_MS = 120 * MINUTE_MS  # Data that is older when it comes is not streamed.
METRICS_A_TURN = 200
_RECORDS_A_BATCH = 4  # PutRecordBatch takes 4 MB.


class StreamUpdates(MetricStreams):
    """The sending of what metric streams are to send."""

    async def _keep_streaming(self) -> None:
        clock = self.cloud.clock
        while True:
            await clock.sleep_until((clock.now_ms() // MINUTE_MS + 1) * MINUTE_MS)
            for (account, region, name), stream in list(self._tables.streams.scan()):
                if stream.running:
                    ctx = self.cloud.context(account=account, region=region)
                    await self.cloud.tasks.attempt(f"metric stream {name}", self._send_all(ctx, name))

    async def _send_all(self, ctx: Context, name: str) -> None:
        try:
            while await ctx.run(self._send_some, ctx, name):
                continue
        except AwsError:  # Firehose does not take it: all of it is still to be sent in the next minute.
            self._count(ctx, name, "PublishErrorRate", 1)

    def _send_some(self, ctx: Context, name: str) -> bool:
        """A slice of the first minute that is not sent yet, or of what came late; whether there may be more."""
        key = (ctx.account, ctx.region, name)
        stream = self._tables.streams.get(key)
        if stream is None or not stream.running:
            return False
        self.cloud.metrics.flush()
        minute = stream.sent_ms + MINUTE_MS
        if minute + DELAY_MS > ctx.now_ms:
            return self._send_late(ctx, stream)
        place = (ctx.account, ctx.region)
        after = (*place, *stream.behind) if stream.behind else None
        metrics = list(self._tables.metrics.scan(place, after=after, limit=METRICS_A_TURN))
        due = [series for series, metric in metrics if metric.last_ms >= minute]
        updates = [update for series in due for update in self._updates(ctx, stream, series, minute)]
        self._send(ctx, stream, updates)
        stream.found = stream.found or bool(updates)
        if len(metrics) == METRICS_A_TURN:
            stream.behind = list(metrics[-1][0][2:])
        else:
            stream.sent_ms = minute if stream.found else self._before_next(ctx, minute)
            stream.behind, stream.found = [], False
        self._tables.streams.put(key, stream)
        return True

    def _before_next(self, ctx: Context, minute: int) -> int:
        """The last minute before there is something to send again, after one in which there was nothing."""
        next_ms = (ctx.now_ms - DELAY_MS) // MINUTE_MS * MINUTE_MS + MINUTE_MS
        for series, metric in self._tables.metrics.scan((ctx.account, ctx.region)):
            for unit in self._tables.units((*series,)) if metric.last_ms > minute else ():
                place = (*series, unit)
                for key, _ in self._tables.minutes.scan(place, start=(*place, minute + MINUTE_MS), limit=1):
                    next_ms = min(next_ms, key[6] // MINUTE_MS * MINUTE_MS)
        return next_ms - MINUTE_MS

    def _send_late(self, ctx: Context, stream: MetricStream) -> bool:
        rows = list(self._tables.late.scan((ctx.account, ctx.region, stream.name), limit=METRICS_A_TURN))
        updates = []
        for key, _ in rows:
            self._tables.late.delete(key)
            series = (ctx.account, ctx.region, *key[3:6])
            updates += [one for one in self._updates(ctx, stream, series, key[7]) if one.unit == key[6]]
        self._send(ctx, stream, updates)
        return len(rows) == METRICS_A_TURN

    def _updates(self, ctx: Context, stream: MetricStream, series: Key, minute: int) -> Iterator[Update]:
        """A minute of a metric, by its units."""
        _, _, namespace, name, dimensions = series
        if not wanted_by(stream, namespace, name):
            return
        found = gather(
            self._tables, SeriesKey(*series), None,
            period_s=60, start_s=minute / 1000, end_s=minute / 1000 + 60, now_ms=min(ctx.now_ms, minute + DELAY_MS),
        )  # fmt: skip
        for (at_ms, unit), samples in found.items():
            known = samples.total()
            more = {stat: statistic(samples, stat) for stat in statistics_of(stream, namespace, name)}
            yield Update(
                namespace, name, unpacked(dimensions), unit, at_ms,
                known.count, known.sum, known.minimum, known.maximum,
                {stat: value for stat, value in more.items() if value is not None},
            )  # fmt: skip

    def _send(self, ctx: Context, stream: MetricStream, updates: list[Update]) -> None:
        if not updates:
            return
        origin = Origin(ctx.account, ctx.region, stream.name)
        records = list(FORMATS[stream.format](origin, updates))
        permit(acting_as(ctx, stream.role_arn, _PRINCIPAL), "firehose:PutRecordBatch", stream.firehose_arn)
        for first in range(0, len(records), _RECORDS_A_BATCH):
            self.cloud.firehose.put_record_batch(
                ctx,
                DeliveryStreamName=firehose_name(stream.firehose_arn),
                Records=[{"Data": data} for data in records[first : first + _RECORDS_A_BATCH]],
            )
        self._count(ctx, stream.name, "MetricUpdate", len(updates))
        # "One to five additional statistics are counted as one additional metric update."
        added = sum(-(-len(statistics_of(stream, one.namespace, one.name)) // 5) for one in updates)
        self._count(ctx, stream.name, "TotalMetricUpdate", len(updates) + added)

    def _count(self, ctx: Context, stream: str, name: str, value: int) -> None:
        dimensions = {"MetricStreamName": stream}
        self.cloud.metrics.add(ctx.account, ctx.region, NAMESPACE, name, dimensions, float(value), "None")

    def _note_late(self, series: tuple[str, str, str, str, str], unit: str, at_ms: int, now_ms: int) -> None:
        """Data has come for a minute that was sent already: it is sent again, whole."""
        account, region, namespace, name, dimensions = series
        minute = at_ms // MINUTE_MS * MINUTE_MS
        if minute < now_ms - LATE_MS:
            return
        for _, stream in self._tables.streams.scan((account, region)):
            sent_ms = stream.sent_ms + (MINUTE_MS if stream.behind else 0)
            if stream.running and minute <= sent_ms and wanted_by(stream, namespace, name):
                key = (account, region, stream.name, namespace, name, dimensions, unit, minute)
                self._tables.late.put(key, LateUpdate())
