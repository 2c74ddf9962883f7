"""From template text to a plan: everything that can be refused is refused here, before anything is created."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.resource import ResourceState, ResourceType
from fogbank.services.cloudformation import (
    creation_policy,
    dynamic,
    graph,
    language_extensions,
    parameters,
    rules,
    schema,
    template,
    transforms,
)
from fogbank.services.cloudformation.errors import InsufficientCapabilities, ValidationError
from fogbank.services.cloudformation.graph import Graph
from fogbank.services.cloudformation.intrinsics import Resolver
from fogbank.services.cloudformation.records import STACK_TYPE, Stack, StackResource

IAM_TYPES = frozenset(
    f"AWS::IAM::{kind}" for kind in ("Group", "InstanceProfile", "ManagedPolicy", "Policy", "Role", "User",
    "AccessKey", "UserToGroupAddition")
)  # fmt: skip
IAM_NAMES = ("RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName")
CUSTOM = re.compile(r"Custom::[\w@-]{1,60}")
POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}
OUTPUT_TYPES = frozenset(("AWS::CloudFormation::CustomResource", STACK_TYPE))  # their attributes are all outputs
SNAPSHOT_TYPES = frozenset((
    "AWS::DocDB::DBCluster", "AWS::EC2::Volume", "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup", "AWS::Neptune::DBCluster", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
))  # fmt: skip


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
    transformed: bool = False
    resource_types: list[str] = []
    """ResourceTypes: the only types, or patterns of types, that the template may have."""


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


async def prepare_processed(ctx: Context, stack: Stack) -> Plan:
    """A plan of a template whose transforms were done before (an executed change set's)."""
    plan = _stored(ctx, stack)
    for step in PASSES[PASSES.index(evaluate_conditions) :]:
        await step(ctx, plan)
    return plan


def plan_of(ctx: Context, stack: Stack) -> Plan:
    """A plan of the stack as it is stored: nothing is refused, since it was prepared before."""
    plan = _stored(ctx, stack)
    plan.resolver = _preview(plan)
    plan.resources = _conditional(plan)
    plan.graph = graph.build(
        plan.resources, known=frozenset(plan.template["Resources"]), resolver=plan.resolver
    )  # fmt: skip
    return plan


def _stored(ctx: Context, stack: Stack) -> Plan:
    return Plan(
        original=stack.original,
        template=stack.template,
        pseudo=pseudo(ctx, name=stack.name, stack_id=stack.id, notification_arns=stack.notification_arns),
        given={},
        previous={},
        use_previous=frozenset(),
        capabilities=stack.capabilities,
        parameters=stack.parameters,
        resolved=stack.resolved,
        reviewed=True,
    )


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
    if not transforms.used(plan.template):
        found = language_extensions.uses([plan.template.get(name) for name in ("Resources", "Outputs", "Conditions")])
        if found is not None:
            raise ValidationError(f"Template error: {found} needs the transform {language_extensions.TRANSFORM}")
        return
    if not plan.reviewed and "CAPABILITY_AUTO_EXPAND" not in plan.capabilities:
        raise InsufficientCapabilities("Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
    plan.transformed = True
    expansion = transforms.Expansion(ctx, plan.template, pseudo=plan.pseudo, values=plan.resolved)
    plan.template = await expansion.expanded()
    template.check_outline(plan.template)
    # A transform may have added parameters with defaults of their own.
    added = {
        name: spec for name, spec in (plan.template.get("Parameters") or {}).items() if name not in plan.parameters
    }
    extra = parameters.bind(added, {}, previous={})
    plan.parameters |= extra
    plan.resolved |= parameters.resolve(added, extra, lookup=lambda name: None)


def _preview(plan: Plan) -> Resolver:
    return Resolver(
        pseudo=plan.pseudo,
        parameters=plan.resolved,
        mappings=plan.template.get("Mappings") or {},
        conditions=plan.template.get("Conditions") or {},
        declared=frozenset(plan.template["Resources"]),
        preview=True,
    )


def _conditional(plan: Plan) -> dict[str, Any]:
    """The resources whose conditions hold."""
    return {
        name: resource
        for name, resource in plan.template["Resources"].items()
        if "Condition" not in resource or plan.resolver.condition(resource["Condition"])
    }


async def evaluate_conditions(ctx: Context, plan: Plan) -> None:
    plan.resolver = _preview(plan)
    rules.check(plan.template.get("Rules") or {}, plan.resolver)
    for name in plan.resolver.conditions:
        plan.resolver.condition(name)
    plan.resources = _conditional(plan)


async def check_policies(ctx: Context, plan: Plan) -> None:
    """DeletionPolicy, UpdateReplacePolicy, CreationPolicy and UpdatePolicy, as far as they ask for something."""
    for name, resource in plan.resources.items():
        for policy, values in POLICIES.items():
            if policy in resource:
                resource[policy] = plan.resolver.value(resource[policy])
            value = resource.get(policy, "Delete")
            if not isinstance(value, str):
                raise ValidationError(f"Template format error: Every {policy} member must be a string.")
            if value not in values:
                raise ValidationError(f"Template error: Unrecognized {policy} {value} for resource {name}")
            if value == "Snapshot" and resource["Type"] not in SNAPSHOT_TYPES:
                words = "deletion policy" if policy == "DeletionPolicy" else "update replace policy"
                raise ValidationError(
                    f"Template error: resource type {resource['Type']} does not support {words} Snapshot"
                )
        creation_policy.of(resource)
        if resource.get("UpdatePolicy"):
            raise NotImplementedInFogbank(f"Resource {name}: UpdatePolicy is not implemented by Fogbank.")


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
    allowed = ", ".join(plan.resource_types)
    for name, resource in plan.template["Resources"].items():
        kind = resource["Type"]
        if allowed and not any(_is_allowed(pattern, kind) for pattern in plan.resource_types):
            raise ValidationError(f"Resource type {kind} is not allowed by parameter ResourceTypes [{allowed}]")
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


def _is_allowed(pattern: str, kind: str) -> bool:
    """`AWS::*`, `AWS::service::*`, `Custom::*` or a type's name."""
    return kind.startswith(pattern[:-1]) if pattern.endswith("::*") else kind == pattern


def check_kept_types(existing: Mapping[str, str], plan: Plan) -> None:
    """An update may not turn a resource into one of another type."""
    changed = [
        name for name, kind in existing.items() if name in plan.resources and plan.resources[name]["Type"] != kind
    ]
    if changed:
        raise ValidationError(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(changed)}]"
        )


def is_known_type(ctx: Context, name: str) -> bool:
    return schema.is_known(name) or find_type(ctx, name) is not None


def find_type(ctx: Context, name: str) -> ResourceType | None:
    if CUSTOM.fullmatch(name):
        name = "AWS::CloudFormation::CustomResource"
    return ctx.cloud.resource_type(name)


async def check_properties(ctx: Context, plan: Plan) -> None:
    for name, resource in plan.resources.items():
        properties = resource.get("Properties") or {}
        check_schema(name, resource["Type"], properties)
        dynamic.check(resource["Type"], properties)
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
        missing = [
            target
            for target in graph.references(output["Value"], None)
            if target not in plan.template["Resources"] and target not in plan.resolver.names
        ]
        if not missing and ("Condition" not in output or plan.resolver.condition(output["Condition"])):
            # What is there only on a condition is missing, too, where that does not hold.
            missing = [
                target
                for target in graph.references(output["Value"], plan.resolver)
                if target in plan.template["Resources"] and target not in plan.resources
            ]
        if missing:
            raise ValidationError(
                f"Unresolved resource dependencies [{missing[0]}] in the Outputs block of the template"
            )


PASSES = (
    parse,
    bind_parameters,
    expand_transforms,
    evaluate_conditions,
    check_types,
    check_policies,
    check_capabilities,
    build_graph,
    check_properties,
)


def check_references(parsed: template.Template) -> None:
    """What can be told of references without values of the parameters (ValidateTemplate)."""
    known = parsed["Resources"].keys() | (parsed.get("Parameters") or {}).keys()
    for section, words in (("Resources", "Resources"), ("Outputs", "Outputs")):
        for item in (parsed.get(section) or {}).values():
            body = item.get("Properties" if section == "Resources" else "Value") if isinstance(item, dict) else None
            for target in graph.references(body, None):
                if target not in known and not target.startswith("AWS::"):
                    raise ValidationError(
                        f"Template format error: Unresolved resource dependencies [{target}] in the {words} block of "
                        "the template"
                    )


def state_of(found: StackResource) -> ResourceState:
    """What Ref and Fn::GetAtt see of a resource: of a type with a schema its properties, too."""
    attributes = found.attributes
    if schema.load(found.type) is not None and found.type not in OUTPUT_TYPES:
        attributes = {**found.properties, **attributes}
    return ResourceState(physical_id=found.physical_id, attributes=attributes, no_echo=found.no_echo)
