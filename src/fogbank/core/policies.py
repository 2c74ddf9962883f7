"""What a policy document says of a request: IAM's policy language.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
Whether a document is well-formed is for the service to say that takes it in, in its own words. Here, what is malformed
applies to nothing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from fogbank.core.json_text import parse
from fogbank.core.policy_conditions import Condition, condition
from fogbank.core.policy_patterns import Context, Pattern, glob, listed, texts

_POLICIES_MAX = 1024
_ROLE_SESSION = re.compile(r"(arn:[^:]+):sts::(\d{12}):assumed-role/([^/]+)/.+", re.DOTALL)


class Effect(Enum):
    ALLOW = "Allow"
    DENY = "Deny"


class Request(NamedTuple):
    """`principal` is the ARN of a user, role, session or account's root, or a service such as `s3.amazonaws.com`, or
    empty if nobody is known to ask. `context` has condition keys in lower case.
    """

    principal: str
    action: str
    resource: str
    context: Context = {}


class Statement(NamedTuple):
    """One statement; each of its tests must hold."""

    effect: Effect
    applies: Sequence[Callable[[Request], bool]]
    conditions: Sequence[Condition]

    def is_about(self, request: Request) -> bool:
        return all(test(request) for test in self.applies) and all(met(request.context) for met in self.conditions)


class Policy:
    """A policy of a resource (its statements name principals) or of an identity (they name none)."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._statements = statements

    def decide(self, request: Request) -> Effect | None:
        """What the policy says by itself; None if it says nothing. A Deny goes before every Allow."""
        found = {statement.effect for statement in self._statements if statement.is_about(request)}
        return Effect.DENY if Effect.DENY in found else Effect.ALLOW if found else None


@lru_cache(_POLICIES_MAX)
def read_policy(document: str) -> Policy:
    """The policy of a document in JSON. What it allows and denies is found out once, so keep asking this."""
    parsed = parse(document)
    if not isinstance(parsed, dict):
        return Policy(())
    variables = parsed.get("Version") == "2012-10-17"
    statements = [_statement(each, variables) for each in listed(parsed.get("Statement"))]
    return Policy([statement for statement in statements if statement is not None])


def _statement(given: Any, variables: bool) -> Statement | None:
    if not isinstance(given, dict) or given.get("Effect") not in ("Allow", "Deny"):
        return None
    applies: list[Callable[[Request], bool]] = []
    for element, test in (("Principal", _principal_test), ("Action", _action_test), ("Resource", _resource_test)):
        if f"Not{element}" in given:
            applies.append(_negated(test(given[f"Not{element}"], variables)))
        elif element in given:
            applies.append(test(given[element], variables))
    operators = given.get("Condition") or {}
    if not isinstance(operators, dict) or not all(isinstance(tests, dict) for tests in operators.values()):
        return None
    conditions = [
        condition(operator, key, listed(values), variables)
        for operator, tests in operators.items()
        for key, values in tests.items()
    ]
    return Statement(Effect(given["Effect"]), applies, conditions)


def _negated(test: Callable[[Request], bool]) -> Callable[[Request], bool]:
    return lambda request: not test(request)


def _action_test(value: Any, variables: bool) -> Callable[[Request], bool]:
    patterns = [glob(text.lower(), variables=False) for text in texts(value)]
    return lambda request: _any(patterns, request.action.lower(), request.context)


def _resource_test(value: Any, variables: bool) -> Callable[[Request], bool]:
    patterns = [glob(text, variables=variables) for text in texts(value)]
    return lambda request: _any(patterns, request.resource, request.context)


def _any(patterns: list[Pattern], text: str, context: Context) -> bool:
    return any(pattern(text, context) for pattern in patterns)


# ---- principals: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html


def _principal_test(value: Any, variables: bool) -> Callable[[Request], bool]:
    if not isinstance(value, Mapping):
        everybody = value == "*"
        return lambda request: everybody
    named = frozenset(text for kind in ("AWS", "Service", "Federated") for text in texts(value.get(kind)))
    if "*" in texts(value.get("AWS")):
        return lambda request: True
    return lambda request: not named.isdisjoint(_names_of(request.principal))


def _names_of(principal: str) -> tuple[str, ...]:
    """All the ways in which a statement can name who asks."""
    if not principal.startswith("arn:"):
        return (principal,)
    partition, _, _, account = principal.split(":", 5)[1:5]
    account_names = (account, f"arn:{partition}:iam::{account}:root")
    session = _ROLE_SESSION.fullmatch(principal)
    if session is None:
        return (principal, *account_names)
    role = f"{session[1]}:iam::{session[2]}:role/{session[3]}"
    return (principal, role, *account_names)
