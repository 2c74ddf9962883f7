"""Early validation against AWS's resource provider schemas, which cfn-lint carries as data files.

Only the data is used: importing cfn-lint costs half a second, reading one schema a millisecond. A value that an
intrinsic function makes is not checked, since it is not known yet.
"""

import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fogbank.core.numerals import whole_number
from fogbank.services.cloudformation import dynamic
from fogbank.services.cloudformation.intrinsics import function_of

Schema = dict[str, Any]
DEPTH_MAX = 30


@cache
def _folder() -> Path | None:
    found = importlib.util.find_spec("cfnlint")
    return Path(found.origin).parent / "data" / "schemas" if found and found.origin else None


@cache
def _types() -> Mapping[str, str]:
    folder = _folder()
    if folder is None:
        return {}
    found: dict[str, str] = json.loads((folder / "providers" / "us-east-1.json").read_text())
    return found


@cache
def load(type_name: str) -> Schema | None:
    """The schema of a type; None if AWS has no such type (or publishes no schema of it)."""
    name = _types().get(type_name)
    folder = _folder()
    if name is None or folder is None:
        return None
    found: Schema = json.loads((folder / "resources" / f"{name}.json").read_text())
    return found


def is_known(type_name: str) -> bool:
    return type_name in _types()


def fixed_changes(type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The top-level properties whose change from `before` to `after` replaces the resource."""
    paths = [path.split("/")[2:] for path in (load(type_name) or {}).get("createOnlyProperties", ())]
    return {path[0] for path in paths if _at(before, path) != _at(after, path)}


def _at(value: Any, path: Sequence[str]) -> Any:
    """What lies at the path; of a list, what lies there of each element."""
    if not path:
        return value
    if isinstance(value, list):
        return [_at(element, path[1:] if path[0] == "*" else path) for element in value]
    return _at(value.get(path[0]), path[1:]) if isinstance(value, Mapping) else None


@cache
def permissions(type_name: str, verb: str) -> frozenset[str] | None:
    """The actions, in lower case and maybe with a `*` behind, that AWS's handler needs to `create`, `update` or
    `delete` a resource of the type; None if that is not published.
    """
    handler = (load(type_name) or {}).get("handlers", {}).get(verb)
    return None if handler is None else frozenset(action.lower() for action in handler.get("permissions", ()))


def has_system_tags(type_name: str) -> bool:
    """Whether CloudFormation gives resources of the type tags that say whose they are."""
    return bool((load(type_name) or {}).get("tagging", {}).get("cloudFormationSystemTags"))


def identifiers(type_name: str) -> list[str]:
    """The properties that identify a resource of the type."""
    return [path.split("/")[2] for path in (load(type_name) or {}).get("primaryIdentifier", ())]


def is_named(type_name: str) -> bool:
    """Whether a name that the template may give identifies a resource of the type."""
    fixed = {path.split("/")[2] for path in (load(type_name) or {}).get("readOnlyProperties", ())}
    return len(identifiers(type_name)) == 1 and fixed.isdisjoint(identifiers(type_name))


def given_name(type_name: str, properties: Mapping[str, Any]) -> str:
    """The name that the template gives to a resource of a named type; empty if it gives none."""
    return str(properties.get(identifiers(type_name)[0], ""))


def problems(type_name: str, properties: Mapping[str, Any]) -> Iterator[str]:
    """What AWS would refuse: unknown, missing, misspelt or wrongly typed properties."""
    schema = load(type_name)
    if schema is not None:
        yield from _check(schema, properties, schema, path="#", depth=0)


def coerced(type_name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Resolved properties with the schema's types: CloudFormation takes "5" for 5, and parameters are always text."""
    schema = load(type_name)
    if schema is None:
        return properties
    found: dict[str, Any] = _coerce(schema, properties, schema, depth=0)
    return found


def _coerce(part: Any, value: Any, root: Schema, *, depth: int) -> Any:
    if not isinstance(part, dict) or depth > DEPTH_MAX:
        return value
    part = _follow(part, root)
    kind = part.get("type")
    if isinstance(value, dict):
        declared = part.get("properties") or {}
        return {name: _coerce(declared.get(name), item, root, depth=depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_coerce(part.get("items"), item, root, depth=depth + 1) for item in value]
    if kind == "string" and isinstance(value, (bool, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str):
        return value
    if kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    whole = whole_number(value.removeprefix("-"))
    if whole is not None and kind in ("integer", "number"):
        return -whole if value.startswith("-") else whole
    if kind == "number" and _is_number(value):
        return float(value)
    return value


def _check(part: Any, value: Any, root: Schema, *, path: str, depth: int) -> Iterator[str]:
    if value is None:
        yield f"{path}: 'null' values are not allowed in templates"
    if function_of(value) is not None or dynamic.is_dynamic(value) or not isinstance(part, dict) or depth > DEPTH_MAX:
        return
    part = _follow(part, root)
    kind = part.get("type")
    if isinstance(value, dict) and "properties" in part:
        yield from _check_object(part, value, root, path=path, depth=depth)
    elif isinstance(value, list) and "items" in part:
        for index, item in enumerate(value):
            yield from _check(part["items"], item, root, path=f"{path}/{index}", depth=depth + 1)
    elif kind == "object" and isinstance(value, str) and "properties" in part:
        yield f"{path}: expected type: JSONObject, found: String"
    elif isinstance(kind, str):
        yield from _check_type(kind, value, path)


def _check_object(part: Schema, value: dict[str, Any], root: Schema, *, path: str, depth: int) -> Iterator[str]:
    declared = part["properties"]
    patterns = part.get("patternProperties")
    # A conditional property may turn out to be AWS::NoValue only at deployment: its presence counts.
    for name in part.get("required", ()):
        if name not in value:
            yield f"{path}: required key [{name}] not found"
    for name, item in value.items():
        if name in declared:
            yield from _check(declared[name], item, root, path=f"{path}/{name}", depth=depth + 1)
        elif part.get("additionalProperties") is False and not patterns:
            yield f"{path}: extraneous key [{name}] is not permitted"


def _check_type(kind: str, value: Any, path: str) -> Iterator[str]:
    # CloudFormation takes "5" for 5, "true" for true and 5 for "5".
    collection = isinstance(value, (dict, list))
    text = str(value)
    if kind == "array" and not isinstance(value, list):
        yield f"{path}: expected type: JSONArray, found: {_json_name(value)}"
    elif kind == "object" and not isinstance(value, dict):
        if not isinstance(value, str):
            yield f"{path}: expected type: JSONObject, found: {_json_name(value)}"
    elif kind == "string" and collection:
        yield f"{path}: expected type: String, found: {_json_name(value)}"
    elif kind == "boolean" and text.lower() not in ("true", "false"):
        yield f"{path}: expected type: Boolean, found: {_json_name(value)}"
    elif kind in ("integer", "number") and (collection or isinstance(value, bool) or not _is_number(text)):
        yield f"{path}: expected type: {kind.capitalize()}, found: {_json_name(value)}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _json_name(value: Any) -> str:
    return {dict: "JSONObject", list: "JSONArray", str: "String", bool: "Boolean", int: "Integer"}.get(
        type(value), "Null"
    )


def _follow(part: Schema, root: Schema) -> Schema:
    for _ in range(DEPTH_MAX):
        target = part.get("$ref")
        if not isinstance(target, str):
            return part
        found: Any = root
        for step in target.removeprefix("#/").split("/"):
            found = found.get(step, {})
        part = found
    return part
