"""Which parameters a list asks for.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html
All filters must match, and one of a filter's values is enough.
"""

from collections.abc import Callable, Iterable
from typing import Any

from fogbank.services.ssm.errors import InvalidFilterKey, InvalidFilterOption, InvalidFilterValue, Validation
from fogbank.services.ssm.names import lies_under, qualified_name
from fogbank.services.ssm.records import Parameter

LABEL = "Label"
PATH = "Path"
_TAG = "tag:"
_EQUALS, _BEGINS, _CONTAINS = "Equals", "BeginsWith", "Contains"
_RECURSIVE, _ONE_LEVEL = "Recursive", "OneLevel"
_DESCRIBED_KEYS = (PATH, "Name", "Type", "KeyId", "Tier", "DataType")
_PATH_KEYS = ("Type", "KeyId", LABEL)
_ENUMS = {
    "Type": ("String", "StringList", "SecureString"),
    "Tier": ("Standard", "Advanced", "Intelligent-Tiering"),
}
_TESTS: dict[str, Callable[[str, str], bool]] = {
    _EQUALS: lambda text, value: text == value,
    _BEGINS: lambda text, value: text.startswith(value),
    _CONTAINS: lambda text, value: value in text,
}


def check_described_filters(filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The filters of DescribeParameters, with their options."""
    keys = [each["Key"] for each in filters]
    duplicated = sorted({key for key in keys if keys.count(key) > 1})
    if duplicated:
        raise Validation(
            f"The following filters are duplicated in the request: {', '.join(duplicated)}. "
            "A request can contain only one occurrence of a specific filter."
        )
    if PATH in keys and "Name" in keys:
        raise Validation("Filters Name and Path can't be used together.")
    return [_checked(each, _DESCRIBED_KEYS, tags=True) for each in filters]


def check_path_filters(filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The filters of GetParametersByPath."""
    return [_checked(each, _PATH_KEYS, tags=False) for each in filters]


def legacy_filters(filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """DescribeParameters' older filters as the newer ones: names are matched by how they begin."""
    return [
        {"Key": each["Key"], "Option": _BEGINS if each["Key"] == "Name" else _EQUALS, "Values": each["Values"]}
        for each in filters
    ]


def matches(filters: list[dict[str, Any]], parameter: Parameter) -> bool:
    return all(_matches_one(each, parameter) for each in filters)


def _checked(given: dict[str, Any], keys: tuple[str, ...], *, tags: bool) -> dict[str, Any]:
    key = given["Key"]
    if key not in keys and not (tags and key.startswith(_TAG)):
        raise InvalidFilterKey(
            f"The following filter key is not valid: {key}. Valid filter keys include: [{', '.join(keys)}]."
        )
    options = _options(key)
    option = given.get("Option", options[-1])
    if option not in options:
        raise InvalidFilterOption(
            f"The following filter option is not valid: {option}. Valid options include: [{', '.join(options)}]."
        )
    values = given.get("Values") or []
    if not values and not key.startswith(_TAG):
        raise InvalidFilterValue(f"The following filter values are missing : null for filter key {key}.")
    for value in values:
        _check_value(key, value)
    return {"Key": key, "Option": option, "Values": values}


def _options(key: str) -> tuple[str, ...]:
    """The options of a key; the last one is the default."""
    if key == PATH:
        return (_RECURSIVE, _ONE_LEVEL)
    if key == LABEL:
        return (_EQUALS,)
    return (_BEGINS, _CONTAINS, _EQUALS) if key == "Name" else (_BEGINS, _EQUALS)


def _check_value(key: str, value: str) -> None:
    valid = _ENUMS.get(key)
    if valid is not None and value not in valid:
        raise InvalidFilterValue(
            f"The following filter value is not valid: {value}. Valid values include: [{', '.join(valid)}]."
        )
    if key == PATH:
        if value.lower().startswith(("/aws", "/ssm")):
            raise Validation('Filters for common parameters can\'t be prefixed with "aws" or "ssm" (case-insensitive).')
        if not value.startswith("/"):
            raise Validation(
                "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a "
                'forward slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
            )


def _matches_one(given: dict[str, Any], parameter: Parameter) -> bool:
    key, option, values = given["Key"], given["Option"], given["Values"]
    if key == PATH:
        recursive = option == _RECURSIVE
        return any(lies_under(parameter.name, value, recursive=recursive) for value in values)
    if key == LABEL:
        return True  # The version that is looked at was chosen by its labels.
    if key.startswith(_TAG):
        tag = parameter.tags.get(key.removeprefix(_TAG))
        return tag is not None and (not values or _any(_TESTS[option], [tag], values))
    if key == "Name":
        names = {parameter.name, qualified_name(parameter.name)}
        return _any(_TESTS[option], names, values)
    return _any(_TESTS[option], [_ATTRIBUTES[key](parameter)], values)


def _any(test: Callable[[str, str], bool], texts: Iterable[str], values: list[str]) -> bool:
    return any(test(text, value) for text in texts for value in values)


_ATTRIBUTES: dict[str, Callable[[Parameter], str]] = {
    "DataType": lambda parameter: parameter.data_type,
    "KeyId": lambda parameter: parameter.key_id,
    "Tier": lambda parameter: parameter.tier,
    "Type": lambda parameter: parameter.type,
}
