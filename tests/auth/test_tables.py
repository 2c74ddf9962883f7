"""Every operation of every service is in its service's authorization table."""

import pytest

from fogbank.core.authorization import Need
from fogbank.services import SERVICES
from fogbank.wire.guard import authorization_of
from fogbank.wire.model import ServiceModel


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


def paths_of(need: Need) -> set[str]:
    texts = [text for text in (*need.resources, *need.keys.values()) if isinstance(text, str)]
    named = {piece for text in texts for piece in __import__("re").findall(r"\{([^}]+)\}", text)}
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
