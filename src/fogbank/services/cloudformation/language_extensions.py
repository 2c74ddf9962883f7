"""AWS::LanguageExtensions: loops, lengths, JSON text, defaults of mappings, functions where only text was allowed.

What depends on parameters and mappings alone is replaced now; what a resource will give stays for the deployment.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-aws-languageextensions.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.intrinsics import Resolver, function_of

TRANSFORM = "AWS::LanguageExtensions"
LOOP = "Fn::ForEach::"
FUNCTIONS = frozenset(("Fn::Length", "Fn::ToJsonString"))
TEXT_FUNCTIONS = frozenset(("Fn::Join", "Fn::Select", "Fn::Split", "Fn::Sub"))
LOOPS_DEPTH_MAX = 5  # Fn::ForEach: "up to five levels of nesting"

Bindings = Mapping[str, str]


def expand(template: dict[str, Any], resolver: Resolver) -> dict[str, Any]:
    found: dict[str, Any] = _Expansion(resolver).value(template, {}, depth=0)
    return found


def uses(value: Any) -> str | None:
    """A function that only the language extensions have, if `value` calls one."""
    if isinstance(value, dict):
        name = function_of(value)
        if name in FUNCTIONS or (name == "Fn::FindInMap" and isinstance(value[name], list) and len(value[name]) > 3):
            return str(name)
        loop = next((key for key in value if key.startswith(LOOP)), None)
        return loop or next(filter(None, map(uses, value.values())), None)
    if isinstance(value, list):
        return next(filter(None, map(uses, value)), None)
    return None


class _Expansion:
    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver

    def value(self, value: Any, bound: Bindings, *, depth: int) -> Any:
        if isinstance(value, str):
            return _substitute(value, bound)
        if isinstance(value, list):
            return [self.value(item, bound, depth=depth) for item in value]
        if not isinstance(value, dict):
            return value
        if function_of(value) == "Ref" and value["Ref"] in bound:
            return bound[value["Ref"]]
        found: dict[str, Any] = {}
        for key, item in value.items():
            if key.startswith(LOOP):
                for name, made in self._loop(key, item, bound, depth=depth + 1):
                    if name in found:
                        raise ValidationError(f"Template error: {key} makes {name} twice")
                    found[name] = made
            else:
                found[_substitute(key, bound)] = self.value(item, bound, depth=depth)
        return self._static(found, looped=bool(bound))

    def _loop(self, name: str, value: Any, bound: Bindings, *, depth: int) -> Iterator[tuple[str, Any]]:
        if not isinstance(value, list) or len(value) != 3 or not isinstance(value[2], dict):
            raise ValidationError(f"{name} layout is incorrect")
        identifier = value[0]
        if not isinstance(identifier, str) or identifier in self.resolver.names or identifier in bound:
            raise ValidationError(f"{name}: the identifier {identifier} is not a name of its own")
        if depth > LOOPS_DEPTH_MAX:
            raise ValidationError(f"{name} is nested too deeply: {LOOPS_DEPTH_MAX} levels are allowed")
        collection = self.resolver.value(self.value(value[1], bound, depth=depth))
        if not isinstance(collection, list):
            raise ValidationError(f"{name}: the collection must be a list")
        for item in collection:
            made = self.value(value[2], {**bound, identifier: str(item)}, depth=depth)
            yield from made.items()

    def _static(self, value: dict[str, Any], *, looped: bool) -> Any:
        """A call that depends on parameters alone, replaced by its value."""
        name = function_of(value)
        argument = value[name] if name else None
        if name == "Ref" and isinstance(argument, dict):
            return {"Ref": self.resolver.value(argument)}
        if name == "Fn::GetAtt" and isinstance(argument, list):
            return {"Fn::GetAtt": [self.resolver.value(part) for part in argument]}
        extended = name == "Fn::FindInMap" and isinstance(argument, list) and (
            len(argument) > 3 or any(isinstance(part, dict) for part in argument)
        )  # fmt: skip
        if name in FUNCTIONS or extended or (looped and name in TEXT_FUNCTIONS and not _refers(argument)):
            try:
                return self.resolver.value(value)
            except ValidationError:
                if extended:
                    raise
        return value


def _refers(value: Any) -> bool:
    if isinstance(value, dict):
        return function_of(value) is not None or any(map(_refers, value.values()))
    if isinstance(value, list):
        return any(map(_refers, value))
    return isinstance(value, str) and "${" in value


def _substitute(text: str, bound: Bindings) -> str:
    """`${Identifier}`, and `&{Identifier}` for its letters and digits only (for names)."""
    for name, value in bound.items():
        text = text.replace(f"${{{name}}}", value).replace(f"&{{{name}}}", re.sub(r"[^a-zA-Z0-9]", "", value))
    return text
