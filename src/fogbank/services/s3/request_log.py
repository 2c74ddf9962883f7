"""Notes of what was asked of buckets that have an access log or metrics configurations."""

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.http_message import RequestData, ResponseData
from fogbank.core.service import Respond
from fogbank.services.s3.access_logs import AccessLogs
from fogbank.services.s3.events import Details, Event
from fogbank.services.s3.fields import owner_id, storage
from fogbank.services.s3.records import Bucket, LogLine, ObjectVersion
from fogbank.services.s3.request_facts import facts, lifecycle_line, log_line
from fogbank.services.s3.request_metrics import RequestMetrics

_LIFECYCLE = {Event.EXPIRED: "S3.EXPIRE.OBJECT", Event.EXPIRED_BY_MARKER: "S3.CREATE.DELETEMARKER"}
_TRANSITIONS = {
    "STANDARD_IA": "S3.TRANSITION_SIA.OBJECT",
    "ONEZONE_IA": "S3.TRANSITION_ZIA.OBJECT",
    "INTELLIGENT_TIERING": "S3.TRANSITION_INT.OBJECT",
    "GLACIER_IR": "S3.TRANSITION_GIR.OBJECT",
    "GLACIER": "S3.TRANSITION.OBJECT",
    "DEEP_ARCHIVE": "S3.TRANSITION_GDA.OBJECT",
}


class RequestLog(AccessLogs, RequestMetrics):
    """Sees every request over HTTP together with its answer, and what lifecycle rules do."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._events.listen(lambda bucket: bucket.logged, self._log_lifecycle)

    def decorate(self, ctx: Context, request: RequestData, respond: Respond) -> Respond:
        respond = super().decorate(ctx, request, respond)
        bucket = self._tables.buckets.peek((request.resource[1:].partition("/")[0],))
        if bucket is None or not (bucket.logged or bucket.metered):
            return respond

        def noted(response: ResponseData) -> None:
            respond(response)
            found = facts(ctx, request, response, self.cloud.clock.now_ms())
            if bucket.logged:
                line = log_line(ctx, request, response, found, owner=owner_id(bucket.account))
                self._log(bucket.name, LogLine(line, ctx.now_ms))
            if bucket.metered:
                self._meter(bucket, found)

        return noted

    def _log_lifecycle(
        self, ctx: Context, bucket: Bucket, event: Event, key: str, version: ObjectVersion, details: Details
    ) -> None:
        operation = _TRANSITIONS[storage(version)] if event == Event.TRANSITION else _LIFECYCLE.get(event)
        if operation is not None:
            owner = owner_id(bucket.account)
            line = lifecycle_line(ctx, operation, key, version, owner=owner, bucket=bucket.name)
            self.cloud.store.after_commit(lambda: self._log(bucket.name, LogLine(line, ctx.now_ms)))
