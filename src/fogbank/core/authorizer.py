"""Asks all policies about an action: for requests as they come in, and for services that act on somebody's behalf.

There is one only with `--auth iam`; else `cloud.authorizer` is None and nothing is asked.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fogbank.core.arn import PARTITION, Arn, parse_arn
from fogbank.core.authorization import Authorization, Need, Resolver, Wording, due, resolver
from fogbank.core.authorization_message import HEADER, encoded
from fogbank.core.policies import Request, read_policy
from fogbank.core.policy_evaluation import ANONYMOUS, Identity, Kind, Layer, Source, Verdict, evaluate
from fogbank.core.request_facts import RequestFacts, Value
from fogbank.core.store import Written

if TYPE_CHECKING:
    from fogbank.core.cloud import AccessKey, Cloud
    from fogbank.core.context import Context
    from fogbank.core.service import Service
    from fogbank.core.store import Table

_IDENTITIES_MAX = 4096
_VERDICTS_MAX = 512  # of one identity
_place = lru_cache(4096)(parse_arn)


class Asked(NamedTuple):
    """One action on one resource, and what was decided about it."""

    action: str
    resource: str
    verdict: Verdict
    owner: str = ""
    """The resource's account; empty if it is nobody's, or the caller's own."""
    facts: RequestFacts | None = None
    """What the policies looked at, if they did and denied it."""


class _Known(NamedTuple):
    """What was decided before. It is true of every request of the same identity for the same action, resource and
    resource's policy that tells the same of what the policies looked at.
    """

    asked: Asked
    looked_at: Mapping[str, Value | None]
    """The condition keys with their values."""


class Refusal(NamedTuple):
    """What is said to whom a service may not do something for."""

    sentence: str
    encode: Callable[[], str]

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the HTTP answer: the encoded message, for those who have an account where it can be decoded."""
        message = self.encode()
        return {HEADER: message} if message else {}


class Authorizer:
    """Decides for one cloud."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        self._identities: dict[str, tuple[AccessKey, Identity]] = {}
        self._identities_of = -1
        self.deciding: Written = cloud.iam.deciding
        """When that was last changed which says whom keys stand for and what they may do."""

    def identity_of(self, access_key: str, key: "AccessKey") -> Identity:
        """Whom a key stands for. It is found out once, until something in IAM changes."""
        changed_in = self.deciding.in_turn
        if changed_in != self._identities_of:
            self._identities.clear()
            self._identities_of = changed_in
        known = self._identities.get(access_key)
        if known is not None and known[0] is key:
            return known[1]
        identity: Identity = self._cloud.iam.identity_of(key)._replace(verdicts={})
        if changed_in != self._cloud.store.turn:  # What is read in the turn that wrote it may be rolled back.
            if len(self._identities) >= _IDENTITIES_MAX:
                self._identities.clear()
            self._identities[access_key] = (key, identity)
        return identity

    def prepare(self, table: Authorization, service: "Service", need: Need) -> "Prepared":
        """A need of an operation of the service, ready to be asked for."""
        owner = self._service_of(service, table, need.action)
        policies = owner.policy_table if owner is not None else None
        return Prepared(need, due(need), resolver(need), owner, policies, need.action in table.policy_decides)

    def ask(self, ctx: "Context", prepared: "Prepared", arn: str, given: Mapping[str, Any]) -> Asked:
        """What is decided about an action on one resource for the context's identity, with these parameters."""
        need, _, _, service, policies, policy_decides = prepared
        identity = ctx.identity or ANONYMOUS
        # This is on every request's way.
        if policies is not None and identity.verdicts is not None:
            key = (need.action, arn, ctx.account, ctx.region, policies.written.in_turn)
            known: _Known | None = identity.verdicts.get(key)
            if known is not None and (
                not known.looked_at or _holds(known, ctx, identity, partial(need.facts, ctx, given), service)
            ):
                return known.asked
        tell = partial(need.facts, ctx, given)
        return self._decide(ctx, identity, need.action, arn, tell, service, policy_decides)

    def decide(
        self,
        ctx: "Context",
        identity: Identity,
        action: str,
        arn: str,
        told: Mapping[str, Value] | Callable[[], Mapping[str, Value]],
        service: "Service | None",
        policy_decides: bool = False,
    ) -> Verdict:
        """The verdict on one action on one resource. `told` are the condition keys that the request itself tells, or
        what gives them when one is asked for; `service` is the one that has the resource, if it is known.
        """
        tell = told if callable(told) else partial(dict, told)
        return self._decide(ctx, identity, action, arn, tell, service, policy_decides).verdict

    def refusal(
        self,
        ctx: "Context",
        identity: Identity,
        action: str,
        arn: str,
        told: Mapping[str, Value] | Callable[[], Mapping[str, Value]],
        service: "Service | None",
        policy_decides: bool = False,
    ) -> Refusal | None:
        """What refuses an action that a service asks about in the course of an operation; None if it is allowed. The
        parameters are those of `decide`.
        """
        tell = told if callable(told) else partial(dict, told)
        asked = self._decide(ctx, identity, action, arn, tell, service, policy_decides)
        if asked.verdict.allowed:
            return None
        return Refusal(_sentence(identity, asked), partial(self._encoded, ctx, identity, asked, tell))

    def message(self, ctx: "Context", need: Need, asked: Asked, given: Mapping[str, Any]) -> str:
        """The encoded message about what was denied to the context's identity, with these parameters; empty for those
        who have no account where it could be decoded.
        """
        return self._encoded(ctx, ctx.identity or ANONYMOUS, asked, partial(need.facts, ctx, given))

    # ---- steps --------------------------------------------------------------------------------------------------

    def _encoded(
        self, ctx: "Context", identity: Identity, asked: Asked, tell: Callable[[], Mapping[str, Value]]
    ) -> str:
        if not identity.account:
            return ""
        facts = asked.facts
        if facts is None:
            facts = RequestFacts(ctx, identity, tell, owner=asked.owner or ctx.account)
        return encoded(self._cloud, identity, asked, facts.present())

    def _decide(
        self,
        ctx: "Context",
        identity: Identity,
        action: str,
        arn: str,
        tell: Callable[[], Mapping[str, Value]],
        service: "Service | None",
        policy_decides: bool,
    ) -> Asked:
        owner, document = "", None
        place = _place(arn)
        if place is not None and service is not None:
            owner = place.account or service.resource_owner(ctx, arn)
            document = service.resource_policy(_there(ctx, place), arn)
        key: tuple[object, ...] = (action, arn, owner, document, policy_decides)
        policies = service.policy_table if service is not None else None
        if policies is not None and not policies.unsettled:
            # As `ask` looks for it: nothing that was read in a turn that wrote is ever found so.
            key = (action, arn, ctx.account, ctx.region, policies.written.in_turn)
        verdicts = identity.verdicts
        known: _Known | None = verdicts.get(key) if verdicts is not None else None
        if known is not None and _holds(known, ctx, identity, tell, service):
            return known.asked
        if place is not None and not _can_be_about(action, place):
            return Asked(action, arn, Verdict(False, layer=Layer.IDENTITY), owner)
        facts = _facts(ctx, identity, tell, service, arn, owner)
        verdict = evaluate(
            identity,
            Request(
                identity.arn, action, arn, facts, identity.role, identity.user_id, bounded=identity.boundary is not None
            ),
            () if document is None else (Source(arn, read_policy(document)),),
            owner=owner,
            policy_decides=policy_decides,
            resource_layer=Layer.TRUST if action.startswith("sts:AssumeRole") else Layer.RESOURCE,
        )
        if facts.looked_at and not verdict.allowed:
            return Asked(action, arn, verdict, owner, facts)
        asked = Asked(action, arn, verdict, owner)
        if verdicts is not None:
            if len(verdicts) >= _VERDICTS_MAX:
                verdicts.clear()
            verdicts[key] = _Known(asked, facts.looked_at)
        return asked

    def _service_of(self, service: "Service", table: Authorization, action: str) -> "Service | None":
        """The service that has the resource of an action: the table's own, or that of the action's prefix."""
        prefix = action.partition(":")[0]
        if prefix == table.service:
            return service
        package = "lambda_" if prefix == "lambda" else prefix
        return self._cloud.service(package) if self._cloud.has(package) else None


def _holds(
    known: _Known,
    ctx: "Context",
    identity: Identity,
    tell: Callable[[], Mapping[str, Value]],
    service: "Service | None",
) -> bool:
    """Whether what was decided is what would be decided about this request, too."""
    if not known.looked_at:
        return True
    _, arn, _, owner, _ = known.asked
    return _facts(ctx, identity, tell, service, arn, owner).agree_with(known.looked_at)


def _facts(
    ctx: "Context",
    identity: Identity,
    tell: Callable[[], Mapping[str, Value]],
    service: "Service | None",
    arn: str,
    owner: str,
) -> RequestFacts:
    def tags() -> Mapping[str, str]:
        return {} if service is None else service.resource_tags(_there(ctx, _place(arn)), arn)

    return RequestFacts(ctx, identity, tell, owner=owner or ctx.account, resource_tags=tags)


def _there(ctx: "Context", place: Arn | None) -> "Context":
    """The context of a resource's account and region."""
    account, region = ctx.account, ctx.region
    if place is not None:
        account, region = place.account or account, place.region or region
    return ctx if (account, region) == (ctx.account, ctx.region) else ctx.at(account=account, region=region)


def _can_be_about(action: str, place: Arn) -> bool:
    """Whether the action's service has such resources. Some that take an ARN look at its end only: with another
    beginning it would be the same resource for them, and none that a policy names.
    """
    prefix = action.partition(":")[0]
    of_service = place.service == prefix or (prefix, place.service) == ("sts", "iam")
    return of_service and place.partition == PARTITION


class Prepared(NamedTuple):
    """A need, ready to be asked for."""

    need: Need
    is_due: Callable[["Context", Mapping[str, Any]], bool] | None
    """Whether it is there at all; None if it always is."""
    arns: Resolver
    """Its resources."""
    service: "Service | None"
    """The one that has the resources, if it is known."""
    policies: "Table[Any] | None"
    """Where all of their policies are, if it says so."""
    policy_decides: bool
    """Whether only those can grant it."""


def denial(table: Authorization, identity: Identity, asked: Asked) -> str:
    """The sentence of AWS's error."""
    who = identity.arn or "anonymous"
    action, verdict = asked.action, asked.verdict
    if table.wording is Wording.S3:
        own = identity.kind is not Kind.ANONYMOUS
        resource = f' on resource: "{asked.resource}"' if asked.resource != "*" else ""
        return (
            f"User: {who} is not authorized to perform: {action}{resource} {_reason(asked)}" if own else "Access Denied"
        )
    if table.wording is Wording.SHORT or verdict.layer is None:
        return f"User: {who} is not authorized to perform: {action} on resource: {asked.resource}"
    return _sentence(identity, asked)


def _sentence(identity: Identity, asked: Asked) -> str:
    who = identity.arn or "anonymous"
    return f"User: {who} is not authorized to perform: {asked.action} on resource: {asked.resource} {_reason(asked)}"


def _reason(asked: Asked) -> str:
    reason = asked.verdict.reason()
    return reason if asked.verdict.explicit else f"{reason} {asked.action} action"
