"""Objects that browsers upload with forms. https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html"""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

from fogbank.core.context import Context
from fogbank.core.http_message import Codec, RequestData, ResponseData
from fogbank.core.xml_tree import Element, XmlRefused, parse
from fogbank.services.s3 import metadata
from fogbank.services.s3.addresses import object_url
from fogbank.services.s3.conditions import WriteCondition
from fogbank.services.s3.demands import demand
from fogbank.services.s3.errors import (
    AccessDenied,
    EntityTooLarge,
    EntityTooSmall,
    InvalidArgument,
    MalformedXML,
)
from fogbank.services.s3.events import Event
from fogbank.services.s3.form_data import FormFile, read_form
from fogbank.services.s3.form_signatures import signer_of_form
from fogbank.services.s3.objects import Objects
from fogbank.services.s3.post_policy import PostPolicy

# Of whom a form is, in either version of the signature, in the order in which AWS misses it.
_V4 = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "Policy")
_V2 = ("AWSAccessKeyId", "Signature", "Policy")
_TELLING = ("x-amz-algorithm", "x-amz-credential", "x-amz-signature", "x-amz-date")
# Fields that are no headers of the object, or not under their name.
_OWN_FIELDS = (
    "key", "acl", "tagging", "policy", "success_action_redirect", "success_action_status", "redirect", "authorization",
)  # fmt: skip


class BrowserPosts(Objects):
    """POST of a form to a bucket, which is in no model."""

    async def post_object(self, ctx: Context, *, request: RequestData, codec: Codec) -> ResponseData:
        bucket = self._bucket(ctx, unquote(request.resource.strip("/")))
        fields, file = await read_form(request.headers.get("content-type", ""), request.body)
        access_key = _signer(fields)
        key = _key(fields, file)
        sender = ctx.at(account=self.cloud.account_of(access_key))
        if self.cloud.authorizer is not None:
            sender.identity = signer_of_form(self.cloud, access_key, fields, now_ms=ctx.now_ms)
        sizes = None
        if "policy" in fields:
            told = {**fields, "bucket": bucket.name, "key": key}
            sizes = PostPolicy(fields["policy"]).check(ctx.now_ms, told)
        headers = _headers(fields)
        given = codec.read("PutObject", RequestData("PUT", f"/{quote(bucket.name)}/{quote(key)}", "", headers, b""))
        sender.access_key, sender.headers = access_key, headers
        if self.cloud.authorizer is not None:
            named = {**given, "Bucket": bucket.name, "Key": key}
            demand(self, sender, "s3:PutObject", named, told=_condition_keys(fields))
        answer = await sender.call(
            self._put,
            event=Event.POST,
            bucket=bucket,
            key=key,
            body=_Sized(file, sizes),
            given=given,
            content_md5=given.get("ContentMD5"),
            algorithm=given.get("ChecksumAlgorithm"),
            condition=WriteCondition(given.get("IfMatch"), given.get("IfNoneMatch")),
            payer=given.get("RequestPayer"),
        )
        response = codec.write("PutObject", answer, ctx.request_id)
        _conclude(response, fields, bucket.name, key, answer["ETag"], object_url(ctx.endpoint, bucket.name, key))
        return response


class _Sized:
    """A form's file, refused if it is not as long as its policy says."""

    def __init__(self, file: FormFile, sizes: tuple[int, int] | None) -> None:
        self._file = file
        self._sizes = sizes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._file:
            size += len(chunk)
            if self._sizes is None or size <= self._sizes[1]:
                yield chunk
        if self._sizes is None:
            return
        low, high = self._sizes
        if size > high:
            raise EntityTooLarge(members={"ProposedSize": str(size), "MaxSizeAllowed": str(high)})
        if size < low:
            raise EntityTooSmall(members={"ProposedSize": str(size), "MinSizeAllowed": str(low)})


def _signer(fields: Mapping[str, str]) -> str | None:
    """The access key that signs a form; None if nobody does. Raises what a form lacks."""
    fourth = any(name in fields for name in _TELLING)
    if not fourth and "awsaccesskeyid" not in fields and "signature" not in fields:
        if "policy" in fields:
            raise AccessDenied()
        return None
    for name in _V4 if fourth else _V2:
        if name.lower() not in fields:
            raise _missing(name)
    return fields["x-amz-credential"].partition("/")[0] if fourth else fields["awsaccesskeyid"]


def _condition_keys(fields: Mapping[str, str]) -> dict[str, str]:
    """What policies can ask of a form, and of no PUT."""
    told = {"s3:ObjectCreationOperation": "true"}
    if "policy" in fields:
        told |= {"s3:authType": "POST", "s3:signatureversion": fields.get("x-amz-algorithm", "AWS")}
    return told


def _key(fields: Mapping[str, str], file: FormFile) -> str:
    key = fields.get("key")
    if not key:
        raise _missing("key")
    return key if file.filename is None else key.replace("${filename}", file.filename)


def _missing(name: str) -> InvalidArgument:
    return InvalidArgument(
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields.",
        members={"ArgumentName": name, "ArgumentValue": ""},
    )


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields as the headers of a PUT of the object."""
    headers = {
        name: metadata.verbatim(value) if name.startswith("x-amz-meta-") else value  # Forms have no encoded words.
        for name, value in fields.items()
        if name not in _OWN_FIELDS
    }
    if "acl" in fields:
        headers["x-amz-acl"] = fields["acl"]
    if "tagging" in fields:
        headers["x-amz-tagging"] = _tagging(fields["tagging"])
    return headers


def _tagging(document: str) -> str:
    """Tags as XML, written as a header has them. AWS overlooks elements that it does not know."""
    try:
        root = parse(document.encode())
    except XmlRefused:
        raise MalformedXML() from None
    tags = [tag for group in root.children if group.name == "TagSet" for tag in group.children if tag.name == "Tag"]
    return urlencode([(_text(tag, "Key"), _text(tag, "Value")) for tag in tags])


def _text(element: Element, name: str) -> str:
    found = next((child.text for child in element.children if child.name == name), None)
    if found is None:
        raise MalformedXML()
    return found


def _conclude(
    response: ResponseData, fields: Mapping[str, str], bucket: str, key: str, etag: str, location: str
) -> None:
    """Answer as the form wishes."""
    target = fields.get("success_action_redirect") or fields.get("redirect") or ""
    parts = urlsplit(target)
    if parts.scheme in ("http", "https") and parts.netloc:  # AWS takes any other for none.
        query = urlencode({"bucket": bucket, "key": key, "etag": etag})
        response.status = 303
        response.headers.append(("Location", f"{target}{'&' if parts.query else '?'}{query}"))
        return
    response.headers.append(("Location", location))
    wanted = fields.get("success_action_status", "")
    response.status = int(wanted) if wanted in ("200", "201") else 204
    if response.status == 201:
        response.headers.append(("Content-Type", "application/xml"))
        response.body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<PostResponse><Location>{escape(location)}</Location><Bucket>{escape(bucket)}</Bucket>"
            f"<Key>{escape(key)}</Key><ETag>{escape(etag)}</ETag></PostResponse>"
        ).encode()
