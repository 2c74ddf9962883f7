"""Search expressions: `{AWS/SQS,QueueName} MetricName="NumberOfMessagesSent" AND (orders OR NOT test)`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

import msgspec

from fogbank.services.cloudwatch.math_syntax import InvalidExpression

FOUND_MAX = 100  # time series of one search
_SCHEMA = re.compile(r"\s*\{([^}]*)\}")
_TOKEN = re.compile(r'\s*(?:(?P<sign>[()])|(?:(?P<key>[^\s()="]+|"[^"]*")=)?(?P<term>"[^"]*"|[^\s()="]+))')
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class Candidate(msgspec.Struct):
    """A metric that may be found."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]


Test = Callable[[Candidate], bool]


class Search(msgspec.Struct, frozen=True):
    """`namespace` is the one that all that is meant is in, if the search names one."""

    matches: Test
    namespace: str | None = None


@lru_cache(maxsize=256)
def compile_search(text: str) -> Search:
    """Raises InvalidExpression."""
    schema = _SCHEMA.match(text)
    parser = _Parser(text, schema.end() if schema is not None else 0)
    terms = parser.either() if parser.kind else _anything
    if parser.kind:
        raise InvalidExpression("Invalid search expression")
    if schema is None:
        return Search(terms)
    namespace, *dimensions = (part.strip().strip('"') for part in schema[1].split(","))
    names = set(dimensions)
    return Search(
        lambda metric: metric.namespace == namespace and metric.dimensions.keys() == names and terms(metric), namespace
    )


class _Parser:
    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self._at = at
        self.kind = ""
        """What comes next: a parenthesis, AND, OR, NOT, `term`; empty at the end."""
        self._test: Test = _anything
        self._step()

    def either(self) -> Test:
        branches = [self._both()]
        while self.kind == "OR":
            self._step()
            branches.append(self._both())
        return branches[0] if len(branches) == 1 else lambda metric: any(branch(metric) for branch in branches)

    def _both(self) -> Test:
        parts = [self._one()]
        while self.kind in ("AND", "NOT", "(", "term"):  # Terms beside each other must all be there.
            if self.kind == "AND":
                self._step()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda metric: all(part(metric) for part in parts)

    def _one(self) -> Test:
        kind, test = self.kind, self._test
        if kind not in ("NOT", "(", "term"):
            raise InvalidExpression("Invalid search expression")
        self._step()
        if kind == "NOT":
            inner = self._one()
            return lambda metric: not inner(metric)
        if kind == "(":
            inner = self.either()
            if self.kind != ")":
                raise InvalidExpression("Invalid search expression")
            self._step()
            return inner
        return test

    def _step(self) -> None:
        if not self._text[self._at :].strip():
            self.kind = ""
            return
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise InvalidExpression("Invalid search expression")
        self._at = found.end()
        if found["sign"]:
            self.kind = found["sign"]
        elif found["key"] is None and found["term"] in ("AND", "OR", "NOT"):
            self.kind = found["term"]
        else:
            self.kind = "term"
            self._test = _term(found["key"], found["term"])


def _anything(metric: Candidate) -> bool:
    return True


def _term(key: str | None, term: str) -> Test:
    """A term in quotes is a whole value; any other is found in a value's words."""
    if term.startswith('"'):
        whole = term[1:-1]
        return lambda metric: whole in _values(metric, key)
    wanted = _words(term)
    return lambda metric: any(_contains(_words(value), wanted) for value in _values(metric, key))


def _values(metric: Candidate, key: str | None) -> list[str]:
    match key.strip('"') if key else None:
        case None:
            return [metric.namespace, metric.name, *metric.dimensions, *metric.dimensions.values()]
        case "MetricName":
            return [metric.name]
        case "Namespace":
            return [metric.namespace]
        case name:
            return [metric.dimensions[name]] if name in metric.dimensions else []


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(text)]


def _contains(words: list[str], wanted: list[str]) -> bool:
    size = len(wanted)
    return any(words[at : at + size] == wanted for at in range(len(words) - size + 1))
