"""Template text, JSON or YAML, to plain data, and its outline."""

import json
from typing import Any

from fogbank.services.cloudformation import parameters
from fogbank.services.cloudformation.errors import ValidationError

BODY_BYTES_MAX = 51_200  # CloudFormation quota: template body in a request
URL_BYTES_MAX = 1_048_576  # ... and of a template in S3
RESOURCES_MAX = 500  # CloudFormation quota: resources declared in a template

SECTIONS = frozenset((
    "AWSTemplateFormatVersion", "Conditions", "Description", "Globals", "Hooks", "Mappings", "Metadata",
    "Outputs", "Parameters", "Resources", "Rules", "Transform",
))  # fmt: skip
RESOURCE_KEYS = frozenset((
    "Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy",
    "CreationPolicy", "UpdatePolicy", "Connectors", "IgnoreGlobals", "Version",
))  # fmt: skip

Template = dict[str, Any]


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
    not_json: json.JSONDecodeError | None = None
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=dict)
        except json.JSONDecodeError as error:
            not_json = error  # a YAML flow mapping may start so too
    # Reading YAML's machinery takes longer than most templates, and tools send JSON.
    from fogbank.services.cloudformation.template_yaml import NotWellFormed, read_yaml

    try:
        return read_yaml(text)
    except NotWellFormed:
        if not_json is None:
            raise
        where = f"(line {not_json.lineno}, column {not_json.colno})"
        raise ValidationError(f"Template format error: JSON not well-formed. {where}") from None


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
