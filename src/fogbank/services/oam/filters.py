"""The filters of links: which log groups, or metrics of which namespaces, are shared.

https://docs.aws.amazon.com/OAM/latest/APIReference/API_LogGroupConfiguration.html
    LogGroupName LIKE 'aws/lambda/%' OR LogGroupName = 'trail'
    Namespace NOT IN ('AWS/EC2', 'AWS/ELB')
"""

import re
from collections.abc import Callable
from functools import lru_cache

from fogbank.services.oam.errors import InvalidParameter

Test = Callable[[str], bool]

LENGTH_MAX = 2000
_TERM = re.compile(
    r"(?P<field>\w+)\s*(?:(?P<operator>!=|=)|(?<=\s)(?P<word>(?:NOT\s+)?(?:LIKE|IN)))\s*"
    r"(?:(?P<text>'[^']*')|\((?P<list>\s*'[^']*'(?:\s*,\s*'[^']*')*\s*)\))",
    re.IGNORECASE,
)
_JOIN = re.compile(r"\s+(AND|OR)\s+", re.IGNORECASE)


@lru_cache(maxsize=256)
def compiled(text: str, field: str) -> Test:
    """The test of a filter on this field. Raises InvalidParameter, which names it."""
    if not text:
        return lambda name: True
    terms, joins, at = [], set(), 0
    text = text.strip()
    while True:
        match = _TERM.match(text, at)
        if match is None or match["field"] != field or len(text) > LENGTH_MAX:
            raise InvalidParameter(f"The filter is not valid: {text}")
        terms.append(_test(match, text))
        if match.end() == len(text):
            break
        join = _JOIN.match(text, match.end())
        if join is None:
            raise InvalidParameter(f"The filter is not valid: {text}")
        joins.add(join[1].upper())
        at = join.end()
    if len(joins) > 1:
        raise InvalidParameter(f"A filter cannot have both AND and OR: {text}")
    every = all if "AND" in joins else any
    return lambda name: every(term(name) for term in terms)


def _test(match: "re.Match[str]", text: str) -> Test:
    operator = " ".join((match["operator"] or match["word"]).upper().split())
    if (match["list"] is not None) != operator.endswith("IN"):
        raise InvalidParameter(f"The filter is not valid: {text}")
    values = frozenset(re.findall(r"'([^']*)'", match["list"] or match["text"]))
    negated = operator in ("!=", "NOT LIKE", "NOT IN")
    if operator.endswith("LIKE"):
        (pattern,) = values
        like = re.compile(".*".join(re.escape(part) for part in re.split("%+", pattern)), re.DOTALL)
        return lambda name: (like.fullmatch(name) is not None) != negated
    return lambda name: (name in values) != negated
