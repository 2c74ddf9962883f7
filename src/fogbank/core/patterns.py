"""Event patterns: EventBridge's language, shared by rules, event source mappings, pipes and SNS.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html

A pattern is compiled once into closures; matching an event then parses and allocates next to nothing.
Callers keep the result. The rules, as EventBridge's own matcher has them:
- Every key of the pattern must match; of a key's list of alternatives, one is enough.
- An array in the event matches if one of its elements does; keys below it must match in the same element.
- Only scalars are compared: an object under a leaf's key is as good as absent.
- `a.b` as a key is the same path as `b` inside `a`, in the pattern and in the event.
"""

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from fogbank.core.errors import AwsError
from fogbank.core.pattern_source import Array, Leaf, Node, Object, Source, SourceError, scalars

Match = Callable[[Mapping[str, Any]], bool]
Test = Callable[[Any], bool]
_Matcher = Callable[[Any], bool]

_ABSENT = object()
_RESERVED = frozenset(
    {
        "exact",
        "prefix",
        "suffix",
        "equals-ignore-case",
        "wildcard",
        "anything-but",
        "numeric",
        "exists",
        "cidr",
    }
)
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
# The service estimates how many states its automaton would be in at once, by a measure that is not published;
# a wildcard pattern that repeats the same text behind this many wildcards is refused in recordings.
_WILDCARD_REPEATS_MAX = 4


class InvalidEventPattern(AwsError):
    code = "InvalidEventPatternException"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Event pattern is not valid. Reason: {reason}")


def compile_pattern(pattern: str | Mapping[str, Any]) -> Match:
    """The pattern as a function of an event. Raises InvalidEventPattern with AWS's reason."""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern, ensure_ascii=False)
    source = Source(text)
    try:
        root = source.parse()
        if not isinstance(root, Object):
            raise source.error("Filter is not an object", root.seen)
        return _Compiler(source).object(root)
    except SourceError as error:
        raise InvalidEventPattern(str(error)) from None


def compile_alternatives(values: list[Any]) -> _Matcher:
    """One key's list of alternatives as a function of the value under that key (SNS attribute policies)."""
    source = Source(json.dumps(values, ensure_ascii=False))
    try:
        node = source.parse()
        assert isinstance(node, Array)
        return _Compiler(source).alternatives(node)
    except SourceError as error:
        raise InvalidEventPattern(str(error)) from None


ABSENT: Any = _ABSENT
"""What a matcher of alternatives is given for a key that is not there."""


class _Compiler:
    """Checks the tree of a pattern and turns it into closures."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def _fail(self, reason: str, node: Node, *, read: bool = False) -> SourceError:
        return self._source.error(reason, node.end if read else node.seen)

    def _fail_in_list(self, reason: str, node: Node) -> SourceError:
        """AWS's matcher names the place twice for an element of anything-but's list."""
        error = self._fail(reason, node)
        return SourceError(f"{error}{str(error).removeprefix(reason)}")

    # ---- structure ----------------------------------------------------------------------------------------

    def object(self, node: Object) -> _Matcher:
        if not node.members:
            raise self._fail("Empty objects are not allowed", node, read=True)
        leaves: list[tuple[str, _Matcher]] = []
        objects: list[tuple[str, _Matcher]] = []
        others: list[_Matcher] = []
        for key, child in node.members.items():
            if key == "$or" and _is_or(child):
                others.append(self._either(child))
            elif isinstance(child, Object):
                objects.append((key, self.object(child)))
            elif isinstance(child, Array):
                leaves.append((key, self.alternatives(child)))
            else:
                raise self._fail(f'"{key}" must be an object or an array', child)
        return _match_object(leaves, objects, others)

    def _either(self, node: Node) -> _Matcher:
        assert isinstance(node, Array)
        branches = [self.object(item) for item in node.items if isinstance(item, Object)]
        return lambda event: any(branch(event) for branch in branches)

    def alternatives(self, node: Array) -> _Matcher:
        if not node.items:
            raise self._fail("Empty arrays are not allowed", node, read=True)
        strings: set[str] = set()
        numbers: set[int | float] = set()
        words: set[bool | None] = set()
        tests: list[Test] = []
        exists: set[bool] = set()
        for item in node.items:
            if isinstance(item, Array):
                raise self._fail("Match value must be String, number, true, false, or null", item)
            if isinstance(item, Object):
                self._operator(item, tests, exists)
            elif isinstance(item.value, str):
                strings.add(item.value)
            elif isinstance(item.value, bool) or item.value is None:
                words.add(item.value)
            else:
                numbers.add(item.value)
        return _match_leaf(frozenset(strings), frozenset(numbers), frozenset(words), tests, exists)

    # ---- operators ----------------------------------------------------------------------------------------

    def _operator(self, node: Object, tests: list[Test], exists: set[bool]) -> None:
        if not node.members:
            raise self._fail("Empty objects are not allowed", node, read=True)
        (name, operand), *more = node.members.items()
        if name == "exists":
            if not isinstance(operand, Leaf) or not isinstance(operand.value, bool):
                raise self._fail("exists match pattern must be either true or false.", operand)
            exists.add(operand.value)
        else:
            tests.append(self._test(name, operand))
        if more:
            raise self._fail("Only one key allowed in match expression", more[0][1])

    def _test(self, name: str, operand: Node) -> Test:
        match name:
            case "prefix" | "suffix":
                return self._affix(name, operand)
            case "equals-ignore-case":
                folded = self._text(operand, "equals-ignore-case match pattern must be a string").lower()
                return lambda value: type(value) is str and value.lower() == folded
            case "wildcard":
                matches = self._wildcard(operand).fullmatch
                return lambda value: type(value) is str and matches(value) is not None
            case "anything-but":
                return self._anything_but(operand)
            case "numeric":
                return self._numeric(operand)
            case "cidr":
                return self._cidr(operand)
            case "exact":
                text = self._text(operand, "exact match pattern must be a string")
                return lambda value: type(value) is str and value == text
            case _:
                raise self._fail(f"Unrecognized match type {name}", operand)

    def _text(self, node: Node, reason: str, *, read: bool = False) -> str:
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            raise self._fail(reason, node, read=read)
        return node.value

    def _affix(self, name: str, operand: Node) -> Test:
        """A prefix or suffix; `{"equals-ignore-case": …}` inside it ignores case."""
        if isinstance(operand, Object) and list(operand.members) == ["equals-ignore-case"]:
            inner = operand.members["equals-ignore-case"]
            folded = self._text(inner, f"{name} match pattern must be a string").lower()
            if name == "prefix":
                return lambda value: type(value) is str and value.lower().startswith(folded)
            return lambda value: type(value) is str and value.lower().endswith(folded)
        text = self._text(operand, f"{name} match pattern must be a string")
        if name == "prefix":
            return lambda value: type(value) is str and value.startswith(text)
        return lambda value: type(value) is str and value.endswith(text)

    def _wildcard(self, node: Node) -> re.Pattern[str]:
        text = self._text(node, "wildcard match pattern must be a string")
        parts: list[str] = [""]
        at = 0
        while at < len(text):
            character = text[at]
            if character == "\\":
                if text[at + 1 : at + 2] not in ("*", "\\"):
                    raise self._fail(f"Invalid escape character at pos {at + 1}", node, read=True)
                parts[-1] += text[at + 1]
                at += 2
                continue
            if character == "*":
                if text[at + 1 : at + 2] == "*":
                    raise self._fail(f"Consecutive wildcard characters at pos {at + 1}", node, read=True)
                parts.append("")
            else:
                parts[-1] += character
            at += 1
        behind = [part for part in parts[1:] if part]
        if any(behind.count(part) >= _WILDCARD_REPEATS_MAX for part in set(behind)):
            # This one is found when the automaton is built, so AWS names no place.
            raise SourceError(
                "Rule is too complex - try using fewer wildcard characters or fewer repeating character "
                "sequences after a wildcard character"
            )
        return re.compile(_wildcard_expression(parts), re.DOTALL)

    def _anything_but(self, operand: Node) -> Test:
        """Anything but the values; null and other types are something else, an absent key does not match."""
        invalid = "Value of anything-but must be an array or single string/number value."
        if isinstance(operand, Object):
            if not operand.members:
                raise self._fail("Empty objects are not allowed", operand, read=True)
            (name, inner), *more = operand.members.items()
            if more:
                raise self._fail("Only one key allowed in match expression", more[0][1])
            unwanted = self._anything_but_operator(name, inner, invalid)
            return lambda value: not any(test(value) for test in unwanted)
        if isinstance(operand, Array):
            if not operand.items:
                raise self._fail("Empty arrays are not allowed", operand, read=True)
            for item in operand.items:
                if not isinstance(item, Leaf) or isinstance(item.value, bool) or item.value is None:
                    reason = "Inside anything but list, start|null|boolean is not supported."
                    raise self._fail_in_list(reason, item)
        elif isinstance(operand.value, bool) or operand.value is None:
            raise self._fail(invalid, operand)
        values = operand if isinstance(operand, Array) else Array([operand], operand.start, operand.end)
        matches = self.alternatives(values)
        return lambda value: not matches(value)

    def _anything_but_operator(self, name: str, operand: Node, invalid: str) -> list[Test]:
        if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise self._fail(f"Unsupported anything-but pattern: {name}", operand)
        if isinstance(operand, Object):
            raise self._fail(invalid, operand)
        operands = operand.items if isinstance(operand, Array) else [operand]
        if not operands:
            raise self._fail("Empty arrays are not allowed", operand, read=True)
        for item in operands:
            if not isinstance(item, Leaf) or not isinstance(item.value, str):
                fail = self._fail_in_list if isinstance(operand, Array) else self._fail
                raise fail(_ANYTHING_BUT_TYPES[name], item)
            if not item.value and name in ("prefix", "suffix"):
                raise self._fail("Null prefix/suffix not allowed", item, read=True)
        return [self._test(name, item) for item in operands]

    def _numeric(self, operand: Node) -> Test:
        if not isinstance(operand, Array):
            raise self._fail("Value of numeric must be an array.", operand)
        items = operand.items
        if not items:
            raise self._fail("Invalid member in numeric match: ]", operand, read=True)
        bounds: list[tuple[Callable[[Any, Any], bool], int | float]] = []
        for at in range(0, len(items), 2):
            sign = items[at]
            if at == 4:
                raise self._fail("Too many terms in numeric range expression", sign)
            if at and not items[0].value.startswith(">"):  # type: ignore[union-attr]
                raise self._fail("Too many elements in numeric expression", sign)
            if not isinstance(sign, Leaf) or not isinstance(sign.value, str):
                kind = "Bad value in numeric range" if at else "Invalid member in numeric match"
                raise self._fail(f"{kind}: {self._source.text[sign.start : sign.end]}", sign)
            name = sign.value
            value = items[at + 1] if at + 1 < len(items) else None
            if at and name not in ("<", "<="):
                raise self._fail(f"Bad numeric range operator: {name}", sign, read=True)
            if name not in _COMPARE:
                # AWS has read the next token before it looks at the first operator.
                place = operand.end if value is None else value.seen
                raise self._source.error(f"Unrecognized numeric range operator: {name}", place)
            if not isinstance(value, Leaf) or isinstance(value.value, str | bool) or value.value is None:
                place = operand.end if value is None else value.seen
                word = "equals" if name == "=" else name
                raise self._source.error(f"Value of {word} must be numeric", place)
            bounds.append((_COMPARE[name], value.value))
        if len(bounds) == 2 and bounds[0][1] >= bounds[1][1]:
            raise self._fail("Bottom must be less than top", operand, read=True)
        return lambda value: type(value) in (int, float) and all(test(value, bound) for test, bound in bounds)

    def _cidr(self, operand: Node) -> Test:
        # The words of AWS's own matcher, which calls this a prefix.
        text = self._text(operand, "prefix match pattern must be a string")
        address, *mask = text.split("/")
        if len(mask) != 1:
            raise SourceError("Malformed CIDR, one '/' required")
        if not mask[0].isdigit():
            raise SourceError("Malformed CIDR, mask bits must be an integer")
        try:
            base = ipaddress.ip_address(address)
        except ValueError:
            raise SourceError(f"Nonstandard IP address: {address}") from None
        if int(mask[0]) > base.max_prefixlen:
            raise SourceError(f"IPv{base.version} mask bits must be < {base.max_prefixlen + 1}")
        shift = base.max_prefixlen - int(mask[0])
        version, network = base.version, int(base) >> shift

        def inside(value: Any) -> bool:
            if type(value) is not str:
                return False
            try:
                there = ipaddress.ip_address(value)
            except ValueError:
                return False
            return there.version == version and int(there) >> shift == network

        return inside


_ANYTHING_BUT_TYPES = {
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "wildcard": "wildcard match pattern must be a string",
    "equals-ignore-case": ("Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."),
}


def _is_or(node: Node) -> bool:
    """`$or` is a key like any other unless it holds at least two objects that are no match expressions."""
    return (
        isinstance(node, Array)
        and len(node.items) >= 2
        and all(isinstance(item, Object) and not _RESERVED & item.members.keys() for item in node.items)
    )


def _wildcard_expression(parts: list[str]) -> str:
    """Each part at its first place behind the one before, in atomic groups: no text takes long to refuse."""
    first, *rest = map(re.escape, parts)
    if not rest:
        return first
    return first + "".join(f"(?>.*?{part})" for part in rest[:-1] if part) + ".*" + rest[-1]


# ---- closures ---------------------------------------------------------------------------------------------


def _match_object(
    leaves: list[tuple[str, _Matcher]], objects: list[tuple[str, _Matcher]], others: list[_Matcher]
) -> _Matcher:
    # The cheap comparisons first: most events are told apart by their source or type.
    def match(event: Any) -> bool:
        if not isinstance(event, dict):
            return _match_in_list(match, event)
        for key, test in leaves:
            value = event.get(key, _ABSENT)
            if value is _ABSENT and "." in key:
                value = _walk(event, key)
            if not test(value):
                return False
        for key, test in objects:
            value = event.get(key, _ABSENT)
            if value is _ABSENT:
                value = _walk(event, key) if "." in key else _below(event, key)
            if not test(value):
                return False
        return all(test(event) for test in others)

    return match


def _match_in_list(match: _Matcher, event: Any) -> bool:
    """One element of an array must match as a whole; what is no object has no keys."""
    if isinstance(event, list):
        found = [item for item in event if isinstance(item, dict | list)]
        if found:
            return any(match(item) for item in found)
    return match({})


def _walk(event: Any, path: str) -> Any:
    """The value under a dotted key, if the event nests it."""
    for part in path.split("."):
        if not isinstance(event, dict) or part not in event:
            return _ABSENT
        event = event[part]
    return event


def _below(event: dict[str, Any], key: str) -> dict[str, Any]:
    """What the event holds under keys that begin with `key.`."""
    start = key + "."
    return {name[len(start) :]: value for name, value in event.items() if name.startswith(start)}


def _match_leaf(
    strings: frozenset[str],
    numbers: frozenset[int | float],
    words: frozenset[bool | None],
    tests: list[Test],
    exists: set[bool],
) -> _Matcher:
    present, absent = True in exists, False in exists

    def match_scalar(value: Any) -> bool:
        if present:
            return True
        if type(value) is str:
            found = value in strings
        elif value is None or type(value) is bool:
            found = value in words
        else:
            found = value in numbers
        return found or any(test(value) for test in tests)

    def match(value: Any) -> bool:
        if type(value) is str and value in strings:
            return True
        if type(value) is list:
            found = list(scalars(value))
            return any(map(match_scalar, found)) if found else absent
        if value is _ABSENT or isinstance(value, dict):
            return absent
        return match_scalar(value)

    return match
