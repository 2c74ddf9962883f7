"""Buckets as websites. https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html

A website is read at a host name of its own, `<bucket>.s3-website.<domain>`, by anyone; where requests are
authorized, what the bucket's policy or ACLs give to everybody.
"""

from typing import Any
from urllib.parse import quote, unquote_plus

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.http_message import Codec, RequestData, ResponseData
from fogbank.core.service import Answer
from fogbank.services.s3 import website_rules
from fogbank.services.s3.cors import Cors
from fogbank.services.s3.demands import demand, permit_to_miss
from fogbank.services.s3.errors import MethodNotAllowed, NoSuchKey, NoSuchWebsiteConfiguration, UntoldKey
from fogbank.services.s3.objects import Objects
from fogbank.services.s3.website_pages import error_page
from fogbank.services.s3.website_rules import Redirection, Website


class Websites(Cors, Objects):
    """The website operations of `S3Service`, and the websites."""

    def delete_bucket_website(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "website")
        return None

    def get_bucket_website(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        website: dict[str, Any] = self._read(ctx, Bucket, ExpectedBucketOwner, "website", NoSuchWebsiteConfiguration)
        return website

    def put_bucket_website(
        self,
        ctx: Context,
        *,
        Bucket: str,
        WebsiteConfiguration: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        website_rules.check(WebsiteConfiguration)
        self._write(ctx, Bucket, ExpectedBucketOwner, "website", WebsiteConfiguration)
        return None

    async def serve_website(self, ctx: Context, *, request: RequestData, codec: Codec) -> ResponseData:
        """A request at a website's host; its `resource` has the bucket before the path."""
        if request.method == "OPTIONS":
            return await self.answer_preflight(ctx, request=request, codec=codec)
        bucket, _, path = request.resource[1:].partition("/")
        try:
            website: Website = self._read(ctx, bucket, None, "website", NoSuchWebsiteConfiguration)
            if request.method not in ("GET", "HEAD"):
                raise MethodNotAllowed(members={"Method": request.method, "ResourceType": "OBJECT"})
        except AwsError as error:
            return error_page(error, ctx.request_id)
        found = await _Visit(self, ctx, request, codec, bucket, website, unquote_plus(path)).answer()
        return _redirect(found) if isinstance(found, Redirection) else found


class _Visit:
    """One request for a page."""

    def __init__(
        self,
        service: Websites,
        ctx: Context,
        request: RequestData,
        codec: Codec,
        bucket: str,
        website: Website,
        key: str,
    ) -> None:
        self._service = service
        self._ctx = ctx
        self._request = request
        self._codec = codec
        self._bucket = bucket
        self._website = website
        self._key = key
        self._host = request.headers.get("host", "")

    async def answer(self) -> ResponseData | Redirection:
        everything = self._website.get("RedirectAllRequestsTo")
        if everything is not None:
            query = f"?{self._request.query}" if self._request.query else ""
            place = f"{everything.get('Protocol', 'http')}://{everything['HostName']}"
            return Redirection(301, f"{place}/{quote(self._key)}{query}")
        ruled = website_rules.redirection(self._website, self._key, self._host, error_status=None)
        if ruled is not None:
            return ruled
        suffix = self._website["IndexDocument"]["Suffix"]
        page = self._key + suffix if self._key == "" or self._key.endswith("/") else self._key
        try:
            return await self._object(page)
        except (NoSuchKey, UntoldKey) as error:
            if page == self._key and await self._is_there(f"{page}/{suffix}"):
                return Redirection(302, f"/{quote(page)}/")
            return await self._failed(error)
        except AwsError as error:
            return await self._failed(error)

    async def _failed(self, error: AwsError) -> ResponseData | Redirection:
        if error.status < 400:
            return ResponseData(error.status, list(error.headers.items()), b"")
        ruled = website_rules.redirection(self._website, self._key, self._host, error_status=error.status)
        if ruled is not None:
            return ruled
        custom = self._website.get("ErrorDocument")
        if custom is None or error.status >= 500:
            return error_page(error, self._ctx.request_id)
        try:
            found = await self._object(custom["Key"], conditional=False)
        except AwsError as reason:
            return error_page(error, self._ctx.request_id, custom=reason)
        if isinstance(found, ResponseData):
            found.status = error.status
        return found

    async def _object(self, key: str, *, conditional: bool = True) -> ResponseData | Redirection:
        operation, read = (
            ("HeadObject", self._service.head_object)
            if self._request.method == "HEAD"
            else ("GetObject", self._service.get_object)
        )
        place = f"/{quote(self._bucket)}/{quote(key)}"
        headers = self._request.headers if conditional else {}
        parameters = self._codec.read(operation, RequestData(self._request.method, place, "", headers, b""))
        demand(self._service, self._ctx, "s3:GetObject", parameters)
        try:
            answer = await self._ctx.call(read, **parameters)
        except NoSuchKey:
            permit_to_miss(self._service, self._ctx, self._bucket)
            raise
        redirect = answer.get("WebsiteRedirectLocation")
        if redirect is not None:
            return Redirection(301, redirect)
        return self._codec.write(operation, answer, self._ctx.request_id)

    async def _is_there(self, key: str) -> bool:
        try:
            named = {"Bucket": self._bucket, "Key": key}
            demand(self._service, self._ctx, "s3:GetObject", named)
            await self._ctx.call(self._service.head_object, **named)
        except AwsError:
            return False
        return True


def _redirect(to: Redirection) -> ResponseData:
    return ResponseData(to.status, [("Location", to.location), ("Content-Length", "0")], b"")
