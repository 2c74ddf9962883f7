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
    nested = any(isinstance(value, dict) for key, value in policy.items() if key != "$or")
    if scope != BODY and nested:
        raise InvalidParameter("Filter policy scope MessageAttributes does not support nested filter policy")
    keys, combinations = _measure(policy)
    if keys > KEYS_MAX:
        raise InvalidParameter(f"{where}Filter policy can not have more than {KEYS_MAX} keys")
    try:
        compile_pattern(as_text(policy))
    except InvalidEventPattern as error:
        raise InvalidParameter(where + error.reason) from None
    if combinations > COMBINATIONS_MAX:
        raise InvalidParameter(f"{where}Filter policy is too complex")


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
        match = compile_pattern(policy)
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
