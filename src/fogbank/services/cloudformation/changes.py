"""What a change set shows: per resource and property what would be added, changed in place, replaced or removed.

Resources are looked at in the order of their references, since a resource that changes may change those that use it:
a value that will be known only then is shown as `{{changeSet:KNOWN_AFTER_APPLY}}`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from fogbank.core.resource import ResourceState
from fogbank.services.cloudformation import schema
from fogbank.services.cloudformation.graph import in_order
from fogbank.services.cloudformation.intrinsics import SUB, UNKNOWN, Resolver, function_of
from fogbank.services.cloudformation.prepare import Plan, state_of
from fogbank.services.cloudformation.records import STACK_TYPE, Stack, StackResource

# Of a change, what only IncludePropertyValues shows.
VALUES = frozenset(("BeforeContext", "AfterContext"))
TARGET_VALUES = frozenset(("Path", "BeforeValue", "AfterValue", "AttributeChangeType"))


class Reference(msgspec.Struct, frozen=True):
    """A use of a parameter, a resource or a resource's attribute."""

    name: str
    attribute: str = ""


def between(existing: Mapping[str, StackResource], plan: Plan, former: Stack | None) -> list[dict[str, Any]]:
    """The changes with their values, as DescribeChangeSet lists them."""
    return [{"Type": "Resource", "ResourceChange": change} for change in _Comparison(existing, plan, former).changes()]


def without_values(change: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in change["ResourceChange"].items() if name not in VALUES}
    by_resource = {
        detail["Target"].get("Name") for detail in shown["Details"] if detail["ChangeSource"].startswith("Resource")
    }
    shown["Details"] = [
        {
            **detail,
            "Target": {name: value for name, value in detail["Target"].items() if name not in TARGET_VALUES},
        }
        for detail in shown["Details"]
        if not (_is_consequence(detail) and detail["Target"].get("Name") in by_resource)
    ]
    return {**change, "ResourceChange": shown}


def _is_consequence(detail: dict[str, Any]) -> bool:
    return bool(detail["ChangeSource"] == "DirectModification" and detail["Evaluation"] == "Dynamic")


class _Comparison:
    def __init__(self, existing: Mapping[str, StackResource], plan: Plan, former: Stack | None) -> None:
        self.existing = existing
        self.plan = plan
        self.former = former
        self.former_resources = (former.template.get("Resources") or {}) if former is not None else {}
        self.resolver: Resolver = plan.resolver
        self.states: dict[str, ResourceState] = {}
        self.resolver.resources = self.states
        self.changed_parameters = {
            name for name, value in plan.resolved.items() if former is not None and former.resolved.get(name) != value
        }
        self.changed_attributes: dict[str, set[str]] = {}
        self.replaced: set[str] = set()

    def changes(self) -> Iterator[dict[str, Any]]:
        found = {name: self._change(name) for name in in_order(self.plan.graph)}
        for name in self.plan.resources:
            change = found[name]
            if change is not None:
                yield change
        for name, old in self.existing.items():
            if name not in self.plan.resources:
                yield {
                    "PolicyAction": "Retain" if old.deletion_policy == "Retain" else "Delete",
                    "Action": "Remove",
                    "LogicalResourceId": name,
                    "PhysicalResourceId": old.physical_id,
                    "ResourceType": old.type,
                    "Scope": [],
                    "Details": [],
                    "BeforeContext": _context(old.properties),
                }

    def _change(self, name: str) -> dict[str, Any] | None:
        declared = self.plan.resources[name]
        new = self.resolver.value(declared.get("Properties") or {})
        old = self.existing.get(name)
        if old is None:
            return {
                "Action": "Add",
                "LogicalResourceId": name,
                "ResourceType": declared["Type"],
                "Scope": [],
                "Details": [],
                "AfterContext": _context(new),
            }
        return self._modification(name, declared, old, new)

    def _modification(
        self, name: str, declared: Mapping[str, Any], old: StackResource, new: dict[str, Any]
    ) -> dict[str, Any] | None:
        typed = schema.coerced(old.type, new)
        changed = sorted(
            key for key in typed.keys() | old.properties.keys() if typed.get(key) != old.properties.get(key)
        )
        if not changed and old.type != STACK_TYPE:
            self.states[name] = state_of(old)
            return None
        fixed = schema.fixed_changes(old.type, old.properties, typed)
        replaces = bool(fixed)
        details = [detail for key in changed for detail in self._details(name, declared, key, old, new, key in fixed)]
        if not changed:  # a nested stack, whose template may be another by now
            details = [_detail({"Attribute": "Properties", "Name": "TemplateURL", "RequiresRecreation": "Never"},
                               "Automatic", "Dynamic")]  # fmt: skip
        self.changed_attributes[name] = set(changed)
        if replaces:
            self.replaced.add(name)
        else:
            self.states[name] = ResourceState(physical_id=old.physical_id)
        change = {
            "Action": "Modify",
            "LogicalResourceId": name,
            "PhysicalResourceId": old.physical_id,
            "ResourceType": old.type,
            "Replacement": "True" if replaces else "False",
            "Scope": ["Properties"],
            "Details": details,
            "BeforeContext": _context(old.properties),
            "AfterContext": _context(new),
        }
        if replaces:
            retained = declared.get("UpdateReplacePolicy") in ("Retain", "RetainExceptOnCreate")
            change["PolicyAction"] = "ReplaceAndRetain" if retained else "ReplaceAndDelete"
        return change

    def _details(
        self, name: str, declared: Mapping[str, Any], key: str, old: StackResource, new: dict[str, Any], fixed: bool
    ) -> Iterator[dict[str, Any]]:
        """Why a property changes: it was edited, or what it refers to changes."""
        target: dict[str, Any] = {
            "Attribute": "Properties", "Name": key, "Path": f"/Properties/{key}",
            "RequiresRecreation": "Always" if fixed else "Never",
        }  # fmt: skip
        before, after = old.properties.get(key), new.get(key)
        kind = "Modify"
        if key not in old.properties:
            kind = "Add"
        elif key not in new:
            kind = "Remove"
        target["AttributeChangeType"] = kind
        if before is not None:
            target["BeforeValue"] = _as_value(before)
        if after is not None:
            target["AfterValue"] = _as_value(after)
        caused = False
        for reference in dict.fromkeys(_references((declared.get("Properties") or {}).get(key))):
            if reference.name in self.changed_parameters:
                caused = True
                yield _detail(target, "ParameterReference", "Static", reference.name)
            elif reference.name in self.replaced and not reference.attribute:
                caused = True
                yield _detail(target, "ResourceReference", "Static", reference.name)
            elif reference.attribute and reference.name in self.changed_attributes:
                caused = True
                certain = (
                    reference.name in self.replaced or reference.attribute in self.changed_attributes[reference.name]
                )
                entity = f"{reference.name}.{reference.attribute}"
                yield _detail(target, "ResourceAttribute", "Static" if certain else "Dynamic", entity)
        former = (self.former_resources.get(name) or {}).get("Properties") or {}
        edited = former.get(key) != (declared.get("Properties") or {}).get(key)
        yield _detail(target, "DirectModification", "Static" if edited and not caused else "Dynamic")


def _detail(target: dict[str, Any], source: str, evaluation: str, entity: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"Target": target, "Evaluation": evaluation, "ChangeSource": source}
    return {**found, "CausingEntity": entity} if entity else found


def _references(value: Any) -> Iterator[Reference]:
    name = function_of(value)
    if name == "Ref":
        yield Reference(str(value["Ref"]))
    elif name == "Fn::GetAtt":
        path = value[name] if isinstance(value[name], list) else str(value[name]).split(".", 1)
        yield Reference(str(path[0]), ".".join(map(str, path[1:])))
    elif name == "Fn::Sub":
        text = value[name][0] if isinstance(value[name], list) else value[name]
        for found in SUB.findall(str(text)):
            head, _, attribute = found.strip().partition(".")
            yield Reference(head, attribute)
        if isinstance(value[name], list):
            yield from _references(value[name][1])
    elif isinstance(value, dict):
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _context(properties: Mapping[str, Any]) -> str:
    return json.dumps({"Properties": _as_text(properties)}, separators=(",", ":"))


def _as_text(value: Any) -> Any:
    """Every scalar as text; what is known in part only is not known."""
    if isinstance(value, Mapping):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return UNKNOWN if isinstance(value, str) and UNKNOWN in value else str(value)


def _as_value(value: Any) -> str:
    text = _as_text(value)
    return text if isinstance(text, str) else json.dumps(text, separators=(",", ":"))
