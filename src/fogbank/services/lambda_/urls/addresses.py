"""The addresses of function URLs: `https://{id}.lambda-url.{region}.on.aws/`, and their local forms."""

import secrets
from typing import NamedTuple
from urllib.parse import unquote

from fogbank.core.domains import domain_of

PATH_PREFIX = "/_aws/lambda-url/"
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class Address(NamedTuple):
    url_id: str
    path: str
    """As it was sent, with one slash at the beginning."""

    @property
    def decoded_path(self) -> str:
        return unquote(self.path)


def new_id() -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(32))


def url_of(endpoint: str, url_id: str, region: str) -> str:
    """Where a function is to be asked: a host as AWS has it where hosts lead here, else a path that does."""
    scheme, _, host = endpoint.partition("://")
    domain = domain_of(host)
    if not domain:
        return f"{endpoint}{PATH_PREFIX}{url_id}/"
    if domain.startswith("amazonaws.com"):
        domain = domain.replace("amazonaws.com", "on.aws", 1)
    return f"{scheme}://{url_id}.lambda-url.{region}.{domain}/"


def of_resource(resource: str) -> Address:
    """The address that the wire made of a request to one of the doors: `/{id}/…`."""
    url_id, _, path = resource[1:].partition("/")
    # As recorded, several slashes at the beginning are one.
    return Address(url_id, "/" + path.lstrip("/"))
