"""URLs that accept one signed PUT: where custom resources answer, and wait conditions' handles.

AWS serves them from S3, presigned; here they are `/_fogbank/cloudformation/{kind}/{token}` with an expiry and a
signature over both, checked in constant time. The key is the data folder's own, so that a handle outlives a restart.
"""

import hashlib
import hmac
import secrets
import urllib.parse

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.numerals import whole_number
from fogbank.services.cloudformation.records import SigningKey, Tables

PREFIX = "cloudformation/"
BODY_BYTES_MAX = 4096  # custom resources: "the total size of the response body can't exceed 4096 bytes"


class Forbidden(AwsError):
    code = "AccessDenied"
    status = 403
    message = "The signature of this URL does not fit, or it has expired."


def url(ctx: Context, tables: Tables, kind: str, token: str, *, valid_s: int) -> str:
    """Where a PUT about `token` is accepted until the time is over. Runs in a transaction."""
    expires = ctx.cloud.clock.now_ms() // 1000 + valid_s
    path = f"{PREFIX}{kind}/{urllib.parse.quote(token, safe='')}"
    return f"{ctx.endpoint}/_fogbank/{path}?Expires={expires}&Signature={_signature(tables, kind, token, expires)}"


def verify(tables: Tables, path: str, query: str, *, now_ms: int) -> tuple[str, str]:
    """Kind and token of a request to such a URL."""
    kind, _, quoted = path.removeprefix(PREFIX).partition("/")
    token = urllib.parse.unquote(quoted)
    given = dict(urllib.parse.parse_qsl(query))
    expires_s = whole_number(given.get("Expires", ""))
    if expires_s is None or expires_s * 1000 < now_ms:
        raise Forbidden
    wanted = _signature(tables, kind, token, expires_s)
    if not wanted or not hmac.compare_digest(wanted, given.get("Signature", "")):
        raise Forbidden
    return kind, token


def _signature(tables: Tables, kind: str, token: str, expires: int) -> str:
    found = tables.signing_keys.get(("callbacks",))
    if found is None:
        found = SigningKey(secret=secrets.token_bytes(32))
        tables.signing_keys.put(("callbacks",), found)
    text = f"{kind}\n{token}\n{expires}".encode()
    return hmac.new(found.secret, text, hashlib.sha256).hexdigest()


def token_of(address: str) -> tuple[str, str]:
    """Kind and token of a URL made by `url`."""
    kind, _, quoted = urllib.parse.urlsplit(address).path.removeprefix(f"/_fogbank/{PREFIX}").partition("/")
    return kind, urllib.parse.unquote(quoted)
