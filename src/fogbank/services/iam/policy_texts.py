"""The policies of users, groups and roles as texts, with the names that the policy simulator gives them."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from fogbank.core.json_text import parse
from fogbank.core.policies import read_policy
from fogbank.core.policy_evaluation import Source
from fogbank.core.policy_patterns import listed, texts

IDENTITY = "IAM Policy"
BOUNDARY = "Permissions Boundary Policy"
RESOURCE = "Resource Policy"
CONTROL = "Organizations Policy"

_TEXTS_MAX = 64
_VARIABLE = re.compile(r"\$\{\s*([^},\s]+)")
_LITERALS = frozenset("*?$")


class PolicyText(NamedTuple):
    """`id` and `type` are what the simulator calls it."""

    id: str
    type: str
    text: str
    arn: str = ""
    """Of a managed policy."""
    inline: tuple[str, str, str] | None = None
    """Of an inline policy: its name, and the kind and name of what holds it."""

    @property
    def key(self) -> tuple[str, str]:
        """What no other policy of a simulation has; its source's name and kind."""
        return self.arn or self.id, self.type

    def source(self) -> Source:
        name, kind = self.key
        return Source(name, read_policy(self.text), kind)


@lru_cache(_TEXTS_MAX)
def keys_of_statements(text: str) -> list[list[str]]:
    """The condition keys that each statement of a policy looks at, in its conditions and as variables."""
    document = parse(text)
    assert isinstance(document, dict)
    return [list(dict.fromkeys(_keys(statement))) for statement in listed(document.get("Statement"))]


def numbered(documents: Iterable[str], name: str, kind: str) -> list[PolicyText]:
    """Policies that were handed over in a list of that name."""
    return [PolicyText(f"{name}.{number}", kind, text) for number, text in enumerate(documents, 1)]


def context_keys(policies: Iterable[PolicyText]) -> list[str]:
    found = (key for policy in policies for keys in keys_of_statements(policy.text) for key in keys)
    return list({key.lower(): key for key in found}.values())


def _keys(statement: dict[str, Any]) -> Iterator[str]:
    for tests in (statement.get("Condition") or {}).values():
        for key, values in tests.items():
            yield key
            yield from _variables(texts(values))
    yield from _variables([*texts(statement.get("Resource")), *texts(statement.get("NotResource"))])


def _variables(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        yield from (name for name in _VARIABLE.findall(pattern) if name not in _LITERALS)
