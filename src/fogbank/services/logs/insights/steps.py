"""A statement as steps, each a SELECT from the one before."""

from typing import NamedTuple


class Step(NamedTuple):
    """`rest` is what stands behind the FROM."""

    select: str
    rest: str = ""


def chained(source: str, steps: list[Step]) -> str:
    """The last step's rows; the first one is from `source`."""
    named = []
    for number, step in enumerate(steps):
        named.append(f"r{number} AS (SELECT {step.select} FROM {source} {step.rest})")
        source = f"r{number}"
    return f"WITH {', '.join(named)} SELECT * FROM {source}"
