"""A bucket answers in its own region only, and says where that is.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
"""

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.http_message import RequestData, ResponseData
from fogbank.core.service import Respond
from fogbank.services.s3.addresses import regional_host
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.errors import (
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    PermanentRedirect,
)

_CLASSIC_REGION = "us-east-1"
_HEADER = "x-amz-bucket-region"


class BucketRegions(S3Base):
    """Refuses requests over HTTP that are signed for another region than their bucket's."""

    def admit(self, ctx: Context, request: RequestData) -> None:
        super().admit(ctx, request)
        if ctx.region.endswith("-global"):
            # Names of endpoints, such as aws-global, that some tools take for regions.
            raise _wrong_region(request, ctx.region, _CLASSIC_REGION)
        bucket = self._tables.buckets.peek((_bucket_name(request),))
        if bucket is None or bucket.region == ctx.region or ctx.access_key is None:
            return
        if _is_asked_anywhere(request) or _is_signed_for_no_region(request):
            return
        if "X-Amz-Credential" in request.query:
            raise _wrong_region(request, ctx.region, bucket.region)
        raise PermanentRedirect(
            members={"Endpoint": regional_host(ctx.endpoint, bucket.name, bucket.region), "Bucket": bucket.name},
            headers={_HEADER: bucket.region},
        )

    def decorate(self, ctx: Context, request: RequestData, respond: Respond) -> Respond:
        respond = super().decorate(ctx, request, respond)
        if not _is_list_of_objects(request):
            return respond

        def with_region(response: ResponseData) -> None:
            bucket = self._tables.buckets.peek((_bucket_name(request),))
            if bucket is not None:
                response.headers.append((_HEADER, bucket.region))
            respond(response)

        return with_region


def _bucket_name(request: RequestData) -> str:
    return request.resource[1:].partition("/")[0]


def _is_asked_anywhere(request: RequestData) -> bool:
    """CreateBucket has rules of its own, and GetBucketLocation is how to find out."""
    on_bucket = request.resource[1:].rstrip("/").count("/") == 0
    return on_bucket and (
        (request.method == "PUT" and not request.query)
        or (request.method == "GET" and request.query.partition("=")[0] == "location")
    )


def _is_signed_for_no_region(request: RequestData) -> bool:
    """By signature version 2, which knows no regions."""
    return "AWSAccessKeyId=" in request.query or request.headers.get("authorization", "").startswith("AWS ")


def _is_list_of_objects(request: RequestData) -> bool:
    """A GET of a bucket whose query, if any, has nothing but parameters: other subresources stand without values."""
    return (
        request.method == "GET"
        and len(request.resource) > 1
        and "/" not in request.resource[1:].rstrip("/")
        and (not request.query or all("=" in part for part in request.query.split("&")))
    )


def _wrong_region(request: RequestData, given: str, expected: str) -> AwsError:
    wrong = f"the region '{given}' is wrong; expecting '{expected}'"
    if "X-Amz-Credential" in request.query:
        return AuthorizationQueryParametersError(
            f"Error parsing the X-Amz-Credential parameter; {wrong}", members={"Region": expected}
        )
    return AuthorizationHeaderMalformed(f"The authorization header is malformed; {wrong}", members={"Region": expected})
