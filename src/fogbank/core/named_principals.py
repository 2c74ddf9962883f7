"""The users and roles that a policy names as principals: kept by their unique ids, and shown by their ARNs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
What is granted to a user or a role ends with it: whoever is created under its name later has another id. A policy then
shows the id, since no ARN belongs to it any more.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fogbank.core.arn import parse_arn
from fogbank.core.json_text import NOT_JSON, parse
from fogbank.core.policy_grammar import MalformedPolicy, check_resource_policy

if TYPE_CHECKING:
    from fogbank.core.context import Context
    from fogbank.core.errors import AwsError

# In JSON only a member can be followed by a colon: as a text the name would have its quotes escaped.
_MEMBER = re.compile(r'"(?:Not)?Principal"\s*:\s*')
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{17}")
_HOLDER = re.compile(r"(?:user|role)/.+")
_DECODER = json.JSONDecoder()


class NoSuchPrincipal(MalformedPolicy):
    """A policy names a user or a role that is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(f'Invalid principal in policy: "AWS":"{name}"')
        self.name = name


def checked(ctx: "Context", policy: str, refusal: Callable[[MalformedPolicy], "AwsError"]) -> str:
    """The policy of a resource as it is stored; one that is refused raises the service's own error."""
    try:
        check_resource_policy(policy)
        return kept(ctx, policy)
    except MalformedPolicy as fault:
        raise refusal(fault) from None


def kept(ctx: "Context", policy: str) -> str:
    """The policy, which is JSON, as it is stored: with the ids of the users and roles that it names.

    Raises NoSuchPrincipal.
    """
    if "\\u" in policy:  # Names that are written with escapes are names.
        policy = json.dumps(parse(policy), ensure_ascii=False)
    return _renamed(policy, partial(id_of, ctx)) if ":iam:" in policy or _ID.search(policy) else policy


def shown(ctx: "Context", policy: str) -> str:
    """A stored policy as its owner sees it: with the ARNs of those that are still there."""
    return _renamed(policy, partial(arn_of, ctx)) if _ID.search(policy) else policy


def id_of(ctx: "Context", name: str) -> str:
    """A principal as it is stored: a user or a role by its id, any other as it is.

    Raises NoSuchPrincipal for those that are not there. Of accounts that this cloud does not know nothing can be said:
    their ARNs stay.
    """
    arn = parse_arn(name)
    if arn is not None and (arn.service != "iam" or _HOLDER.fullmatch(arn.resource) is None):
        return name
    if arn is None and not is_id(name):
        return name
    found: str | None = ctx.cloud.iam.named_principal(ctx, name)
    if found is None and (arn is None or ctx.cloud.iam.knows(ctx, arn.account)):
        raise NoSuchPrincipal(name)
    return found or name


def arn_of(ctx: "Context", name: str) -> str:
    """A stored principal as it is shown."""
    found: str | None = ctx.cloud.iam.principal_arn(name) if is_id(name) else None
    return found or name


def is_id(name: str) -> bool:
    return _ID.fullmatch(name) is not None


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
