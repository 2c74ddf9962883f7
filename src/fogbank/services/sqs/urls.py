"""Queue URLs: the addresses that AWS gives, and the older ones that it still takes.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
"""

import re
from functools import lru_cache
from typing import NamedTuple

from fogbank.core.context import Context
from fogbank.services.sqs.records import Queue

# Domains whose subdomains lead to the same server, so that a URL can carry the region as AWS's do. A plain `localhost`
# or a container's name has none that resolve everywhere.
_WITH_SUBDOMAINS = ("amazonaws.com", "localhost.localstack.cloud", "localhost.fogbank.dev")
_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d"
_HOST_REGION = re.compile(rf"(?:.*\.)?sqs(?:-fips)?\.({_REGION})\.|({_REGION})\.queue\.")
_PATH = re.compile(rf"(?:/queue/(?P<region>{_REGION}))?/(?P<account>\d{{12}})/(?P<name>[^/]+)/?\Z")


class QueueAddress(NamedTuple):
    """What a URL says; `account` and `region` are empty where it says nothing. `host` is its base."""

    name: str
    account: str = ""
    region: str = ""
    host: str = ""


def queue_url(ctx: Context, queue: Queue) -> str:
    return f"{_base(ctx.endpoint, queue.region)}/{queue.account}/{queue.name}"


@lru_cache(maxsize=64)
def _base(endpoint: str, region: str) -> str:
    scheme, _, host = endpoint.partition("://")
    name, colon, port = host.partition(":")
    domain = _subdomains_of(name)
    return f"{scheme}://sqs.{region}.{domain}{colon}{port}" if domain else endpoint


def _subdomains_of(name: str) -> str:
    return next((domain for domain in _WITH_SUBDOMAINS if f".{name}".endswith(f".{domain}")), "")


@lru_cache(maxsize=4096)
def parse_queue_url(url: str) -> QueueAddress:
    """`https://sqs.us-east-1.amazonaws.com/123456789012/jobs`, the older `us-east-1.queue.…` and `queue.…` (which is
    us-east-1), `…/queue/us-east-1/123456789012/jobs`, or a bare name: a queue of the caller's.
    """
    host = url[: url.find("/", url.find("://") + 3)] if "://" in url else ""
    match = _PATH.match(url, len(host))
    if match is None:
        return QueueAddress(url.rstrip("/").rpartition("/")[2], host=host)
    return QueueAddress(match["name"], match["account"], match["region"] or _region_of_host(host), host)


def _region_of_host(host: str) -> str:
    name = host.rpartition("://")[2]
    match = _HOST_REGION.match(name)
    if match is not None:
        return match[1] or match[2]
    return "us-east-1" if name.startswith("queue.") and _subdomains_of(name.partition(":")[0]) else ""
