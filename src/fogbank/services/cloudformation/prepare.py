"""From template text to a plan: everything that can be refused is refused here, before anything is created."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.resource import ResourceState, ResourceType
from fogbank.services.cloudformation import dynamic, graph, parameters, rules, sam, schema, template
from fogbank.services.cloudformation.errors import InsufficientCapabilities, ValidationError
from fogbank.services.cloudformation.graph import Graph
from fogbank.services.cloudformation.intrinsics import Resolver

IAM_TYPES = frozenset(
    f"AWS::IAM::{kind}" for kind in ("Group", "InstanceProfile", "ManagedPolicy", "Policy", "Role", "User",
    "AccessKey", "UserToGroupAddition")
)  # fmt: skip
IAM_NAMES = ("RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName")
CUSTOM = re.compile(r"Custom::[\w@-]{1,60}")
BUILT_IN_TRANSFORMS = frozenset((sam.TRANSFORM, "AWS::LanguageExtensions"))


class Plan(msgspec.Struct):
    """A stack as it shall be."""

    original: str
    template: dict[str, Any]
    pseudo: dict[str, Any]
    given: dict[str, str]
    previous: dict[str, str]
    use_previous: frozenset[str]
    capabilities: list[str]
    import_value: Callable[[str], str] | None = None
    parameters: dict[str, str] = {}
    resolved: dict[str, Any] = {}
    resources: dict[str, Any] = {}
    graph: Graph = {}
    resolver: Any = None
    reviewed: bool = False
    """Whether a change set shows what transforms made, so that CAPABILITY_AUTO_EXPAND is not needed."""


def pseudo(ctx: Context, *, name: str, stack_id: str, notification_arns: list[str]) -> dict[str, Any]:
    return {
        "AWS::AccountId": ctx.account,
        "AWS::Region": ctx.region,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": name,
        "AWS::StackId": stack_id,
        "AWS::NotificationARNs": notification_arns,
    }


async def prepare(ctx: Context, plan: Plan) -> Plan:
    for step in PASSES:
        await step(ctx, plan)
    return plan


async def parse(ctx: Context, plan: Plan) -> None:
    plan.template = template.parse(plan.original)


async def bind_parameters(ctx: Context, plan: Plan) -> None:
    declared = plan.template.get("Parameters") or {}
    plan.parameters = parameters.bind(declared, plan.given, previous=plan.previous, use_previous=plan.use_previous)
    ssm = {
        value: await dynamic.parameter(ctx, value)
        for name, value in plan.parameters.items()
        if str(declared[name].get("Type", "")).startswith(parameters.SSM_PREFIX)
    }
    plan.resolved = parameters.resolve(declared, plan.parameters, lookup=ssm.get)


async def expand_transforms(ctx: Context, plan: Plan) -> None:
    declared = sam.transforms(plan.template)
    for name in declared:
        if name not in BUILT_IN_TRANSFORMS:
            raise ValidationError(f"No transform named {name} found.")
    if not declared:
        return
    if not plan.reviewed and "CAPABILITY_AUTO_EXPAND" not in plan.capabilities:
        raise InsufficientCapabilities("Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
    if sam.TRANSFORM in declared:
        plan.template = await sam.expand(plan.template, plan.resolved, region=ctx.region)
        # The translator may have added parameters with defaults of its own.
        added = {
            name: spec for name, spec in (plan.template.get("Parameters") or {}).items() if name not in plan.parameters
        }
        extra = parameters.bind(added, {}, previous={})
        plan.parameters |= extra
        plan.resolved |= parameters.resolve(added, extra, lookup=lambda name: None)


async def evaluate_conditions(ctx: Context, plan: Plan) -> None:
    declared = plan.template["Resources"]
    plan.resolver = Resolver(
        pseudo=plan.pseudo,
        parameters=plan.resolved,
        mappings=plan.template.get("Mappings") or {},
        conditions=plan.template.get("Conditions") or {},
        declared=frozenset(declared),
        preview=True,
    )
    rules.check(plan.template.get("Rules") or {}, plan.resolver)
    for name in plan.resolver.conditions:
        plan.resolver.condition(name)
    plan.resources = {
        name: resource
        for name, resource in declared.items()
        if "Condition" not in resource or plan.resolver.condition(resource["Condition"])
    }


async def check_capabilities(ctx: Context, plan: Plan) -> None:
    needed = capabilities_of(plan.resources)
    has = set(plan.capabilities)
    if needed and not (has & {"CAPABILITY_NAMED_IAM"} or (needed == ["CAPABILITY_IAM"] and "CAPABILITY_IAM" in has)):
        raise InsufficientCapabilities(f"Requires capabilities : [{needed[0]}]")


def capabilities_of(resources: Mapping[str, Any]) -> list[str]:
    found = [resource for resource in resources.values() if resource["Type"] in IAM_TYPES]
    named = any(name in (resource.get("Properties") or {}) for resource in found for name in IAM_NAMES)
    return ["CAPABILITY_NAMED_IAM"] if named else ["CAPABILITY_IAM"] if found else []


async def check_types(ctx: Context, plan: Plan) -> None:
    """A type must be one of AWS's even where a condition leaves the resource out, else one of Fogbank's, too."""
    unknown: list[str] = []
    missing: list[str] = []
    for name, resource in plan.template["Resources"].items():
        kind = resource["Type"]
        if find_type(ctx, kind) is not None:
            continue
        if not schema.is_known(kind) and not CUSTOM.fullmatch(kind):
            unknown.append(kind)
        elif name in plan.resources:
            missing.append(kind)
    if unknown:
        raise ValidationError(
            f"Template format error: Unrecognized resource types: [{', '.join(sorted(set(unknown)))}]"
        )
    if missing:
        raise ValidationError(f"Resource types not implemented by Fogbank: [{', '.join(sorted(set(missing)))}]")


def find_type(ctx: Context, name: str) -> ResourceType | None:
    if CUSTOM.fullmatch(name):
        name = "AWS::CloudFormation::CustomResource"
    return ctx.cloud.resource_type(name)


async def check_properties(ctx: Context, plan: Plan) -> None:
    for name, resource in plan.resources.items():
        properties = resource.get("Properties") or {}
        check_schema(name, resource["Type"], properties)
        dynamic.check(properties)
        kind = find_type(ctx, resource["Type"])
        assert kind is not None  # check_types came before
        extra = sorted(
            key
            for key, value in properties.items()
            if "*" not in kind.supported and key not in kind.supported and not plan.resolver.is_absent(value)
        )
        if extra:
            raise ValidationError(
                f"Resource {name}: properties of {resource['Type']} not implemented by Fogbank: [{', '.join(extra)}]"
            )


def check_schema(name: str, type_name: str, properties: dict[str, Any]) -> None:
    """Also called with resolved properties, when what functions gave is known."""
    found = list(schema.problems(type_name, properties))
    if found:
        raise ValidationError(f"Properties validation failed for resource {name} with message:\n" + "\n".join(found))


async def build_graph(ctx: Context, plan: Plan) -> None:
    plan.graph = graph.build(plan.resources, known=frozenset(plan.template["Resources"]), resolver=plan.resolver)
    for name, output in (plan.template.get("Outputs") or {}).items():
        if not isinstance(output, dict) or "Value" not in output:
            raise ValidationError(f"Template format error: Every Outputs member must contain a Value object ({name})")
        if not isinstance(output.get("Condition", ""), str):
            raise ValidationError(f"Template format error: Output {name} must have a Condition that is a string")
        export = output.get("Export", {"Name": ""})
        if not isinstance(export, dict) or "Name" not in export:
            raise ValidationError(f"Template format error: Output {name} is malformed: Export must have a Name")
        for target in graph.references(output["Value"], None):
            if target not in plan.template["Resources"] and target not in plan.resolver.names:
                raise ValidationError(
                    f"Unresolved resource dependencies [{target}] in the Outputs block of the template"
                )


PASSES = (
    parse,
    bind_parameters,
    expand_transforms,
    evaluate_conditions,
    check_types,
    check_capabilities,
    check_properties,
    build_graph,
)


def outline(plan: Plan) -> tuple[Graph, dict[str, Any]]:
    """Graph and resources of a plan that was prepared before (for going back to it)."""
    declared = plan.template["Resources"]
    resolver = Resolver(
        pseudo=plan.pseudo,
        parameters=plan.resolved,
        mappings=plan.template.get("Mappings") or {},
        conditions=plan.template.get("Conditions") or {},
        declared=frozenset(declared),
        preview=True,
    )
    resources = {
        name: resource
        for name, resource in declared.items()
        if "Condition" not in resource or resolver.condition(resource["Condition"])
    }
    return graph.build(resources, known=frozenset(declared), resolver=resolver), resources


def changes(existing: Mapping[str, Any], plan: Plan) -> list[dict[str, Any]]:
    """What a change set shows."""
    resolver: Resolver = plan.resolver
    resolver.resources = {
        name: ResourceState(physical_id=found.physical_id, attributes=found.attributes)
        for name, found in existing.items()
    }
    answer = []
    for name, declared in plan.resources.items():
        old = existing.get(name)
        if old is None:
            answer.append({"Action": "Add", "LogicalResourceId": name, "ResourceType": declared["Type"], "Scope": []})
            continue
        new = resolver.value(declared.get("Properties") or {})
        changed = sorted(key for key in new.keys() | old.properties.keys() if new.get(key) != old.properties.get(key))
        if changed:
            fixed = schema.create_only(declared["Type"])
            answer.append(
                {
                    "Action": "Modify",
                    "LogicalResourceId": name,
                    "PhysicalResourceId": old.physical_id,
                    "ResourceType": declared["Type"],
                    "Replacement": "True" if fixed & set(changed) else "False",
                    "Scope": ["Properties"],
                    "Details": [
                        {
                            "Target": {
                                "Attribute": "Properties",
                                "Name": key,
                                "RequiresRecreation": "Always" if key in fixed else "Never",
                            },
                            "Evaluation": "Static",
                            "ChangeSource": "DirectModification",
                        }
                        for key in changed
                    ],
                }
            )
    for name, old in existing.items():
        if name not in plan.resources:
            answer.append(
                {
                    "Action": "Remove",
                    "LogicalResourceId": name,
                    "PhysicalResourceId": old.physical_id,
                    "ResourceType": old.type,
                    "Scope": [],
                }
            )
    return [{"Type": "Resource", "ResourceChange": change} for change in answer]
