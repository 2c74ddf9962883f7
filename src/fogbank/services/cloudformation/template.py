"""Template text, JSON or YAML, to plain data: short tags become their long form.

The YAML is CloudFormation's subset: aliases are refused (AWS answers so too), which also takes the sting out of a
"billion laughs" document; duplicate keys and non-string keys are errors; dates stay the text they were written as.
"""

import json
from typing import Any

import yaml

from fogbank.services.cloudformation import parameters
from fogbank.services.cloudformation.errors import ValidationError

BODY_BYTES_MAX = 51_200  # CloudFormation quota: template body in a request
URL_BYTES_MAX = 1_048_576  # ... and of a template in S3
RESOURCES_MAX = 500  # CloudFormation quota: resources declared in a template
DEPTH_MAX = 100

SECTIONS = frozenset((
    "AWSTemplateFormatVersion", "Conditions", "Description", "Globals", "Hooks", "Mappings", "Metadata",
    "Outputs", "Parameters", "Resources", "Rules", "Transform",
))  # fmt: skip
RESOURCE_KEYS = frozenset((
    "Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy",
    "CreationPolicy", "UpdatePolicy", "Connectors", "IgnoreGlobals", "Version",
))  # fmt: skip
UNPREFIXED_TAGS = frozenset(("Ref", "Condition"))

Template = dict[str, Any]


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


def parse(text: str) -> Template:
    """The template as data, with its outline checked; what transforms will make is not."""
    template = load(text)
    check_outline(template, transformed=False)
    return template


def resources(template: Template) -> dict[str, Any]:
    """The resources that are written out: no loops, no transforms' calls."""
    found = template["Resources"].items()
    return {name: resource for name, resource in found if isinstance(resource, dict) and "Type" in resource}


def load_snippet(text: str) -> Any:
    """A part of a template, as AWS::Include takes it."""
    found = _read(text)
    if not isinstance(found, (dict, list)):
        raise ValidationError("Template format error: unsupported structure.")
    return found


def load(text: str) -> Template:
    """The template as data with short tags in their long form; nothing else is checked."""
    try:
        template = _read(text)
    except RecursionError:
        raise ValidationError("Template format error: the template is nested too deeply.") from None
    if not isinstance(template, dict):
        raise ValidationError("Template format error: unsupported structure.")
    return template


def _read(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=dict)
        except ValueError:
            pass  # a YAML flow mapping may start so too
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
        raise ValidationError(f"Template format error: YAML not well-formed.{where}") from None
    except (yaml.YAMLError, ValueError):
        raise ValidationError("Template format error: YAML not well-formed.") from None


def check_outline(template: Template, *, transformed: bool = True) -> None:
    """The sections and the outline of every resource; AWS words these as `Template format error`."""
    unknown = [name for name in template if name not in SECTIONS and (transformed or not name.startswith("Fn::"))]
    if unknown:
        raise ValidationError(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = template.get("AWSTemplateFormatVersion")
    if version is not None and str(version) != "2010-09-09":
        raise ValidationError("Template format error: " + str(version) + " is not a supported value.")
    for section in ("Parameters", "Mappings", "Conditions", "Outputs", "Resources", "Rules"):
        if section in template and not isinstance(template[section], dict):
            raise ValidationError(f"Template format error: {section} must be an object.")
    resources = template.get("Resources")
    if not resources and not transformed and (template.get("Transform") or "Fn::Transform" in template):
        template["Resources"] = resources = {}
    elif not resources:
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    if len(resources) > RESOURCES_MAX:
        raise ValidationError(
            f"Template format error: Number of resources, {len(resources)}, is greater than maximum allowed, 500"
        )
    if "Hooks" in template:
        raise ValidationError("Template section Hooks is not implemented by Fogbank")
    for name in template.get("Parameters") or {}:
        if not name.isalnum() or not name.isascii():
            raise ValidationError(f"Template format error: Parameter name {name} is non alphanumeric.")
    parameters.check_declared(template.get("Parameters") or {})
    for name, resource in resources.items():
        if not transformed and (
            name.startswith("Fn::") or (isinstance(resource, dict) and "Fn::Transform" in resource)
        ):
            continue
        _check_resource(name, resource)


def _check_resource(name: str, resource: Any) -> None:
    if not name.isalnum() or not name.isascii():
        raise ValidationError(f"Template format error: Resource name {name} is non alphanumeric.")
    if not isinstance(resource, dict):
        raise ValidationError("Template format error: Every Resources object must be an object.")
    if not isinstance(resource.get("Type"), str):
        raise ValidationError(
            f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        )
    for key in resource:
        if key not in RESOURCE_KEYS:
            raise ValidationError(f"Invalid template resource property '{key}'")
    if not isinstance(resource.get("Condition", ""), str):
        raise ValidationError(f"Template format error: [/Resources/{name}/Condition] must be a string.")
    depends = resource.get("DependsOn", [])
    if not all(isinstance(item, str) for item in (depends if isinstance(depends, list) else [depends])):
        raise ValidationError(
            f"Template format error: [/Resources/{name}/DependsOn] DependsOn must be a string or list of strings."
        )
    if not isinstance(resource.get("Properties") or {}, dict):
        raise ValidationError(f"[/Resources/{name}/Properties] 'null' values are not allowed in templates")
