"""The policy simulator: SimulateCustomPolicy, SimulatePrincipalPolicy and the condition keys that they need.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.identity_policy_grammar import check_identity_policy
from fogbank.core.json_text import parse
from fogbank.core.policy_grammar import MalformedPolicy
from fogbank.core.service import Answer
from fogbank.services.iam.aws_managed import is_aws_managed
from fogbank.services.iam.errors import InvalidInput, NoSuchEntity
from fogbank.services.iam.fields import PAGE_MAX, page
from fogbank.services.iam.groups import Groups
from fogbank.services.iam.holders import Holder, boundary_of
from fogbank.services.iam.policies import ManagedPolicies
from fogbank.services.iam.policy_texts import BOUNDARY, CONTROL, IDENTITY, RESOURCE, PolicyText, context_keys, numbered
from fogbank.services.iam.records import Group, User
from fogbank.services.iam.simulation import Simulation

# What ec2:RunInstances is asked about together.
_EBS = ("image", "instance", "network-interface", "security-group", "volume")
_INSTANCE_STORE = ("image", "instance", "network-interface", "security-group")
_SCENARIOS = {
    "EC2-VPC-EBS": _EBS,
    "EC2-VPC-EBS-Subnet": (*_EBS, "subnet"),
    "EC2-VPC-InstanceStore": _INSTANCE_STORE,
    "EC2-VPC-InstanceStore-Subnet": (*_INSTANCE_STORE, "subnet"),
}


class Simulator(Groups, ManagedPolicies):
    """The operations of `IamService` that try policies out."""

    def get_context_keys_for_custom_policy(self, ctx: Context, *, PolicyInputList: list[str]) -> Answer:
        return {"ContextKeyNames": context_keys(_given(PolicyInputList, "PolicyInputList", IDENTITY))}

    def get_context_keys_for_principal_policy(
        self, ctx: Context, *, PolicySourceArn: str, PolicyInputList: list[str] | None = None
    ) -> Answer:
        holder = self._principal(ctx, PolicySourceArn)
        given = _given(PolicyInputList or (), "PolicyInputList", IDENTITY)
        return {"ContextKeyNames": context_keys([*self._policies_of(ctx, holder), *given])}

    def simulate_custom_policy(
        self,
        ctx: Context,
        *,
        PolicyInputList: list[str],
        ActionNames: list[str],
        PermissionsBoundaryPolicyInputList: list[str] | None = None,
        OrderedOrganizationPolicyInputList: list[dict[str, Any]] | None = None,
        ResourceArns: list[str] | None = None,
        ResourcePolicy: str | None = None,
        ResourceOwner: str | None = None,
        CallerArn: str | None = None,
        ContextEntries: list[dict[str, Any]] | None = None,
        ResourceHandlingOption: str | None = None,
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        if ResourcePolicy is not None and CallerArn is None:
            raise InvalidInput("CallerArn is required when a ResourcePolicy is specified.")
        caller = _caller(CallerArn) if CallerArn is not None else ""
        control = [
            _given(level.get("ServiceControlPolicyInputList", ()), f"ServiceControlPolicyInputList.{number}", CONTROL)
            for number, level in enumerate(OrderedOrganizationPolicyInputList or (), 1)
        ]
        simulation = Simulation(
            caller=caller,
            account=_account(caller) or ctx.account,
            policies=_given(PolicyInputList, "PolicyInputList", IDENTITY),
            boundary=_boundary(PermissionsBoundaryPolicyInputList),
            control=control,
            resource_policy=_resource_policy(ResourcePolicy),
            owner=_account(ResourceOwner) or _account(caller) or ctx.account,
            context=_context(ContextEntries, {}),
            tells_organizations=bool(control),
        )
        return _results(simulation, ActionNames, ResourceArns, ResourceHandlingOption, Marker, MaxItems)

    def simulate_principal_policy(
        self,
        ctx: Context,
        *,
        PolicySourceArn: str,
        ActionNames: list[str],
        PolicyInputList: list[str] | None = None,
        PermissionsBoundaryPolicyInputList: list[str] | None = None,
        PolicyExclusionList: list[dict[str, Any]] | None = None,
        ResourceArns: list[str] | None = None,
        ResourcePolicy: str | None = None,
        ResourceOwner: str | None = None,
        CallerArn: str | None = None,
        ContextEntries: list[dict[str, Any]] | None = None,
        ResourceHandlingOption: str | None = None,
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        holder = self._principal(ctx, PolicySourceArn)
        if ResourcePolicy is not None and CallerArn is None and not isinstance(holder, User):
            raise InvalidInput(
                "CallerArn is required when a ResourcePolicy is specified and the PolicySourceArn is not a user."
            )
        caller = _caller(CallerArn) if CallerArn is not None else PolicySourceArn
        boundary = _boundary(PermissionsBoundaryPolicyInputList)
        if boundary is None and (arn := boundary_of(holder)):
            boundary = self._managed_text(ctx, arn, BOUNDARY)
        excluded = PolicyExclusionList or ()
        own = [policy for policy in self._policies_of(ctx, holder) if not _is_excluded(policy, excluded)]
        simulation = Simulation(
            caller=caller,
            account=_account(caller) or ctx.account,
            policies=[*own, *_given(PolicyInputList or (), "PolicyInputList", IDENTITY)],
            boundary=None if boundary is None or _is_excluded(boundary, excluded) else boundary,
            control=self._control(ctx, excluded),
            resource_policy=_resource_policy(ResourcePolicy),
            owner=_account(ResourceOwner) or _account(caller) or ctx.account,
            context=_context(ContextEntries, _facts_about(holder, caller)),
            tells_organizations=True,
        )
        return _results(simulation, ActionNames, ResourceArns, ResourceHandlingOption, Marker, MaxItems)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _principal(self, ctx: Context, arn: str) -> Holder:
        parsed = parse_arn(arn)
        kind, _, path = parsed.resource.partition("/") if parsed is not None else ("", "", "")
        if parsed is None or kind not in ("user", "group", "role"):
            raise InvalidInput(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
        name = path.rpartition("/")[2]
        there = ctx.at(account=parsed.account)
        holder: Holder
        if kind == "user":
            holder = self._user(there, name)
        elif kind == "group":
            holder = self._group(there, name)
        else:
            holder = self._role(there, name)
        if parsed.account != ctx.account or f"/{path}" != f"{holder.path}{holder.name}":
            raise NoSuchEntity(f"The {kind} with name {name} cannot be found.")
        return holder

    def _policies_of(self, ctx: Context, holder: Holder) -> list[PolicyText]:
        groups = [self._group(ctx, name) for name in holder.groups] if isinstance(holder, User) else []
        return [policy for each in (holder, *groups) for policy in self._own_texts(ctx, each)]

    def _own_texts(self, ctx: Context, holder: Holder) -> Iterator[PolicyText]:
        kind = type(holder).__name__.lower()
        for name, document in holder.inline.items():
            yield PolicyText(f"{kind}_{holder.name}_{name}", IDENTITY, document, inline=(name, kind, holder.name))
        for arn in holder.attached:
            yield self._managed_text(ctx, arn, IDENTITY)

    def _managed_text(self, ctx: Context, arn: str, kind: str) -> PolicyText:
        policy = self._policy(ctx, arn)
        document = next(version.document for version in policy.versions if version.number == policy.default)
        return PolicyText(policy.name, kind, document, arn=arn)

    def _control(self, ctx: Context, excluded: Sequence[dict[str, Any]]) -> list[list[PolicyText]]:
        """The service control policies of the account, level by level."""
        levels = [
            [PolicyText(arn.rpartition("/")[2], CONTROL, text, arn=arn) for arn, text in level]
            for level in ctx.cloud.organizations.control_of(ctx.account)
        ]
        kept = [[policy for policy in level if not _is_excluded(policy, excluded)] for level in levels]
        return [level for level in kept if level]


def _is_excluded(policy: PolicyText, excluded: Iterable[dict[str, Any]]) -> bool:
    """Each of these names a type, an ARN or an inline policy."""
    for one in excluded:
        named = one.get("InlinePolicyIdentifier")
        inline = (named["PolicyName"], named["AttachmentType"], named["AttachmentName"]) if named else None
        if (
            one.get("PolicyType") == _exclusion_type(policy)
            or (policy.arn and one.get("PolicyArn") == policy.arn)
            or (inline is not None and inline == policy.inline)
        ):
            return True
    return False


def _exclusion_type(policy: PolicyText) -> str:
    if policy.type != IDENTITY:
        return "permission-boundary" if policy.type == BOUNDARY else "scp"
    if policy.inline is not None:
        return "inline"
    return "aws-managed" if is_aws_managed(policy.arn) else "user-managed"


def _given(documents: Iterable[str], name: str, kind: str) -> list[PolicyText]:
    policies = numbered(documents, name, kind)
    for policy in policies:
        try:
            check_identity_policy(policy.text)
        except MalformedPolicy as fault:
            raise InvalidInput(str(fault)) from None
    return policies


def _boundary(documents: list[str] | None) -> PolicyText | None:
    if not documents:
        return None
    if len(documents) > 1:
        raise InvalidInput("Only one permissions boundary can be specified.")
    return _given(documents, "PermissionsBoundaryPolicyInputList", BOUNDARY)[0]


def _resource_policy(document: str | None) -> PolicyText | None:
    if document is None:
        return None
    if not isinstance(parse(document), dict):
        raise InvalidInput("Syntax errors in policy.")
    return PolicyText("ResourcePolicy", RESOURCE, document)


def _caller(arn: str) -> str:
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "iam" or not parsed.resource.startswith("user/"):
        raise InvalidInput(f"Invalid Caller Arn: {arn} must be the ARN of an IAM user.")
    return arn


def _account(text: str | None) -> str:
    """Of an ARN its account; an account is itself."""
    parsed = parse_arn(text or "")
    return parsed.account if parsed is not None else text or ""


def _context(entries: list[dict[str, Any]] | None, facts: dict[str, list[str]]) -> dict[str, list[str]]:
    """What was given goes before what is known of the caller."""
    given = {entry["ContextKeyName"].lower(): entry.get("ContextKeyValues", []) for entry in entries or ()}
    return facts | given


def _facts_about(holder: Holder, caller: str) -> dict[str, list[str]]:
    facts = {"aws:principalarn": [caller], "aws:principalaccount": [_account(caller)], "aws:userid": [holder.id]}
    if isinstance(holder, User):
        facts["aws:username"] = [holder.name]
    if not isinstance(holder, Group):
        facts |= {f"aws:principaltag/{key.lower()}": [value] for key, value in holder.tags.items()}
    return facts


def _results(
    simulation: Simulation,
    actions: list[str],
    resources: list[str] | None,
    option: str | None,
    marker: str | None,
    limit: int,
) -> dict[str, Any]:
    """For each action and each resource by itself; in a scenario of EC2 for each action and all of them together. Only
    what the page shows is decided.
    """
    arns = resources or ["*"]
    for action in actions:
        if ":" not in action:
            raise InvalidInput(f"Invalid action name: {action}")
    if option is not None:
        _check_scenario(option, arns)
    together = [arns] if option is not None else [[arn] for arn in arns]
    answer = page("EvaluationResults", [(action, group) for action in actions for group in together], marker, limit)
    return answer | {"EvaluationResults": [simulation.result(*pair) for pair in answer["EvaluationResults"]]}


def _check_scenario(option: str, arns: list[str]) -> None:
    if option not in _SCENARIOS:
        raise InvalidInput(f"Invalid ResourceHandlingOption: {option}. Known are: {', '.join(sorted(_SCENARIOS))}")
    kinds = {parsed.resource.partition("/")[0] for arn in arns if (parsed := parse_arn(arn)) is not None}
    missing = [kind for kind in _SCENARIOS[option] if kind not in kinds]
    if missing:
        raise InvalidInput(f"ResourceHandlingOption {option} needs resources of these types: {', '.join(missing)}")
