"""Which secrets a list asks for.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_search-secret.html
All filters of a list must match, and one of a filter's values is enough. A value behind `!` must not match. Most
attributes are matched by how they begin; descriptions are matched word by word, each of the value's words being how a
word of the description begins.
"""

import re
from collections.abc import Callable
from typing import Any

from fogbank.services.secretsmanager.errors import InvalidParameter
from fogbank.services.secretsmanager.records import Secret

# A word ends where letters become digits or punctuation, and where lower case becomes upper case.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

Matches = Callable[[str, Secret, str], bool]


def matches(filters: list[dict[str, Any]], name: str, secret: Secret) -> bool:
    return all(_matches_one(each, name, secret) for each in filters)


def check_filters(filters: list[dict[str, Any]]) -> None:
    if any(not each.get("Key") or not each.get("Values") for each in filters):  # AWS's sentence is not recorded.
        raise InvalidParameter("Each filter must have a Key and Values.")


def _matches_one(given: dict[str, Any], name: str, secret: Secret) -> bool:
    holds = _KEYS[given["Key"]]
    unwanted = [value[1:] for value in given["Values"] if value.startswith("!")]
    wanted = [value for value in given["Values"] if not value.startswith("!")]
    if any(holds(name, secret, value) for value in unwanted):
        return False
    return not wanted or any(holds(name, secret, value) for value in wanted)


def _description(name: str, secret: Secret, value: str) -> bool:
    words = secret.description.lower().split()
    return all(any(word.startswith(part) for word in words) for part in value.lower().split())


def _all(name: str, secret: Secret, value: str) -> bool:
    tags = secret.tags or {}
    words = [word for text in (name, secret.description, *tags, *tags.values()) for word in _words(text)]
    return any(word.startswith(part) for part in _words(value) for word in words)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _any_begins(texts: Any, value: str) -> bool:
    return any(text.startswith(value) for text in texts)


_KEYS: dict[str, Matches] = {
    "all": _all,
    "description": _description,
    "name": lambda name, secret, value: name.startswith(value),
    "owning-service": lambda name, secret, value: secret.owner.startswith(value),
    "primary-region": lambda name, secret, value: secret.primary_region.startswith(value),
    "tag-key": lambda name, secret, value: _any_begins(secret.tags or {}, value),
    "tag-value": lambda name, secret, value: _any_begins((secret.tags or {}).values(), value),
}
