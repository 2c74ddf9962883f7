"""The rules of composite alarms: `ALARM("a") AND (OK(b) OR NOT INSUFFICIENT_DATA("c"))`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from fogbank.services.cloudwatch.errors import ValidationError

CHILDREN_MAX = 100
_TOKEN = re.compile(
    r"\s*(?:(?P<state>OK|ALARM|INSUFFICIENT_DATA)\s*\(\s*(?:\"(?P<quoted>[^\"]+)\"|(?P<bare>[^\s()\"]+))\s*\)"
    r"|(?P<word>AND|OR|NOT|TRUE|FALSE)\b|(?P<sign>[()]))"
)

StateOf = Callable[[str], str]
"""The state of the alarm of that name or ARN."""
Test = Callable[[StateOf], bool]


class AlarmRule(msgspec.Struct, frozen=True):
    """A rule that was read: `test` tells whether it holds, `children` are the alarms it names, as they are written."""

    test: Test
    children: tuple[str, ...]


@lru_cache(maxsize=256)
def parse_rule(text: str) -> AlarmRule:
    parser = _Parser(text)
    test = parser.either()
    if parser.word or len(parser.children) > CHILDREN_MAX:
        raise invalid(text)
    return AlarmRule(test, tuple(dict.fromkeys(parser.children)))


def invalid(text: str) -> ValidationError:
    return ValidationError(f"Could not parse the alarm rule: {text}")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.word = ""
        """What comes next: a word, a parenthesis, `state`; empty at the end."""
        self._test: Test = _always
        self.children: list[str] = []
        self._step()

    def either(self) -> Test:
        branches = [self._both()]
        while self.word == "OR":
            self._step()
            branches.append(self._both())
        return branches[0] if len(branches) == 1 else lambda state_of: any(branch(state_of) for branch in branches)

    def _both(self) -> Test:
        parts = [self._one()]
        while self.word == "AND":
            self._step()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda state_of: all(part(state_of) for part in parts)

    def _one(self) -> Test:
        word, test = self.word, self._test
        self._depth += 1
        if self._depth > CHILDREN_MAX or word not in ("state", "TRUE", "FALSE", "NOT", "("):
            raise invalid(self._text)
        self._step()
        match word:
            case "TRUE":
                test = _always
            case "FALSE":
                test = _never
            case "NOT":
                test = _negated(self._one())
            case "(":
                test = self.either()
                if self.word != ")":
                    raise invalid(self._text)
                self._step()
        self._depth -= 1
        return test

    def _step(self) -> None:
        if not self._text[self._at :].strip():
            self.word = ""
            return
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise invalid(self._text)
        self._at = found.end()
        if found["state"]:
            child = found["quoted"] or found["bare"]
            self.children.append(child)
            self.word, self._test = "state", _is_in(child, found["state"])
        else:
            self.word = found["word"] or found["sign"]


def _is_in(child: str, state: str) -> Test:
    return lambda state_of: state_of(child) == state


def _negated(test: Test) -> Test:
    return lambda state_of: not test(state_of)


def _always(state_of: StateOf) -> bool:
    return True


def _never(state_of: StateOf) -> bool:
    return False
