"""A stack's outputs and exports."""

from typing import Any

from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.graph import attribute_references
from fogbank.services.cloudformation.intrinsics import Resolver
from fogbank.services.cloudformation.parameters import HIDDEN
from fogbank.services.cloudformation.records import Export, Stack, Tables


def resolve(template: dict[str, Any], resolver: Resolver, *, masked: frozenset[str]) -> list[dict[str, Any]]:
    """The outputs as DescribeStacks shows them; `masked` are resources whose attributes must not be shown."""
    found = []
    for name, output in (template.get("Outputs") or {}).items():
        if "Condition" in output and not resolver.condition(output["Condition"]):
            continue
        value = _text(resolver.value(output["Value"]))
        if masked and not masked.isdisjoint(attribute_references(output["Value"])):
            value = HIDDEN
        answer = {"OutputKey": name, "OutputValue": value}
        if "Description" in output:
            answer["Description"] = str(output["Description"])
        if "Export" in output:
            answer["ExportName"] = str(resolver.value(output["Export"]["Name"]))
        found.append(answer)
    return found


def export(tables: Tables, stack: Stack, outputs: list[dict[str, Any]]) -> None:
    """Make the exports those of `outputs`; what another stack imports may neither change nor go."""
    wanted = {output["ExportName"]: output["OutputValue"] for output in outputs if "ExportName" in output}
    place = (stack.account, stack.region)
    for (_, _, name), found in list(tables.exports.scan(place)):
        if found.stack_id == stack.id and wanted.get(str(name)) != found.value:
            check_unused(tables, stack, str(name), "update" if name in wanted else "delete")
            tables.exports.delete((*place, name))
    for name, value in wanted.items():
        taken = tables.exports.get((*place, name))
        if taken is not None and taken.stack_id != stack.id:
            raise ValidationError(
                f"Export with name {name} is already exported by stack {taken.stack_id.split('/')[1]}."
            )
        tables.exports.put((*place, name), Export(stack_id=stack.id, value=value))


def withdraw(tables: Tables, stack: Stack) -> None:
    for key, found in list(tables.exports.scan((stack.account, stack.region))):
        if found.stack_id == stack.id:
            tables.exports.delete(key)


def check_unused(tables: Tables, stack: Stack, name: str, verb: str) -> None:
    users = [
        other.name
        for _, other in tables.stacks.scan((stack.account, stack.region))
        if name in other.imports and other.status != "DELETE_COMPLETE" and other.id != stack.id
    ]
    if users:
        raise ValidationError(f"Cannot {verb} export {name} as it is in use by {users[0]}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        raise ValidationError("Template format error: Output value must be a string")
    return str(value)
