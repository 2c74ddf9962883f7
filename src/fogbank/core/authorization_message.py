"""Why a request was denied, for those who may decode it: the encoded messages of STS's DecodeAuthorizationMessage.

https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
A message is sealed for the account of who was denied: nobody reads it but through that account's STS, where a policy
must allow `sts:DecodeAuthorizationMessage`. It is made when a request is denied, and kept nowhere.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from fogbank.core.master_key import NotWrappedHere
from fogbank.core.policy_evaluation import Identity, Kind, Layer, Match
from fogbank.core.policy_patterns import listed, texts

if TYPE_CHECKING:
    from fogbank.core.authorizer import Asked
    from fogbank.core.cloud import Cloud

HEADER = "x-fogbank-authorization-message"
# STS takes 10,240 characters, but Node.js takes no more than 16 KB of headers in all.
_ENCODED_MAX = 8192
_TEXT_MAX = 512
_STATEMENTS_MAX = 20
# How AWS tells of what a statement leaves out is not published.
_ELEMENTS = {"Action": "actions", "NotAction": "notActions", "Resource": "resources", "NotResource": "notResources"}


class NoSuchMessage(Exception):
    """What was to be decoded is no message of this cloud for this account."""


def encoded(cloud: "Cloud", identity: Identity, asked: "Asked", conditions: Mapping[str, str | Sequence[str]]) -> str:
    """The message about what was denied to an identity; `conditions` are the request's condition keys."""
    verdict = asked.verdict
    own = asked.owner in ("", identity.account)
    # What another account's resource says is that account's business.
    shown = [match for match in verdict.matches if own or match.layer not in (Layer.RESOURCE, Layer.TRUST)]
    context = {
        "principal": _principal(identity),
        "action": asked.action,
        "resource": asked.resource,
        "conditions": _conditions(conditions),
    }
    message = {
        "allowed": verdict.allowed,
        "explicitDeny": verdict.explicit,
        "matchedStatements": _items(_statement(match, identity) for match in shown[:_STATEMENTS_MAX]),
        "failures": _items(()),
        "context": context,
    }
    sealed = _sealed(cloud, identity.account, message)
    if len(sealed) > _ENCODED_MAX:
        sealed = _sealed(cloud, identity.account, message | {"matchedStatements": _items(())})
    if len(sealed) > _ENCODED_MAX:
        bare = {**message, "matchedStatements": _items(()), "context": {**context, "conditions": _items(())}}
        sealed = _sealed(cloud, identity.account, bare)
    return sealed


def decoded(cloud: "Cloud", account: str, message: str) -> str:
    """The JSON of a message that was made for somebody of the account. Raises NoSuchMessage."""
    try:
        wrapped = base64.b64decode(message + "=" * (-len(message) % 4), altchars=b"-_", validate=True)
        return zlib.decompress(cloud.master_key.unwrap(wrapped, purpose=_purpose(account))).decode()
    except (binascii.Error, ValueError, NotWrappedHere):
        raise NoSuchMessage() from None


def _sealed(cloud: "Cloud", account: str, message: Mapping[str, Any]) -> str:
    packed = zlib.compress(msgspec.json.encode(message))
    wrapped = cloud.master_key.wrap(packed, purpose=_purpose(account))
    return base64.urlsafe_b64encode(wrapped).rstrip(b"=").decode()


def _purpose(account: str) -> str:
    return f"authorization message of {account}"


def _principal(identity: Identity) -> dict[str, str]:
    named = {"name": identity.arn.rpartition("/")[2]} if identity.kind is Kind.USER else {}
    return {"id": identity.user_id, **named, "arn": identity.arn}


def _statement(match: Match, identity: Identity) -> dict[str, Any]:
    statement = match.statement
    given = statement.given
    conditions: dict[str, list[Any]] = {}
    for tests in (given.get("Condition") or {}).values():
        for key, values in tests.items():
            conditions.setdefault(key, []).extend(listed(values))
    return {
        "statementId": statement.sid,
        "effect": statement.effect.name,
        "principals": _values((identity.user_id,)),
        "principalGroups": _items(()),
        **{name: _values(texts(given[element])) for element, name in _ELEMENTS.items() if element in given},
        "conditions": _conditions(conditions),
    }


def _conditions(conditions: Mapping[str, str | Sequence[Any]]) -> dict[str, Any]:
    return _items(
        {"key": key, "values": _values((values,) if isinstance(values, str) else values)}
        for key, values in conditions.items()
    )


def _values(values: Iterable[Any]) -> dict[str, Any]:
    return _items({"value": _text(value)} for value in values)


def _text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"


def _items(items: Iterable[Any]) -> dict[str, Any]:
    """As all lists are in it."""
    return {"items": list(items)}
