"""Who sends a request, and whether that is allowed: what `--auth iam` puts before every operation."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from fogbank.core.authorization import NOTHING, Authorization, Need, need
from fogbank.core.authorizer import Asked, Authorizer, denial
from fogbank.core.cloud import AccessKey, Cloud
from fogbank.core.context import Context
from fogbank.core.policy_evaluation import ANONYMOUS, Identity
from fogbank.core.service import Service
from fogbank.wire.auth_errors import Denied, Why, not_authenticated, not_authorized
from fogbank.wire.credential import credential
from fogbank.wire.familiar import Familiar, is_familiar
from fogbank.wire.model import index_entry
from fogbank.wire.protocols import DOORS
from fogbank.wire.protocols.request import RequestData
from fogbank.wire.sigv4 import OWN, Verified, Verifier

# What S3's gateway and its relatives are signed for beside the name in the model.
_FURTHER_NAMES = {"s3": ("s3-object-lambda", "s3-outposts"), "apigateway": ("execute-api",)}
_KEY_LENGTH_MAX = 128
_FAMILIAR_MAX = 1024  # of one operation
_UNSIGNED = "Missing Authentication Token"
_UNSIGNED_IN_XML = "Request is missing Authentication Token"


def _find_key(cloud: Cloud, access_key: str) -> AccessKey | None:
    """Keys of a closed account are known no longer."""
    key = cloud.access_keys.peek((access_key,)) if len(access_key) <= _KEY_LENGTH_MAX else None
    return None if key is not None and cloud.organizations.is_closed(key.account) else key


def authorization_of(module: str) -> Authorization:
    """The table of a service's package."""
    table: Authorization = importlib.import_module(f"{module}.authorization").AUTHORIZATION
    return table


class GuardedOperation:
    """One operation in one protocol behind the guard."""

    def __init__(
        self, cloud: Cloud, authorizer: Authorizer, service: Service, module: str, name: str, protocol: str
    ) -> None:
        entry = index_entry(service.name)
        names = frozenset((entry.signing_name, *_FURTHER_NAMES.get(service.name, ())))
        self._cloud = cloud
        self._authorizer = authorizer
        self._service = service
        self._name = name
        # What no client called is refused as CloudFormation's clients are: in the oldest protocol of a service.
        self._protocol = protocol if protocol != "direct" else entry.protocols[-1]
        self._table = authorization_of(module)
        self._closed_to = self._table.closed_to
        needs = self._table.needs(name)
        if needs is None:
            # What the service does not implement is in no table.
            needs = NOTHING if protocol in DOORS else (need("*")._replace(action=f"{self._table.service}:{name}"),)
        self._needs = tuple(authorizer.prepare(self._table, service, each) for each in needs)
        self._lets_strangers_in = self._table.anonymous or name in self._table.unsigned or protocol in DOORS
        self._verifier = Verifier(service.name, names, protocol)
        self._find_key = partial(_find_key, cloud)
        self._note = cloud.last_used.note
        self._deciding = authorizer.deciding
        self._familiar: dict[str, Familiar] = {}
        """By their Authorization headers, up to the signature."""
        self._familiar_since = -1

    def authenticate(self, ctx: Context, request: RequestData) -> None:
        """Find out who sends the request, and let the context, which knows nothing of that yet, say so and in which
        account and region. Raises Refused.
        """
        head, _, signature = request.headers.get("authorization", "").rpartition("Signature=")
        if self._familiar_since != self._deciding.in_turn:
            self._familiar.clear()
            self._familiar_since = self._deciding.in_turn
        familiar = self._familiar.get(head)
        if familiar is not None and familiar.has_signed(request, signature, ctx.now_ms):
            ctx.identity = familiar.identity
            self._let_in(ctx, familiar.access_key, familiar.account, familiar.region)
            return
        verified = self._verifier.verify(request, self._find_key, now_ms=ctx.now_ms, lag_ms=self._cloud.clock.offset_ms)
        if verified is not None:
            ctx.identity = self._authorizer.identity_of(verified.access_key, verified.key)
            self._let_in(ctx, verified.access_key, verified.key.account, verified.signed.scope.region)
            self._remember(head, signature, verified, ctx.identity)
            return
        if not self._lets_strangers_in:
            in_json = "json" in self._protocol or "cbor" in self._protocol
            sentence = _UNSIGNED if in_json else _UNSIGNED_IN_XML
            raise not_authenticated(Why.UNSIGNED, sentence, service=self._service.name, protocol=self._protocol)
        ctx.identity = ANONYMOUS
        named = credential(request)
        if named is not None:
            ctx.account, ctx.region = self._cloud.account_of(named.access_key), named.region or ctx.region

    def _let_in(self, ctx: Context, access_key: str, account: str, region: str) -> None:
        """The request is of whoever has signed it, whatever other credential it names."""
        ctx.access_key, ctx.account, ctx.region = access_key, account, region or ctx.region
        self._note(ctx, access_key, self._service.name)

    def _remember(self, head: str, signature: str, verified: Verified, identity: Identity) -> None:
        """Unless this turn has changed what may be rolled back."""
        signed_last = verified.signed.signature == signature
        if signed_last and is_familiar(verified.signed) and self._familiar_since != self._cloud.store.turn:
            if len(self._familiar) >= _FAMILIAR_MAX:
                self._familiar.clear()
            self._familiar[head] = Familiar(verified, identity, self._cloud.clock, s3=self._service.name == "s3")

    def authorize(
        self, ctx: Context, parameters: Mapping[str, Any], demanded: Callable[[str], bool] | None = None
    ) -> list[Asked]:
        """Ask for everything that the operation needs, or for those of the actions that are demanded; what was asked,
        all of it allowed. Raises Denied, or the service's own refusal.
        """
        if self._closed_to is not None and ctx.identity is not None:
            closed = self._closed_to(ctx.identity, self._name)
            if closed is not None:
                raise closed
        ask = self._authorizer.ask
        asked: list[Asked] = []
        for prepared in self._needs:
            need = prepared.need
            if demanded is not None and not demanded(need.action):
                continue
            if prepared.is_due is not None and not prepared.is_due(ctx, parameters):
                continue
            for given in (parameters,) if need.parts is None else need.parts(parameters):
                for arn in prepared.arns(ctx, given):
                    one = ask(ctx, prepared, arn, given)
                    asked.append(one)
                    if not one.verdict.allowed:
                        raise self._denied(ctx, need, asked, given)
        return asked

    def _denied(self, ctx: Context, need: Need, asked: Sequence[Asked], parameters: Mapping[str, Any]) -> Denied:
        """The refusal of what was asked last."""
        identity, one = ctx.identity or ANONYMOUS, asked[-1]
        return not_authorized(
            denial(self._table, identity, one),
            table=self._table,
            protocol=self._protocol,
            asked=asked,
            request_id=ctx.request_id,
            message=self._authorizer.message(ctx, need, one, parameters),
        )


class Guard:
    """Authenticates and authorizes the requests to one cloud."""

    def __init__(self, cloud: Cloud, modules: Mapping[str, str]) -> None:
        """`modules` are the packages of services by botocore's names."""
        self._cloud = cloud
        self._modules = modules
        self._authorizer = Authorizer(cloud)
        cloud.authorizer = self._authorizer

    def admit_root(self, request: RequestData) -> None:
        """Refuse a request to Fogbank's own endpoints unless the default account's root signs it."""
        clock = self._cloud.clock
        verifier = Verifier(OWN, frozenset((OWN,)), "json")
        verified = verifier.verify(
            request, partial(_find_key, self._cloud), now_ms=clock.now_ms(), lag_ms=clock.offset_ms
        )
        root = f"arn:aws:iam::{self._cloud.account}:root"
        if verified is None or verified.key.principal_arn != root:
            raise not_authenticated(
                Why.UNSIGNED, "sign this request with the root's access key", service=OWN, protocol="json"
            )

    def operation(self, service: Service, name: str, protocol: str) -> GuardedOperation:
        return GuardedOperation(self._cloud, self._authorizer, service, self._modules[service.name], name, protocol)
