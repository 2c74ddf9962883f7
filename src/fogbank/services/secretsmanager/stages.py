"""Staging labels: which version of a secret is the current one, the one before it, and the one that is being made.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
A label is on one version at most. When AWSCURRENT moves on, the version that had it becomes AWSPREVIOUS, and if that
one was AWSPENDING, too, it is no longer.
"""

from collections.abc import Iterable, Mapping

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"
PENDING = "AWSPENDING"

LABELS_MAX = 20
"""Of all versions of a secret together."""


def attached(stages: Mapping[str, str], version: str, labels: Iterable[str]) -> dict[str, str]:
    """The stages once `version` has these labels, whichever versions had them before."""
    found = dict(stages)
    for label in labels:
        former = found.get(label, version)
        if label == CURRENT and former != version:
            if found.get(PENDING) == former:
                del found[PENDING]
            found[PREVIOUS] = former
        found[label] = version
    return found


def labels_of(stages: Mapping[str, str], version: str) -> list[str]:
    return sorted(label for label, labelled in stages.items() if labelled == version)


def versions_to_stages(stages: Mapping[str, str]) -> dict[str, list[str]]:
    return {version: labels_of(stages, version) for version in dict.fromkeys(stages.values())}
