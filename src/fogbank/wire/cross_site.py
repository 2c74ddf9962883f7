"""What pages of other sites have a browser send.

Wherever a page says, a browser sends what a form could send and asks nobody first:
https://fetch.spec.whatwg.org/#http-cors-protocol
Where nobody has to sign, such a request would be obeyed like any other. Headers that SDKs send, `Authorization` first,
a browser asks for, and no service but those that are for pages (`Service.is_for_pages`) answers that it may.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from fogbank.core.errors import AwsError
from fogbank.core.http_client import is_loopback


class CrossSiteRequest(AwsError):
    code = "AccessDenied"
    status = 403
    message = "Fogbank does not take unsigned requests of other sites' pages."


def is_cross_site(headers: Mapping[str, str]) -> bool:
    """Whether a page has sent the request that is neither of this machine nor of the endpoint itself."""
    origin = headers.get("origin")
    if origin is None and headers.get("sec-fetch-site") != "cross-site":
        return False
    try:
        page = urlsplit(origin or headers.get("referer", ""))
        return page.netloc != headers.get("host") and not is_loopback(page.hostname or "")
    except ValueError:
        return True
