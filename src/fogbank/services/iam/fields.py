"""Fields of requests and answers that roles, policies and profiles share."""

from typing import Any

from fogbank.core.identity_policy_grammar import check_identity_policy
from fogbank.core.numerals import whole_number
from fogbank.core.policy_grammar import MalformedPolicy
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.iam.errors import LimitExceeded, MalformedPolicyDocument, ValidationError

TAGS_MAX = 50  # of one thing
PAGE_MAX = 100  # what a list answers when MaxItems is not given


def check_document(text: str, *, managed: bool = False) -> None:
    """A policy of an identity must be well-formed."""
    try:
        check_identity_policy(text, managed=managed)
    except MalformedPolicy as fault:
        raise MalformedPolicyDocument(str(fault)) from None


def policy_size(document: str) -> int:
    """As quotas count it: white space is free."""
    return len("".join(document.split()))


def tagged(tags: dict[str, str]) -> dict[str, Any]:
    """The member of an answer that has the tags; there is none without tags."""
    return {"Tags": tag_list(tags)} if tags else {}


def with_tags(tags: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    """The tags with others that were given."""
    found = tags | tag_map(given)
    if len(found) > TAGS_MAX:
        raise LimitExceeded("The number of tags has reached the maximum limit.")
    return found


def page(name: str, rows: list[Any], marker: str | None, limit: int) -> dict[str, Any]:
    """The rows from the marker on, under `name`; the marker is the number of rows before it."""
    start = whole_number(marker or "0")
    if start is None:
        raise ValidationError("Invalid Marker.")
    answer: dict[str, Any] = {name: rows[start : start + limit], "IsTruncated": len(rows) > start + limit}
    return answer | ({"Marker": str(start + limit)} if answer["IsTruncated"] else {})
