"""From a query's text to what runs it. Imported when the first query is started."""

from typing import NamedTuple

from fogbank.services.logs.insights.compiler import compile_query
from fogbank.services.logs.insights.execution import Execution
from fogbank.services.logs.insights.parser import parse
from fogbank.services.logs.insights.syntax import Regex, Source


class Planned(NamedTuple):
    """A query that is ready to run; whether its regular expressions are sound, the engine has to say."""

    execution: Execution
    fields: list[str]
    located: bool
    source: Source | None
    regexes: tuple[Regex, ...]


def planned(text: str, *, limit: int, now_s: int) -> Planned:
    """Raises MalformedQuery, and NotImplemented for commands that are not there."""
    query = parse(text)
    plan = compile_query(query, limit=limit, now_s=now_s)
    return Planned(Execution(plan), list(plan.names), plan.located, query.source, query.regexes)
