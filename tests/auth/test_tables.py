"""Every operation of every service is in its service's authorization table, with all that it needs."""

import re

import pytest

from fogbank.core.authorization import Need
from fogbank.core.service import parameters_taken
from fogbank.services import SERVICES
from fogbank.wire.guard import authorization_of
from fogbank.wire.model import Ref, ServiceModel


def operations_of(package: str) -> set[str]:
    """The operations that a service has, by the names of its model and of its doors."""
    entry = SERVICES[package]
    module = __import__(entry.module, fromlist=["__all__"])
    service = getattr(module, module.__all__[0])
    model = ServiceModel.load(entry.model)
    return {name for name in model.operations if hasattr(service, model.xform(name))}


@pytest.mark.parametrize("package", sorted(SERVICES))
def test_every_operation_of_a_service_is_in_its_table(package: str) -> None:
    table = authorization_of(SERVICES[package].module)
    assert operations_of(package) - table.operations.keys() == set()


@pytest.mark.parametrize("package", sorted(SERVICES))
def test_a_table_names_operations_and_parameters_that_there_are(package: str) -> None:
    entry = SERVICES[package]
    table, model = authorization_of(entry.module), ServiceModel.load(entry.model)
    doors = {door.operation for door in entry.doors} | {"PostObject", "AnswerPreflight"}
    assert table.operations.keys() - model.operations.keys() - doors == set()
    wrong = {
        f"{name}: {path}"
        for name, operation in model.operations.items()
        for need in table.needs(name) or ()
        for path in paths_of(need)
        if operation.input is None or not is_member(model, operation.input.shape, path)
    }
    assert wrong == set()


@pytest.mark.parametrize("package", sorted(SERVICES.keys() - {"iam", "sts"}))
def test_who_hands_a_role_to_a_service_needs_to_pass_it(package: str) -> None:
    entry = SERVICES[package]
    table, model = authorization_of(entry.module), ServiceModel.load(entry.model)
    module = __import__(entry.module, fromlist=["__all__"])
    service = getattr(module, module.__all__[0])
    unasked = {
        name
        for name, operation in model.operations.items()
        if (handler := getattr(service, model.xform(name), None)) is not None and operation.input is not None
        for member, ref in model.shapes[operation.input.shape].members.items()
        if member in parameters_taken(handler).names and holds_role(model, member, ref)
        if all(need.action != "iam:PassRole" for need in table.needs(name) or ())
    }
    assert unasked == set()


def holds_role(model: ServiceModel, name: str, ref: Ref) -> bool:
    """Whether a member is the ARN of a role or has one in it."""
    seen: set[str] = set()
    waiting = [(name, ref)]
    while waiting:
        name, ref = waiting.pop()
        shape = model.shapes[ref.shape]
        if shape.type == "string" and name.lower().endswith(("role", "rolearn")):
            return True
        if ref.shape not in seen:
            seen.add(ref.shape)
            waiting += shape.members.items()
            waiting += [("", inner) for inner in (shape.member, shape.value) if inner is not None]
    return False


def paths_of(need: Need) -> set[str]:
    texts = [text for text in (*need.resources, *need.keys.values()) if isinstance(text, str)]
    named = {piece for text in texts for piece in re.findall(r"\{([^}]+)\}", text)}
    named |= {path for path in (need.when, need.tags, need.tag_keys) if isinstance(path, str) and path}
    return named - {"partition", "region", "account"}


def is_member(model: ServiceModel, shape_name: str, path: str) -> bool:
    """Whether a path leads through the members of a structure, its lists and its maps."""
    for step in path.split("."):
        shape = model.shapes[shape_name]
        if step == "keys()":
            return shape.type == "map"
        ref = shape.members.get(step.removesuffix("[]"))
        if ref is None and shape.value is not None:
            ref = shape.value
        if ref is None:
            return False
        shape_name = ref.shape
        if step.endswith("[]"):
            member = model.shapes[shape_name].member
            if member is None:
                return False
            shape_name = member.shape
    return True
