"""Notes of what was asked of buckets that have an access log or metrics configurations."""

from fogbank.core.context import Context
from fogbank.core.http_message import RequestData, ResponseData
from fogbank.core.service import Respond
from fogbank.services.s3.access_logs import AccessLogs
from fogbank.services.s3.fields import owner_id
from fogbank.services.s3.records import LogLine
from fogbank.services.s3.request_facts import facts, log_line
from fogbank.services.s3.request_metrics import RequestMetrics


class RequestLog(AccessLogs, RequestMetrics):
    """Sees every request over HTTP together with its answer."""

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
