"""What a policy document says of a request: IAM's policy language.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
Whether a document is well-formed is for the service to say that takes it in, in its own words. Here, what is malformed
applies to nothing.

What is decided from several policies together is in `policy_evaluation`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from fogbank.core.json_text import parse
from fogbank.core.policy_conditions import Condition, condition
from fogbank.core.policy_patterns import Context, Pattern, glob, listed, literal_prefix, texts

_POLICIES_MAX = 1024
_PROVIDER = re.compile(r"arn:[^:]+:iam::\d{12}:(oidc|saml)-provider/.+", re.DOTALL)
_ROLE_SESSION = re.compile(r"(arn:[^:]+):sts::(\d{12}):assumed-role/([^/]+)/.+", re.DOTALL)
# Below this many, asking each statement is as fast as looking the right ones up.
_INDEXED_FROM = 8
# Actions whose statements a policy remembers; callers can make names up only for the policy simulator.
_ACTIONS_MAX = 256


class Effect(Enum):
    ALLOW = "Allow"
    DENY = "Deny"


_EFFECTS = {effect.value.lower(): effect for effect in Effect}


class Grantee(IntEnum):
    """How closely a statement names who asks."""

    NOBODY = 0
    ACCOUNT = 1
    EVERYBODY = 2
    ROLE = 3
    SELF = 4


class Request(NamedTuple):
    """`principal` is the ARN of a user, role, session or account's root, or a service such as `s3.amazonaws.com`, or
    empty if nobody is known to ask. `context` has condition keys in lower case. `role` is the role of a session, whose
    ARN may have a path that the session's does not tell. `user_id` is the principal's `aws:userid`: policies name users
    and roles by their unique ids. `bounded` is whether a permissions boundary limits the principal.
    """

    principal: str
    action: str
    resource: str
    context: Context = {}
    role: str = ""
    user_id: str = ""
    bounded: bool = False


def _holder(request: Request) -> Grantee:
    """A statement that names no principal speaks of the identity that has the policy."""
    return Grantee.SELF


def _any_action(action: str) -> bool:
    return True


class Statement(NamedTuple):
    """One statement; each of its tests must hold."""

    effect: Effect
    applies: Sequence[Callable[[Request], bool]]
    conditions: Sequence[Condition]
    grantee: Callable[[Request], Grantee] = _holder
    acts: Callable[[str], bool] = _any_action
    """Whether it is about an action, given in lower case."""
    prefixes: tuple[str, ...] = ("",)
    """What the resources that it is about begin with."""
    sid: str = ""
    number: int = 0
    """Its place in the document."""
    keys: tuple[str, ...] = ()
    """The condition keys that it looks at, as written."""
    given: Mapping[str, Any] = {}
    """As the document has it."""

    @property
    def names_principal(self) -> bool:
        return self.grantee is not _holder

    def is_about(self, request: Request) -> bool:
        return (
            all(test(request) for test in self.applies)
            and self.grantee(request) is not Grantee.NOBODY
            and all(met(request.context) for met in self.conditions)
        )


class Policy:
    """A policy of a resource (its statements name principals) or of an identity (they name none)."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self.statements = statements
        self._by_action: dict[str, _Lookup] = {}

    def decide(self, request: Request) -> Effect | None:
        """What the policy says by itself; None if it says nothing. A Deny goes before every Allow."""
        found = {statement.effect for statement in self.matching(request)}
        return Effect.DENY if Effect.DENY in found else Effect.ALLOW if found else None

    def matching(self, request: Request) -> list[Statement]:
        """The statements that are about the request, in their order."""
        return [statement for statement in self.on_action(request) if statement.is_about(request)]

    def on_action(self, request: Request) -> Iterable[Statement]:
        """The statements about the request's action which may be about its resource."""
        action = request.action.lower()
        lookup = self._by_action.get(action)
        if lookup is None:
            if len(self._by_action) >= _ACTIONS_MAX:
                self._by_action.clear()
            lookup = _Lookup([statement for statement in self.statements if statement.acts(action)])
            self._by_action[action] = lookup
        return lookup.on(request.resource)


class _Lookup:
    """The statements about one action, found by what their resources begin with."""

    def __init__(self, statements: list[Statement]) -> None:
        self._all = statements
        self._by_prefix: dict[str, list[Statement]] = {}
        if len(statements) >= _INDEXED_FROM:
            for statement in statements:
                for prefix in statement.prefixes:
                    self._by_prefix.setdefault(prefix, []).append(statement)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})

    def on(self, resource: str) -> Iterable[Statement]:
        if not self._by_prefix:
            return self._all
        found: dict[int, Statement] = {}
        for length in self._lengths:
            for statement in self._by_prefix.get(resource[:length], ()):
                found[statement.number] = statement
        return [found[number] for number in sorted(found)]


@lru_cache(_POLICIES_MAX)
def read_policy(document: str) -> Policy:
    """The policy of a document in JSON. What it allows and denies is found out once, so keep asking this."""
    parsed = parse(document)
    if not isinstance(parsed, dict):
        return Policy(())
    variables = parsed.get("Version") == "2012-10-17"
    statements = [_statement(each, number, variables) for number, each in enumerate(listed(parsed.get("Statement")))]
    return Policy([statement for statement in statements if statement is not None])


def _statement(given: Any, number: int, variables: bool) -> Statement | None:
    # Trust policies may write the effect in any case.
    effect = _EFFECTS.get(str(given.get("Effect")).lower()) if isinstance(given, dict) else None
    if effect is None:
        return None
    operators = given.get("Condition") or {}
    if not isinstance(operators, dict) or not all(isinstance(tests, dict) for tests in operators.values()):
        return None
    applies: list[Callable[[Request], bool]] = []
    acts: Callable[[str], bool] = _any_action
    if "NotAction" in given:
        acts = _negated_action(_action_test(given["NotAction"]))
    elif "Action" in given:
        acts = _action_test(given["Action"])
    applies.append(lambda request: acts(request.action.lower()))
    prefixes: tuple[str, ...] = ("",)
    if "NotResource" in given:
        applies.append(_negated(_resource_test(given["NotResource"], variables)))
    elif "Resource" in given:
        applies.append(_resource_test(given["Resource"], variables))
        prefixes = tuple(dict.fromkeys(literal_prefix(text) for text in texts(given["Resource"])))
    grantee: Callable[[Request], Grantee] = _holder
    if "NotPrincipal" in given:
        grantee = _all_but(_grantee(given["NotPrincipal"]), effect)
    elif "Principal" in given:
        grantee = _grantee(given["Principal"])
    conditions = [
        condition(operator, key, listed(values), variables)
        for operator, tests in operators.items()
        for key, values in tests.items()
    ]
    keys = tuple(dict.fromkeys(key for tests in operators.values() for key in tests))
    sid = given.get("Sid")
    return Statement(
        effect,
        applies,
        conditions,
        grantee,
        acts,
        prefixes,
        sid if isinstance(sid, str) else "",
        number,
        keys,
        given,
    )


def _negated(test: Callable[[Request], bool]) -> Callable[[Request], bool]:
    return lambda request: not test(request)


def _negated_action(test: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda action: not test(action)


def _action_test(value: Any) -> Callable[[str], bool]:
    patterns = [glob(text.lower(), variables=False) for text in texts(value)]
    return lambda action: any(pattern(action, {}) for pattern in patterns)


def _resource_test(value: Any, variables: bool) -> Callable[[Request], bool]:
    patterns = [glob(text, variables=variables) for text in texts(value)]
    return lambda request: _any(patterns, request.resource, request.context)


def _any(patterns: list[Pattern], text: str, context: Context) -> bool:
    return any(pattern(text, context) for pattern in patterns)


# ---- principals: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html


def _grantee(value: Any) -> Callable[[Request], Grantee]:
    if not isinstance(value, Mapping):
        everybody = Grantee.EVERYBODY if value == "*" else Grantee.NOBODY
        return lambda request: everybody
    kinds = ("AWS", "Service", "Federated", "CanonicalUser")
    named = frozenset(text for kind in kinds for text in texts(value.get(kind)) if text)
    everybody = Grantee.EVERYBODY if "*" in texts(value.get("AWS")) else Grantee.NOBODY

    def grantee(request: Request) -> Grantee:
        for closeness, names in _names_of(request.principal, request.role, request.user_id):
            if not named.isdisjoint(names):
                return max(closeness, everybody)
        return everybody

    return grantee


def _all_but(grantee: Callable[[Request], Grantee], effect: Effect) -> Callable[[Request], Grantee]:
    """Who is spared must be named closer than by the account: that one stands for its root alone. A Deny spares nobody
    who has a permissions boundary, says IAM's guide.
    """

    def others(request: Request) -> Grantee:
        if request.bounded and effect is Effect.DENY:
            return Grantee.EVERYBODY
        closeness = grantee(request)
        spared = closeness > Grantee.ACCOUNT or (closeness is Grantee.ACCOUNT and _is_root(request.principal))
        return Grantee.NOBODY if spared else Grantee.EVERYBODY

    return others


def _is_root(principal: str) -> bool:
    return principal.endswith(":root")


@lru_cache(_POLICIES_MAX)
def _names_of(principal: str, role: str, user_id: str) -> tuple[tuple[Grantee, frozenset[str]], ...]:
    """All the ways in which a statement can name who asks, the closest first."""
    # An identity provider is nobody of its account: whom it speaks for comes from anywhere.
    if not principal.startswith("arn:") or _PROVIDER.fullmatch(principal) is not None:
        return ((Grantee.SELF, frozenset((principal,))),)
    partition, _, _, account = principal.split(":", 5)[1:5]
    account_names = (Grantee.ACCOUNT, frozenset((account, f"arn:{partition}:iam::{account}:root")))
    session = _ROLE_SESSION.fullmatch(principal)
    if session is None:
        root = principal in account_names[1]
        return (account_names,) if root else ((Grantee.SELF, frozenset((principal, user_id))), account_names)
    role_names = {f"{session[1]}:iam::{session[2]}:role/{session[3]}", role, user_id.partition(":")[0]}
    return ((Grantee.SELF, frozenset((principal,))), (Grantee.ROLE, frozenset(role_names)), account_names)
