"""Templates in YAML: short tags become their long form.

It is CloudFormation's subset: aliases are refused (AWS answers so too), which also takes the sting out of a
"billion laughs" document; duplicate keys and non-string keys are errors; dates stay the text they were written as.
"""

from typing import Any

import yaml

from fogbank.services.cloudformation.errors import ValidationError

DEPTH_MAX = 100
UNPREFIXED_TAGS = frozenset(("Ref", "Condition"))


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """SafeLoader without timestamps, with CloudFormation's tags."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, (dict, list)):
            raise ValidationError("Template format error: Map keys must be strings; received a collection instead")
        key = key if isinstance(key, str) else str(key_node.value)
        if key in found:
            line = key_node.start_mark.line + 1
            raise ValidationError(f'Template error: duplicate key "{key}" on line {line}')
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _tagged(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = node.value
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in UNPREFIXED_TAGS else f"Fn::{suffix}": value}


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_multi_constructor("!", _tagged)
_Loader.construct_mapping = lambda self, node, deep=False: _mapping(self, node)


class NotWellFormed(ValidationError):
    """The text is no YAML at all."""


def read_yaml(text: str) -> Any:
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                raise ValidationError("Template error: YAML aliases are not allowed in CloudFormation templates")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH_MAX:
                raise ValidationError("Template format error: the template is nested too deeply.")
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        if "nesting" in (error.problem or ""):  # newer libyaml has a limit of its own and reads ahead of the events
            raise ValidationError("Template format error: the template is nested too deeply.") from None
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise NotWellFormed(f"Template format error: YAML not well-formed.{where}") from None
    except (yaml.YAMLError, ValueError):
        raise NotWellFormed("Template format error: YAML not well-formed.") from None
