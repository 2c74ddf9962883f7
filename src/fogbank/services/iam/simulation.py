"""The policy simulator's decisions: what a set of policies says about actions on resources, and which statements do.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from fogbank.core.policies import Effect, Request
from fogbank.core.policy_evaluation import Identity, Kind, Verdict, evaluate
from fogbank.services.iam.policy_positions import Position, statement_spans
from fogbank.services.iam.policy_texts import IDENTITY, RESOURCE, PolicyText, keys_of_statements

_FROM_LEAST_TO_GRAVEST = ("allowed", "implicitDeny", "explicitDeny")


class Simulation(NamedTuple):
    """Who is supposed to ask, under which policies and circumstances."""

    caller: str
    """The ARN of a user, group or role; empty if there is none."""
    account: str
    policies: Sequence[PolicyText]
    boundary: PolicyText | None
    control: Sequence[Sequence[PolicyText]]
    """Service control policies, level by level."""
    resource_policy: PolicyText | None
    owner: str
    """The account that the resources are of."""
    context: Mapping[str, Sequence[str]]
    tells_organizations: bool

    def result(self, action: str, resources: Sequence[str]) -> dict[str, Any]:
        """What is decided about an action on all of these resources together."""
        decisions = [_Decision(self, action, resource) for resource in resources]
        gravest = max(decisions, key=lambda decision: _FROM_LEAST_TO_GRAVEST.index(decision.outcome))
        missing = dict.fromkeys(key for decision in decisions for key in decision.missing())
        result: dict[str, Any] = {
            "EvalActionName": action,
            "EvalResourceName": resources[0] if len(resources) == 1 else "*",
            "EvalDecision": gravest.outcome,
            "MatchedStatements": gravest.statements(),
            "MissingContextValues": list(missing),
            "EvalDecisionDetails": gravest.details(),
            "ResourceSpecificResults": [decision.specific() for decision in decisions],
        }
        if self.tells_organizations:
            allowed = all(decision.allowed_by(level) for decision in decisions for level in self.control)
            result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": allowed}
        return result | gravest.boundary_detail()

    def every_policy(self) -> Iterator[PolicyText]:
        yield from self.policies
        yield from (policy for level in self.control for policy in level)
        yield from (policy for policy in (self.boundary, self.resource_policy) if policy is not None)


class _Decision:
    """About one action on one resource."""

    def __init__(self, simulation: Simulation, action: str, resource: str) -> None:
        self._simulation = simulation
        self._request = Request(simulation.caller, action, resource, simulation.context)

    def specific(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "EvalResourceName": self._request.resource,
            "EvalResourceDecision": self.outcome,
            "MatchedStatements": self.statements(),
            "MissingContextValues": self.missing(),
        }
        details = self.details()
        return result | ({"EvalDecisionDetails": details} if details else {}) | self.boundary_detail()

    @property
    def outcome(self) -> str:
        return "allowed" if self._verdict.allowed else "explicitDeny" if self._verdict.explicit else "implicitDeny"

    @cached_property
    def _verdict(self) -> Verdict:
        simulation = self._simulation
        identity = Identity(
            Kind.ROLE if ":role/" in simulation.caller else Kind.USER,
            simulation.caller,
            simulation.account,
            policies=tuple(policy.source() for policy in simulation.policies),
            boundary=simulation.boundary.source() if simulation.boundary is not None else None,
            control=tuple(tuple(policy.source() for policy in level) for level in simulation.control),
        )
        resource_policies = () if simulation.resource_policy is None else (simulation.resource_policy.source(),)
        owner = simulation.owner if resource_policies else ""
        return evaluate(identity, self._request, resource_policies, owner=owner)

    def statements(self) -> list[dict[str, Any]]:
        """Those that decided: all that allow it, or if one denies it those that do."""
        if not self._verdict.allowed and not self._verdict.explicit:
            return []
        effect = Effect.ALLOW if self._verdict.allowed else Effect.DENY
        by_key = {policy.key: policy for policy in self._simulation.every_policy()}
        found = []
        for match in self._verdict.matches:
            policy = by_key[match.source, match.kind]
            if match.statement.effect is effect and (effect is Effect.DENY or policy.type in (IDENTITY, RESOURCE)):
                span = statement_spans(policy.text)[match.statement.number]
                found.append(
                    {
                        "SourcePolicyId": policy.id,
                        "SourcePolicyType": policy.type,
                        "StartPosition": _position(span.start),
                        "EndPosition": _position(span.end),
                    }
                )
        return found

    def missing(self) -> list[str]:
        """The keys that statements about the action and the resource look at, and that were not given."""
        found: dict[str, str] = {}
        for policy in self._simulation.every_policy():
            keys = keys_of_statements(policy.text)
            for statement in policy.source().policy.on_action(self._request):
                if all(test(self._request) for test in statement.applies):
                    found |= {key.lower(): key for key in keys[statement.number]}
        return [key for lower, key in found.items() if lower not in self._simulation.context]

    def details(self) -> dict[str, str]:
        """Across accounts: what each side says by itself."""
        simulation = self._simulation
        if simulation.resource_policy is None or simulation.owner == simulation.account:
            return {}
        sides = {IDENTITY: simulation.policies, RESOURCE: (simulation.resource_policy,)}
        return {name: self._said_by(policies) for name, policies in sides.items()}

    def boundary_detail(self) -> dict[str, Any]:
        boundary = self._simulation.boundary
        if boundary is None:
            return {}
        return {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": self.allowed_by((boundary,))}}

    def allowed_by(self, policies: Sequence[PolicyText]) -> bool:
        return self._said_by(policies) == "allowed"

    def _said_by(self, policies: Sequence[PolicyText]) -> str:
        said = {policy.source().policy.decide(self._request) for policy in policies}
        return "explicitDeny" if Effect.DENY in said else "allowed" if Effect.ALLOW in said else "implicitDeny"


def _position(position: Position) -> dict[str, int]:
    return {"Line": position.line, "Column": position.column}
