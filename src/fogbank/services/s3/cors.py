"""Requests of web pages from other origins: the configuration, preflight requests, and the headers of all answers.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from typing import Any
from urllib.parse import unquote

from fogbank.core.context import Context
from fogbank.core.http_message import Codec, RequestData, ResponseData
from fogbank.core.service import Answer
from fogbank.services.s3.configs import BucketConfigs
from fogbank.services.s3.cors_rules import Rule, answer_headers, check_rules
from fogbank.services.s3.errors import BadRequest, CorsForbidden, NoSuchCORSConfiguration

_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, "
    "request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted "
    "by the resource's CORS spec."
)


class Cors(BucketConfigs):
    """The CORS operations of `S3Service`, and what browsers ask before them."""

    def delete_bucket_cors(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "cors")
        return None

    def get_bucket_cors(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        return {"CORSRules": self._read(ctx, Bucket, ExpectedBucketOwner, "cors", NoSuchCORSConfiguration)}

    def put_bucket_cors(
        self,
        ctx: Context,
        *,
        Bucket: str,
        CORSConfiguration: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        check_rules(CORSConfiguration["CORSRules"])
        self._write(ctx, Bucket, ExpectedBucketOwner, "cors", CORSConfiguration["CORSRules"])
        return None

    async def answer_preflight(self, ctx: Context, *, request: RequestData, codec: Codec) -> ResponseData:
        """OPTIONS of a bucket or an object. Its answer gets `cors_headers` as any other does."""
        if "origin" not in request.headers:
            raise BadRequest("Insufficient information. Origin request header needed.")
        bucket, key = _place(request)
        asked = {"Method": request.headers.get("access-control-request-method", request.method)}
        if self._tables.buckets.peek((bucket,)) is None:
            raise CorsForbidden("CORSResponse: Bucket not found", members={**asked, "ResourceType": "BUCKET"})
        rules = self._cors_rules(bucket)
        if not rules:
            raise CorsForbidden(
                "CORSResponse: CORS is not enabled for this bucket.", members={**asked, "ResourceType": "BUCKET"}
            )
        if not answer_headers(rules, request.method, request.headers):
            raise CorsForbidden(_NOT_ALLOWED, members={**asked, "ResourceType": "OBJECT" if key else "BUCKET"})
        return ResponseData(200, [("Content-Length", "0")], b"")

    def cors_headers(self, request: RequestData) -> list[tuple[str, str]]:
        """What the answer to a request with an Origin says to the browser."""
        return answer_headers(self._cors_rules(_place(request)[0]), request.method, request.headers)

    def _cors_rules(self, bucket: str) -> list[Rule]:
        config = self._tables.configs.peek((bucket, "cors"))
        return [] if config is None else config.value


def _place(request: RequestData) -> tuple[str, str]:
    bucket, _, key = request.resource[1:].partition("/")
    return unquote(bucket), key
