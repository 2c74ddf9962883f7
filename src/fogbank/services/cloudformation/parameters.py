"""Template parameters: from what the caller gave to what `Ref` sees.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.intrinsics import UNKNOWN

SSM_PREFIX = "AWS::SSM::Parameter::Value<"
HIDDEN = "****"  # what NoEcho parameters are described as

Lookup = Callable[[str], str | None]


NUMBERS = ("MinLength", "MaxLength", "MinValue", "MaxValue")


def check_declared(declared: Mapping[str, Any]) -> None:
    """The outline of the Parameters section."""
    for name, spec in declared.items():
        if not isinstance(spec, dict) or not isinstance(spec.get("Type"), str):
            raise ValidationError(
                f"Template format error: [/Parameters/{name}] Every Parameters object must contain a Type member."
            )
        if not isinstance(spec.get("AllowedValues", []), list):
            raise ValidationError(f"Template format error: [/Parameters/{name}/AllowedValues] must be a list.")
        for key in NUMBERS:
            if key in spec and not _is_number(spec[key]):
                raise ValidationError(f"Template format error: [/Parameters/{name}/{key}] must be a number.")
        try:
            re.compile(str(spec.get("AllowedPattern", "")))
        except re.error:
            raise ValidationError(
                f"Template format error: [/Parameters/{name}/AllowedPattern] must be a regular expression."
            ) from None


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def bind(
    declared: Mapping[str, Any],
    given: Mapping[str, str],
    *,
    previous: Mapping[str, str],
    use_previous: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """The raw text value of every declared parameter: given, previous or default."""
    unknown = sorted((given.keys() | use_previous) - declared.keys())
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values: dict[str, str] = {}
    missing: list[str] = []
    for name, spec in declared.items():
        if name in use_previous and name in previous:
            values[name] = previous[name]
        elif name in given:
            values[name] = given[name]
        elif "Default" in spec:
            values[name] = as_text(spec["Default"])
        else:
            missing.append(name)
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        _check(name, value, declared[name])
    return values


def resolve(declared: Mapping[str, Any], raw: Mapping[str, str], *, lookup: Lookup) -> dict[str, Any]:
    """What `Ref` gives: lists split, SSM parameters looked up."""
    return {name: _resolve(declared[name], raw[name], lookup) for name in raw}


def _resolve(spec: Mapping[str, Any], value: str, lookup: Lookup) -> Any:
    kind = str(spec.get("Type", "String"))
    if kind.startswith(SSM_PREFIX):
        found = lookup(value)
        if found is None:
            raise ValidationError(f"Unable to fetch parameters [{value}] from parameter store for this account.")
        kind, value = kind[len(SSM_PREFIX) : -1], found
    if kind.startswith("List<") or kind == "CommaDelimitedList":
        return [part.strip() for part in value.split(",")]
    return value


def describe(name: str, spec: Mapping[str, Any], value: str, resolved: Any) -> dict[str, Any]:
    if str(spec.get("NoEcho", "")).lower() == "true":
        return {"ParameterKey": name, "ParameterValue": HIDDEN}
    answer = {"ParameterKey": name, "ParameterValue": value}
    if str(spec.get("Type", "")).startswith(SSM_PREFIX):
        answer["ResolvedValue"] = ",".join(resolved) if isinstance(resolved, list) else resolved
    return answer


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(as_text, value))
    return str(value)


def _check(name: str, value: str, spec: Mapping[str, Any]) -> None:
    kind = str(spec.get("Type", "String"))
    if kind.startswith(SSM_PREFIX) or UNKNOWN in value:
        return
    listed = kind.startswith("List<") or kind == "CommaDelimitedList"
    for part in [item.strip() for item in value.split(",")] if listed else [value]:
        _check_one(name, part, spec, number="Number" in kind)


def _check_one(name: str, value: str, spec: Mapping[str, Any], *, number: bool) -> None:
    described = spec.get("ConstraintDescription")
    failed = (
        f"Parameter '{name}' failed to satisfy constraint: {described}" if described else f"Parameter '{name}' must "
    )
    if number:
        try:
            amount = float(value)
        except ValueError:
            raise ValidationError(f"Parameter '{name}' must be a number.") from None
        if "MinValue" in spec and amount < float(spec["MinValue"]):
            raise ValidationError(failed if described else f"{failed}be a number not less than {spec['MinValue']}")
        if "MaxValue" in spec and amount > float(spec["MaxValue"]):
            raise ValidationError(failed if described else f"{failed}be a number not greater than {spec['MaxValue']}")
    if "AllowedValues" in spec and value not in map(as_text, spec["AllowedValues"]):
        allowed = ", ".join(map(as_text, spec["AllowedValues"]))
        raise ValidationError(failed if described else f"{failed}be one of AllowedValues [{allowed}]")
    if "AllowedPattern" in spec and not re.fullmatch(str(spec["AllowedPattern"]), value):
        raise ValidationError(failed if described else f"{failed}match pattern {spec['AllowedPattern']}")
    if "MinLength" in spec and len(value) < float(spec["MinLength"]):
        raise ValidationError(failed if described else f"{failed}contain at least {spec['MinLength']} characters")
    if "MaxLength" in spec and len(value) > float(spec["MaxLength"]):
        raise ValidationError(failed if described else f"{failed}contain at most {spec['MaxLength']} characters")
