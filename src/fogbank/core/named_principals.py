"""The users and roles that a policy names as principals: kept by their unique ids, and shown by their ARNs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
What is granted to a user or a role ends with it: whoever is created under its name later has another id. A policy then
shows the id, since no ARN belongs to it any more.
"""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fogbank.core.arn import parse_arn
from fogbank.core.json_text import NOT_JSON, parse

if TYPE_CHECKING:
    from fogbank.core.context import Context

# In JSON only a member can be followed by a colon: as a text the name would have its quotes escaped.
_MEMBER = re.compile(r'"(?:Not)?Principal"\s*:\s*')
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{17}")
_HOLDER = re.compile(r"(?:user|role)/.+")
_DECODER = json.JSONDecoder()


class NoSuchPrincipal(Exception):
    """A policy names a user or a role that is not there; the text is what it names."""


def kept(ctx: "Context", policy: str) -> str:
    """The policy, which is JSON, as it is stored: with the ids of the users and roles that it names.

    Those of accounts that this cloud knows must be there. Of any other account nothing is known: its ARNs stay.
    """

    def id_of(name: str) -> str:
        arn = parse_arn(name)
        if arn is not None and arn.service == "iam" and _HOLDER.fullmatch(arn.resource):
            found: str | None = ctx.cloud.iam.named_principal(ctx, name)
            if found is None and ctx.cloud.iam.knows(ctx, arn.account):
                raise NoSuchPrincipal(name)
            return found or name
        if _ID.fullmatch(name) and ctx.cloud.iam.principal_arn(name) is None:
            raise NoSuchPrincipal(name)
        return name

    return _renamed(policy, id_of) if ":iam:" in policy or _ID.search(policy) else policy


def shown(ctx: "Context", policy: str) -> str:
    """A stored policy as its owner sees it: with the ARNs of those that are still there."""
    if _ID.search(policy) is None:
        return policy
    return _renamed(policy, lambda name: (_ID.fullmatch(name) and ctx.cloud.iam.principal_arn(name)) or name)


def _renamed(policy: str, rename: Callable[[str], str]) -> str:
    """The policy with other names for its principals, and every other letter as it was."""

    def renamed(match: re.Match[str]) -> str:
        name: Any = parse(match[0])
        other = name if name is NOT_JSON else rename(name)
        return match[0] if other == name else json.dumps(other)

    parts, done = [], 0
    for member in _MEMBER.finditer(policy):
        if member.start() < done:
            continue
        _, end = _DECODER.raw_decode(policy, member.end())
        parts += [policy[done : member.end()], _TEXT.sub(renamed, policy[member.end() : end])]
        done = end
    return "".join((*parts, policy[done:]))
