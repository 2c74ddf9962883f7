"""Filter policies: EventBridge's pattern language with SNS's own limits, over attributes or the body.

https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fogbank.core.pattern_source import Source, SourceError
from fogbank.core.patterns import ABSENT, InvalidEventPattern, compile_alternatives, compile_pattern
from fogbank.core.targets import as_text
from fogbank.services.sns.envelope import Message
from fogbank.services.sns.errors import InvalidParameter

KEYS_MAX = 5
COMBINATIONS_MAX = 150
BODY = "MessageBody"
Filter = Callable[[Message], bool]


def check_policy(text: str, scope: str, *, where: str) -> None:
    """Refuse what SNS refuses; `where` begins its sentence: `FilterPolicy: ` or `Attributes Reason: …`."""
    try:
        Source(text).parse()
        policy = json.loads(text)
    except (SourceError, ValueError) as error:
        place = str(error).rpartition("; line: ")[2]
        reason = str(error).partition("\n at [Source")[0]
        redacted = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
        raise InvalidParameter(
            f"{where}failed to parse JSON. {reason}\n at [Source: {redacted}; line: {place}"
        ) from None
    if not isinstance(policy, dict):
        raise InvalidParameter(f"{where}Filter policy must be a JSON object")
    if not policy:
        return
    keys, combinations = _measure(policy)
    if keys > KEYS_MAX:
        raise InvalidParameter(f"{where}Filter policy can not have more than {KEYS_MAX} keys")
    unknown = _unknown_operator(policy)
    if unknown is not None:
        raise InvalidParameter(where + unknown)
    try:
        compile_pattern(as_text(policy))
    except InvalidEventPattern as error:
        raise InvalidParameter(where + error.reason) from None
    if scope != BODY and _is_nested(policy):
        raise InvalidParameter("Filter policy scope MessageAttributes does not support nested filter policy")
    if combinations > COMBINATIONS_MAX:
        raise InvalidParameter(f"{where}Filter policy is too complex")


def _unknown_operator(policy: Mapping[str, Any]) -> str | None:
    """What SNS does not take of EventBridge's pattern language, as SNS words it."""
    for key, value in policy.items():
        if isinstance(value, dict):
            inner = [_unknown_operator(value)]
        elif key == "$or":
            inner = [_unknown_operator(branch) for branch in _objects(value)]
        else:
            inner = [_unknown_test(test) for test in _objects(value)]
        if any(inner):
            return next(filter(None, inner))
    return None


def _unknown_test(test: Mapping[str, Any]) -> str | None:
    if "wildcard" in test:
        return "Unrecognized match type wildcard"
    anything_but = test.get("anything-but")
    if isinstance(anything_but, dict) and "prefix" not in anything_but:
        return f"Unsupported anything-but pattern: {next(iter(anything_but), '')}"
    if isinstance(anything_but, dict) and not isinstance(anything_but["prefix"], str):
        return "prefix match pattern must be a string"
    return None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [element for element in value if isinstance(element, dict)] if isinstance(value, list) else []


def _is_nested(policy: Mapping[str, Any]) -> bool:
    return any(isinstance(value, dict) for key, value in policy.items() if key != "$or")


def _expanded(value: Any) -> Any:
    """The same with `{"a.b": 1}` as `{"a": {"b": 1}}`: SNS takes both forms for the same path."""
    if isinstance(value, list):
        return [_expanded(element) for element in value] if any(isinstance(e, dict) for e in value) else value
    if not isinstance(value, dict):
        return value
    answer: dict[str, Any] = {}
    for key, inner in value.items():
        *path, last = key.split(".")
        node = answer
        for step in path:
            below = node.get(step)
            node[step] = node = below if isinstance(below, dict) else {}
        inner = _expanded(inner)
        there = node.get(last)
        node[last] = {**there, **inner} if isinstance(there, dict) and isinstance(inner, dict) else inner
    return answer


def _measure(policy: Mapping[str, Any], depth: int = 1) -> tuple[int, int]:
    """How many keys a policy has and how many combinations of values: nesting multiplies them."""
    keys, combinations = 0, 1
    for key, value in policy.items():
        if key == "$or" and isinstance(value, list):
            branches = [_measure(item, depth) for item in value if isinstance(item, dict)]
            keys += sum(count for count, _ in branches)
            combinations *= max(sum(count for _, count in branches), 1)
        elif isinstance(value, dict):
            inner_keys, inner = _measure(value, depth + 1)
            keys += inner_keys
            combinations *= inner
        else:
            keys += 1
            combinations *= max(len(value) if isinstance(value, list) else 1, 1) * depth
    return keys, combinations


def compile_filter(text: str, scope: str) -> Filter:
    """The policy as a function of a message. `text` has been checked."""
    policy = json.loads(text)
    if not policy:
        return lambda message: True
    if scope == BODY:
        policy = _expanded(policy)
        match = compile_pattern(policy)
        if _is_nested(policy):
            return lambda message: _match_body(lambda body: match(_expanded(body)), message)
        return lambda message: _match_body(match, message)
    by_attributes = _compile_attributes(policy)
    return lambda message: by_attributes(message.attributes)


def _match_body(match: Callable[[Mapping[str, Any]], bool], message: Message) -> bool:
    try:
        body = msgspec.json.decode(message.body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(body, dict) and match(body)


def _compile_attributes(policy: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    tests = [
        (key, compile_alternatives(values))
        for key, values in policy.items()
        if not (key == "$or" and isinstance(values, list) and len(values) >= 2)
    ]
    branches = [
        [_compile_attributes(branch) for branch in values]
        for key, values in policy.items()
        if key == "$or" and isinstance(values, list) and len(values) >= 2
    ]

    def match(attributes: Mapping[str, Any]) -> bool:
        for key, test in tests:
            attribute = attributes.get(key)
            if not test(ABSENT if attribute is None else _value(attribute)):
                return False
        return all(any(branch(attributes) for branch in either) for either in branches)

    return match


def _value(attribute: Mapping[str, Any]) -> Any:
    """An attribute as the pattern language sees it; binary ones are only there or not."""
    data_type: str = attribute["DataType"]
    if data_type == "String.Array":
        try:
            return msgspec.json.decode(attribute["StringValue"])
        except msgspec.DecodeError:
            return attribute["StringValue"]
    if data_type.startswith("Number"):
        try:
            return json.loads(attribute["StringValue"])
        except ValueError:
            return attribute["StringValue"]
    if data_type.startswith("Binary"):
        return b""
    return attribute["StringValue"]
