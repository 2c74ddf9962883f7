"""Properties of CloudFormation types as API Gateway's operations take them."""

from typing import Any

Patch = dict[str, Any]


def member(name: str) -> str:
    """`RestApiId` as the API calls it: `restApiId`."""
    return name[:1].lower() + name[1:]


def flag(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def given(properties: dict[str, Any], *names: str) -> dict[str, Any]:
    """The properties of those names as the API's parameters."""
    return {member(name): properties[name] for name in names if name in properties}


def replace(path: str, value: Any) -> Patch:
    return {"op": "replace", "path": path, "value": str(value).lower() if isinstance(value, bool) else str(value)}


def escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def map_changes(path: str, before: dict[str, Any], after: dict[str, Any]) -> list[Patch]:
    """The patches that make one map of another."""
    gone = [{"op": "remove", "path": f"{path}/{escaped(key)}"} for key in before if key not in after]
    new = [
        {**replace(f"{path}/{escaped(key)}", value), "op": "add"}
        for key, value in after.items()
        if before.get(key) != value
    ]
    return gone + new
