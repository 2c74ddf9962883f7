"""Fields of a tenant's document to a function's inputs, and its outputs to fields."""

import copy
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "map": (dict,),
}


class Mismatch(Exception):
    """A field is not there or not of its type; the message names it."""


def inputs_of(document: Any, inputs: dict[str, str], fields: dict[str, str]) -> dict[str, Any]:
    """What the function is given: only the fields that its spec names."""
    return {name: _checked(_found(document, field), field, fields[field]) for name, field in inputs.items()}


def with_outputs(document: Any, answer: Any, outputs: dict[str, str], fields: dict[str, str]) -> Any:
    """The document with the function's outputs in their fields. What its spec does not name goes nowhere."""
    if not isinstance(answer, dict):
        raise Mismatch("the function did not answer with an object")
    changed = copy.deepcopy(document)
    for name, field in outputs.items():
        if name not in answer:
            raise Mismatch(f"the function gave no {name}")
        holder = changed
        *path, last = field.split(".")
        for part in path:
            holder = holder.setdefault(part, {})
            if not isinstance(holder, dict):
                raise Mismatch(f"{field} cannot be set: {part} is no object")
        holder[last] = _checked(answer[name], field, fields[field])
    return changed


def _found(document: Any, field: str) -> Any:
    for part in field.split("."):
        if not isinstance(document, dict) or part not in document:
            raise Mismatch(f"{field} is missing")
        document = document[part]
    return document


def _checked(value: Any, field: str, kind: str) -> Any:
    if not isinstance(value, TYPES[kind]) or (kind == "number" and isinstance(value, bool)):
        raise Mismatch(f"{field} is no {kind}")
    return value
