"""Whether a request is allowed: all the policies that apply to it together, as IAM's evaluation logic has it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

A Deny anywhere ends it. Then every limit must leave room: each level of service control policies, the permissions
boundary, the session's policies. What grants is the policies of the identity, or in its own account the policy of the
resource: one that names the user or the session itself grants past boundary and session policies, one that names the
session's role grants within them, and one that names the account leaves it to the identity's policies. From another
account both sides must grant. Services and whoever does not sign have only the resource's policy.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from fogbank.core.policies import Effect, Grantee, Policy, Request, Statement


class Layer(Enum):
    """Where a policy stands, in the words of AWS's messages."""

    SCP = "service control policy"
    RESOURCE = "resource-based policy"
    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    TRUST = "role trust policy"


class Source(NamedTuple):
    """A policy with the name that it is known by: an ARN, or of an inline policy its name."""

    name: str
    policy: Policy
    kind: str = ""
    """What it is attached to: `user`, `group`, `role`; empty for others."""


class Kind(Enum):
    """Who asks."""

    ROOT = "Root"
    USER = "IAMUser"
    ROLE = "AssumedRole"
    FEDERATED = "FederatedUser"
    SERVICE = "AWSService"
    ANONYMOUS = "Anonymous"


class Identity(NamedTuple):
    """Who asks, with all the policies that go with that."""

    kind: Kind
    arn: str
    """Of the user, the session or the account's root; a service's name; empty for nobody."""
    account: str = ""
    user_id: str = ""
    role: str = ""
    """The ARN of the role that a session is of."""
    policies: tuple[Source, ...] = ()
    boundary: Source | None = None
    session: tuple[Source, ...] | None = None
    """The session's own policies, one of which must allow; None if it has none."""
    control: tuple[tuple[Source, ...], ...] = ()
    """The service control policies of the account: level by level, from the organization's root down."""
    tags: Mapping[str, str] = {}
    issued_ms: int = 0
    """Since when the session's credentials are; 0 for lasting ones."""
    mfa: bool = False
    source_identity: str = ""
    source_arn: str = ""
    """Of a service: what it is about, such as the topic that SNS delivers from."""
    verdicts: dict[Any, Any] | None = None
    """What was decided before, and for which circumstances of requests; None where nobody keeps that."""
    services: tuple[str, ...] = ()
    """The services that ask on behalf of this identity, the first one first."""
    organization: str = ""
    """The id of the organization that the account is in."""
    organization_path: str = ""
    """Where it is there: the ids from the organization down to the account's parent."""
    assumed_by: str = ""
    """The service that has a role's session for itself: with a service role nobody else's rights are used."""

    @property
    def is_plain_session(self) -> bool:
        """Whether it is a user or root with credentials of GetSessionToken."""
        return self.kind in (Kind.USER, Kind.ROOT) and bool(self.issued_ms)

    @property
    def is_service(self) -> bool:
        """Whether a service asks: on behalf of the identity, with a role of its own, or in its own name."""
        return bool(self.services or self.assumed_by) or self.kind is Kind.SERVICE


ANONYMOUS = Identity(Kind.ANONYMOUS, "")


class Match(NamedTuple):
    """A statement that was about the request."""

    layer: Layer
    source: str
    kind: str
    statement: Statement


class Verdict(NamedTuple):
    """What was decided and why. `layer` is where it was denied, explicitly or because nothing there allows; or what
    granted it.
    """

    allowed: bool
    explicit: bool = False
    layer: Layer | None = None
    matches: Sequence[Match] = ()

    def reason(self) -> str:
        """As AWS's messages end: `because no identity-based policy allows the sqs:SendMessage action`."""
        layer = self.layer.value if self.layer is not None else "policy"
        if self.explicit:
            article = "an" if layer[0] in "aeiou" else "a"
            return f"with an explicit deny in {article} {layer}"
        return f"because no {layer} allows the"


def evaluate(
    identity: Identity,
    request: Request,
    resource_policies: Sequence[Source] = (),
    *,
    owner: str = "",
    policy_decides: bool = False,
    resource_layer: Layer = Layer.RESOURCE,
) -> Verdict:
    """The verdict on a request, whose principal and role are the identity's. `owner` is the resource's account, empty
    for the identity's own. With `policy_decides` nobody has anything unless the resource's policy says so.
    """
    matches: list[Match] = []
    granted = _grantee_in(resource_policies, request, resource_layer, matches)
    held = _allows(identity.policies, request, Layer.IDENTITY, matches) or identity.kind is Kind.ROOT
    within = _limits(identity, request, matches)
    denied = next((match for match in matches if match.statement.effect is Effect.DENY), None)
    if denied is not None:
        return Verdict(False, explicit=True, layer=denied.layer, matches=matches)
    if identity.kind in (Kind.SERVICE, Kind.ANONYMOUS):
        return Verdict(granted is not Grantee.NOBODY, layer=resource_layer, matches=matches)
    if not within.get(Layer.SCP, True):
        return Verdict(False, layer=Layer.SCP, matches=matches)
    own = owner in ("", identity.account)
    if (not own or policy_decides) and granted is Grantee.NOBODY:
        return Verdict(False, layer=resource_layer, matches=matches)
    if own and _is_named(identity, granted):
        return Verdict(True, layer=resource_layer, matches=matches)
    by_policy = own and granted > Grantee.ACCOUNT
    if not held and not by_policy:
        return Verdict(False, layer=Layer.IDENTITY, matches=matches)
    for layer in (Layer.BOUNDARY, Layer.SESSION):
        if not within.get(layer, True):
            return Verdict(False, layer=layer, matches=matches)
    return Verdict(True, layer=Layer.IDENTITY if held else resource_layer, matches=matches)


def _is_named(identity: Identity, granted: Grantee) -> bool:
    """Whether a resource's policy grants to the identity itself, which nothing but a Deny takes away again."""
    return granted is Grantee.SELF or (granted is Grantee.EVERYBODY and identity.kind in (Kind.USER, Kind.ROOT))


def _limits(identity: Identity, request: Request, matches: list[Match]) -> dict[Layer, bool]:
    """Whether each kind of limit leaves room for the request; those that there are not are left out."""
    within: dict[Layer, bool] = {}
    for level in identity.control:
        allowed = _allows(level, request, Layer.SCP, matches)
        within[Layer.SCP] = within.get(Layer.SCP, True) and allowed
    if identity.boundary is not None:
        within[Layer.BOUNDARY] = _allows((identity.boundary,), request, Layer.BOUNDARY, matches)
    if identity.session is not None:
        within[Layer.SESSION] = _allows(identity.session, request, Layer.SESSION, matches)
    return within


def _allows(sources: Iterable[Source], request: Request, layer: Layer, matches: list[Match]) -> bool:
    """Whether one of the policies allows; all that they say is added to the matches."""
    allowed = False
    for source in sources:
        for statement in source.policy.matching(request):
            matches.append(Match(layer, source.name, source.kind, statement))
            allowed = allowed or statement.effect is Effect.ALLOW
    return allowed


def _grantee_in(sources: Iterable[Source], request: Request, layer: Layer, matches: list[Match]) -> Grantee:
    """How closely the policies of a resource name the identity where they allow. Who names nobody speaks of nobody."""
    closest = Grantee.NOBODY
    for source in sources:
        for statement in source.policy.matching(request):
            if not statement.names_principal:
                continue
            matches.append(Match(layer, source.name, source.kind, statement))
            if statement.effect is Effect.ALLOW:
                closest = max(closest, statement.grantee(request))
    return closest
