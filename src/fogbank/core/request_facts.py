"""The condition keys that every request has, found when a policy asks for them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from fogbank.core.moments import iso_seconds
from fogbank.core.policy_evaluation import Identity, Kind

if TYPE_CHECKING:
    from fogbank.core.context import Context

Value = str | Sequence[str]
Finder = Callable[["Context", Identity], Value | None]
_RESOURCE_TAG = "resourcetag/"


class RequestFacts(Mapping[str, Value]):
    """Condition keys, in lower case, of one request for one resource."""

    def __init__(
        self,
        ctx: "Context",
        identity: Identity,
        tell: Callable[[], Mapping[str, Value]],
        *,
        owner: str = "",
        resource_tags: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`tell` gives those that the operation's parameters tell, in any case, if one is asked for; `owner` is the
        resource's account.
        """
        self._ctx = ctx
        self._identity = identity
        self._tell = tell
        self._known: dict[str, Value] | None = None
        self.looked_at: dict[str, Value | None] = {}
        """What conditions and variables have looked at; None is for keys that are not there."""
        self._owner = owner
        self._tags_of_resource = resource_tags
        self._resource_tags: Mapping[str, str] | None = None

    def get(self, key: str, default: Value | None = None) -> Value | None:  # type: ignore[override]
        found = self.looked_at.get(key)
        if found is None:
            found = self.looked_at[key] = self._value(key)
        return default if found is None else found

    def agree_with(self, others: Mapping[str, Value | None]) -> bool:
        """Whether the request tells the same of all those keys: what was decided by looking at them, and at nothing
        else, is then the same, too.
        """
        return all(self._value(key) == value for key, value in others.items())

    def __getitem__(self, key: str) -> Value:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        """Only those that the parameters tell: the others are as many as policies can ask for."""
        return iter(self._told())

    def __len__(self) -> int:
        return len(self._told())

    def present(self) -> dict[str, Value]:
        """All that there are, as they are spelled; tags of the resource only if a policy has looked for some."""
        found: dict[str, Value | None] = {
            **{f"aws:{name}": finder(self._ctx, self._identity) for name, finder in _spelled().items()},
            **{f"aws:PrincipalTag/{key}": value for key, value in self._identity.tags.items()},
            **{f"aws:ResourceTag/{key}": value for key, value in (self._resource_tags or {}).items()},
            "aws:ResourceAccount": self._owner or None,
            **self._tell(),
        }
        return {key: value for key, value in found.items() if value is not None}

    def _told(self) -> Mapping[str, Value]:
        if self._known is None:
            known: dict[str, Value] = {}
            for name, value in self._tell().items():
                key = name.lower()
                # Names that differ only in their case, such as those of tags, are one key with several values.
                known[key] = [*_listed(known[key]), *_listed(value)] if key in known else value
            self._known = known
        return self._known

    def _value(self, key: str) -> Value | None:
        found = self._told().get(key)
        return self._find(key) if found is None else found

    def _find(self, key: str) -> Value | None:
        prefix, _, name = key.partition(":")
        if name.startswith(_RESOURCE_TAG):
            return self._tag_of_resource(name.removeprefix(_RESOURCE_TAG))
        if name == "resourceaccount" and prefix in ("aws", "s3"):
            return self._owner or None
        if prefix != "aws":
            return None
        if name.startswith("principaltag/"):
            tags = {key.lower(): value for key, value in self._identity.tags.items()}
            return tags.get(name.removeprefix("principaltag/"))
        if name in ("resourceorgid", "resourceorgpaths"):
            return _organization(self._ctx, self._owner, paths=name.endswith("paths"))
        finder = _finders().get(name)
        return None if finder is None else finder(self._ctx, self._identity)

    def _tag_of_resource(self, key: str) -> str | None:
        if self._resource_tags is None:
            self._resource_tags = self._tags_of_resource()
        return next((value for name, value in self._resource_tags.items() if name.lower() == key), None)


def _listed(value: Value) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _user_name(ctx: "Context", identity: Identity) -> str | None:
    return identity.arn.rpartition("/")[2] if identity.kind is Kind.USER else None


def _principal_arn(ctx: "Context", identity: Identity) -> str | None:
    """Of a session the role's."""
    return identity.role or (identity.arn if identity.arn.startswith("arn:") else None)


_TYPES = {
    Kind.ROOT: "Account",
    Kind.USER: "User",
    Kind.ROLE: "AssumedRole",
    Kind.FEDERATED: "FederatedUser",
    Kind.ANONYMOUS: "Anonymous",
}


def _user_id(ctx: "Context", identity: Identity) -> str | None:
    return "anonymous" if identity.kind is Kind.ANONYMOUS else identity.user_id or None


def _multi_factor(ctx: "Context", identity: Identity) -> str | None:
    """Only temporary credentials say whether their owner showed a second factor."""
    return str(identity.mfa).lower() if identity.issued_ms else None


def _multi_factor_age(ctx: "Context", identity: Identity) -> str | None:
    return str((ctx.now_ms - identity.issued_ms) // 1000) if identity.mfa else None


def _issue_time(ctx: "Context", identity: Identity) -> str | None:
    return iso_seconds(identity.issued_ms) if identity.issued_ms else None


def _organization(ctx: "Context", account: str, *, paths: bool) -> Value | None:
    organization, path = ctx.cloud.organizations.organization_of(account)
    if not organization:
        return None
    return (str(path),) if paths else str(organization)


def _source_organization(ctx: "Context", identity: Identity) -> Value | None:
    return _organization(ctx, identity.account, paths=False) if identity.source_arn else None


def _source_organization_paths(ctx: "Context", identity: Identity) -> Value | None:
    return _organization(ctx, identity.account, paths=True) if identity.source_arn else None


def _called_via(ctx: "Context", identity: Identity) -> Value | None:
    return identity.services or None


@cache
def _finders() -> dict[str, Finder]:
    """By the names of their keys in lower case."""
    return {name.lower(): finder for name, finder in _spelled().items()}


@cache
def _spelled() -> dict[str, Finder]:
    """By the names as AWS spells them."""
    return {
        "CurrentTime": lambda ctx, identity: iso_seconds(ctx.now_ms),
        "EpochTime": lambda ctx, identity: str(ctx.now_ms // 1000),
        "SourceIp": lambda ctx, identity: None if identity.is_service or not ctx.peer else ctx.peer,
        "SecureTransport": lambda ctx, identity: "false",  # Fogbank speaks plain HTTP.
        "RequestedRegion": lambda ctx, identity: ctx.region,
        "UserAgent": lambda ctx, identity: ctx.headers.get("user-agent"),
        "Referer": lambda ctx, identity: ctx.headers.get("referer"),
        "PrincipalArn": _principal_arn,
        "PrincipalAccount": lambda ctx, identity: identity.account or None,
        "PrincipalOrgID": lambda ctx, identity: identity.organization or None,
        "PrincipalOrgPaths": lambda ctx, identity: (identity.organization_path,) if identity.organization else None,
        "PrincipalType": lambda ctx, identity: _TYPES.get(identity.kind),
        "PrincipalIsAWSService": lambda ctx, identity: str(identity.kind is Kind.SERVICE).lower(),
        "PrincipalServiceName": lambda ctx, identity: identity.arn if identity.kind is Kind.SERVICE else None,
        "userid": _user_id,
        "username": _user_name,
        "MultiFactorAuthPresent": _multi_factor,
        "MultiFactorAuthAge": _multi_factor_age,
        "TokenIssueTime": _issue_time,
        "SourceIdentity": lambda ctx, identity: identity.source_identity or None,
        "SourceArn": lambda ctx, identity: identity.source_arn or None,
        "SourceAccount": lambda ctx, identity: identity.account if identity.source_arn else None,
        "SourceOrgID": _source_organization,
        "SourceOrgPaths": _source_organization_paths,
        "SourceOwner": lambda ctx, identity: identity.account if identity.source_arn else None,
        "ViaAWSService": lambda ctx, identity: str(bool(identity.services)).lower(),
        "CalledVia": _called_via,
        "CalledViaFirst": lambda ctx, identity: identity.services[0] if identity.services else None,
        "CalledViaLast": lambda ctx, identity: identity.services[-1] if identity.services else None,
    }
