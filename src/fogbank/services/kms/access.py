"""Who may use a key: what its policy and its grants say, and whether a service may use it on somebody's behalf.

https://docs.aws.amazon.com/kms/latest/developerguide/policy-conditions.html
"""

import json
from collections.abc import Mapping, Sequence

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.kms import ciphertexts
from fogbank.services.kms.base import ALIAS
from fogbank.services.kms.encryption import Encryption
from fogbank.services.kms.errors import AccessDenied
from fogbank.services.kms.key_policies import default_policy
from fogbank.services.kms.records import CONTEXT_KEY, CONTEXT_KEYS, Key, key_arn

Facts = Mapping[str, str | Sequence[str]]
"""Condition keys with their values."""


class Access(Encryption):
    """What `KmsService` tells who authorizes requests to it."""

    def key_named(self, ctx: Context, name: str) -> str:
        """The ARN of the key that an operation means by that name, which need not be there."""
        try:
            return self._key(ctx, name, alias=True, foreign=True).arn
        except AwsError:
            return name if name.startswith("arn:") else key_arn(ctx.region, ctx.account, name)

    def key_of_ciphertext(self, ctx: Context, blob: bytes) -> str:
        """The ARN of the key of a symmetric ciphertext; `*` if it is none."""
        try:
            header = ciphertexts.read_header(blob)
        except AwsError:
            return "*"
        return key_arn(ctx.region, header.account, header.key_id)

    def key_of_grant_token(self, ctx: Context, token: str) -> str:
        """The ARN of the key of a grant token; `*` if it is none."""
        try:
            account, region, key_id, _ = self._read_token(token)
        except AwsError:
            return "*"
        return key_arn(region, account, key_id)

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        """The key's policy, with its grants as further statements. What is no key leaves it to IAM's policies."""
        key = self._key_at(arn)
        if key is None:
            return default_policy(ctx.account)
        grants = [each for _, grant in self._tables.grants.scan(key.place) for each in grant.statements()]
        if not grants:
            return key.policy
        policy = json.loads(key.policy)
        given = policy["Statement"]
        statements = [*(given if isinstance(given, list) else [given]), *grants]
        return json.dumps(policy | {"Statement": statements})

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        key = self._key_at(arn)
        return {} if key is None else key.tags

    def facts_of(self, ctx: Context, arn: str) -> Facts:
        """The condition keys that a key tells about itself."""
        key = self._key_at(arn)
        if key is None:
            return {}
        names = [place[2] for place, alias in self._tables.aliases.scan(key.place[:2]) if alias.key_id == key.id]
        return {
            "kms:KeySpec": key.spec,
            "kms:KeyUsage": key.usage,
            "kms:KeyOrigin": key.origin,
            "kms:MultiRegion": str(bool(key.primary_region)).lower(),
            **({"kms:MultiRegionKeyType": "REPLICA" if key.replica else "PRIMARY"} if key.primary_region else {}),
            **({"kms:ResourceAliases": names} if names else {}),
        }

    def _key_at(self, arn: str) -> Key | None:
        place = parse_arn(arn)
        if place is None or not place.resource.startswith("key/"):
            return None
        return self._tables.keys.peek((place.account, place.region, place.resource.removeprefix("key/")))

    def _check_use(
        self,
        ctx: Context,
        key: Key,
        action: str,
        context: Mapping[str, str],
        via: str,
        facts: Facts | None = None,
    ) -> None:
        """Raise AccessDenied unless who asks the service `via` may use the key through it. What the cloud does by
        itself is on nobody's behalf.
        """
        authorizer, identity = self.cloud.authorizer, ctx.identity
        if authorizer is None or identity is None:
            return
        through = identity._replace(services=(*identity.services, service_of(via)))
        told = {**facts_of_key(ctx, key.arn, None, context), "kms:ViaService": via, **(facts or {})}
        refusal = authorizer.refusal(ctx, through, action, key.arn, told, self, policy_decides=True)
        if refusal is not None:
            raise AccessDenied(refusal.sentence, headers=refusal.headers)


def service_of(via: str) -> str:
    """The principal of a service that is named with its region, as `kms:ViaService` does."""
    return via.partition(".")[0] + ".amazonaws.com"


def facts_of_key(ctx: Context, arn: str, name: str | None, context: Mapping[str, str] | None) -> Facts:
    """The condition keys that a use of a key tells; `name` is what the request calls it."""
    facts: dict[str, str | list[str]] = {"kms:CallerAccount": ctx.account}
    facts |= ctx.cloud.kms.facts_of(ctx, arn)
    if name is not None and ALIAS in name:
        facts["kms:RequestAlias"] = name[name.index(ALIAS) :]
    return facts | context_facts(context or {})


def context_facts(context: Mapping[str, str]) -> dict[str, str | list[str]]:
    """The condition keys that an encryption context tells."""
    facts: dict[str, str | list[str]] = {f"{CONTEXT_KEY}{key}": value for key, value in context.items()}
    return facts | ({CONTEXT_KEYS: list(context)} if context else {})
