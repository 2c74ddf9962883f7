"""The addresses of buckets, as answers tell them."""

from functools import lru_cache
from urllib.parse import quote

from fogbank.core.domains import domain_of


@lru_cache(maxsize=64)
def global_bucket_url(endpoint: str, bucket: str) -> str:
    """Where a bucket is whatever its region: `http://bucket.s3.amazonaws.com/`, or as near to that as leads here."""
    scheme, _, host = endpoint.partition("://")
    domain = domain_of(host)
    return f"{scheme}://{bucket}.s3.{domain}/" if domain else f"{endpoint}/{bucket}"


def regional_host(endpoint: str, bucket: str, region: str) -> str:
    """The host that a bucket is to be asked at: `bucket.s3.eu-west-1.amazonaws.com`, or what leads here."""
    host = endpoint.partition("://")[2]
    domain = domain_of(host)
    return f"{bucket}.s3.{region}.{domain}" if domain else host


def object_url(endpoint: str, bucket: str, key: str) -> str:
    """Where an object is, as answers to uploads have it: slashes in its key are escaped, too."""
    of_bucket = endpoint.partition("://")[2].startswith(f"{bucket}.")  # The host that was asked is the bucket's own.
    place = endpoint if of_bucket else global_bucket_url(endpoint, bucket).rstrip("/")
    return f"{place}/{quote(key, safe='')}"
