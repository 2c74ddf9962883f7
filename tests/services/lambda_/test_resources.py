"""The CloudFormation types' own conversions."""

from fogbank.services.lambda_.resource_properties import taken
from fogbank.services.lambda_.resources import RESOURCES, _inline_zip


def test_each_type_is_declared_once() -> None:
    names = [resource.type_name for resource in RESOURCES]
    assert len(set(names)) == len(names) == 10


def test_text_and_numbers_become_what_the_api_takes() -> None:
    properties = {
        "Timeout": "30",
        "Description": 123,
        "Enabled": "false",
        "Environment": {"Variables": {"N": 1, "ON": True}},
        "ScalingConfig": {"MaximumConcurrency": "10"},
    }
    assert taken(properties, tuple(properties)) == {
        "Timeout": 30,
        "Description": "123",
        "Enabled": False,
        "Environment": {"Variables": {"N": "1", "ON": "true"}},
        "ScalingConfig": {"MaximumConcurrency": 10},
    }


def test_the_same_inline_code_gives_the_same_package() -> None:
    assert _inline_zip("x = 1", "python3.12") == _inline_zip("x = 1", "python3.12")
