"""What every request of S3 over HTTP goes through, and what every answer says beside what its operation says."""

from fogbank.core.context import Context
from fogbank.core.http_message import RequestData, ResponseData
from fogbank.core.moments import http_date
from fogbank.core.service import Respond
from fogbank.services.s3 import integrity, presigned
from fogbank.services.s3.cors import Cors


class Edges(Cors):
    def admit(self, ctx: Context, request: RequestData) -> None:
        super().admit(ctx, request)
        if request.query:
            presigned.admit(request, ctx.now_ms)

    def verify_body(self, request: RequestData, *, checksummed: bool, required: bool) -> None:
        if request.body or required:
            assert isinstance(request.body, bytes)
            request.body = integrity.verified(request.body, request.headers, checksummed=checksummed, required=required)

    def decorate(self, ctx: Context, request: RequestData, respond: Respond) -> Respond:
        respond = super().decorate(ctx, request, respond)

        def decorated(response: ResponseData) -> None:
            response.headers += (("Date", http_date(ctx.now_ms)), ("Server", "AmazonS3"))
            if "origin" in request.headers:
                response.headers += self.cors_headers(request)
            respond(response)

        return decorated
