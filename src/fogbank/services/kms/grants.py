"""Grants: https://docs.aws.amazon.com/kms/latest/developerguide/grants.html"""

import base64
import secrets
from typing import Any

import msgspec

from fogbank.core import named_principals
from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.master_key import NotWrappedHere
from fogbank.core.service import Answer
from fogbank.core.store import Key as StoreKey
from fogbank.services.kms.base import KmsBase, check_usable, paged
from fogbank.services.kms.errors import (
    DryRunOperation,
    InvalidArn,
    InvalidGrantToken,
    NotFound,
    Validation,
)
from fogbank.services.kms.key_specs import AGREE, ENCAPSULATE, ENCRYPT, MAC, SIGN
from fogbank.services.kms.records import Grant, Key, is_service

_TOKEN = "kms:grant-token"
_ANY_KEY = frozenset(("CreateGrant", "RetireGrant", "DescribeKey"))
_BY_USAGE = {
    ENCRYPT: frozenset(("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo")),
    SIGN: frozenset(("Sign", "Verify", "GetPublicKey")),
    MAC: frozenset(("GenerateMac", "VerifyMac")),
    AGREE: frozenset(("DeriveSharedSecret", "GetPublicKey")),
    ENCAPSULATE: frozenset(("Encapsulate", "Decapsulate", "GetPublicKey")),
}
_DATA_KEYS = frozenset(
    (
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
    )
)
_CONTEXT_PAIRS_MAX = 8
_CONTEXT_CHARACTERS_MAX = 384
_IDENTITIES = ("iam", "sts")


class Grants(KmsBase):
    """The grants of `KmsService`. They hold at once, so that a token is never needed, only checked."""

    def create_grant(
        self,
        ctx: Context,
        *,
        KeyId: str,
        Operations: list[str],
        GranteePrincipal: str | None = None,
        RetiringPrincipal: str | None = None,
        Constraints: dict[str, Any] | None = None,
        GrantTokens: list[str] | None = None,
        Name: str = "",
        DryRun: bool = False,
        GranteeServicePrincipal: str | None = None,
        RetiringServicePrincipal: str | None = None,
    ) -> Answer:
        self._check_tokens(GrantTokens)
        key = self._key(ctx, KeyId, foreign=True)
        check_usable(key)
        constraints = Constraints or {}
        grant = Grant(
            id=secrets.token_hex(32),
            grantee=_principal(ctx, "Grantee", GranteePrincipal, GranteeServicePrincipal),
            operations=sorted(set(Operations), key=Operations.index),
            created_ms=ctx.now_ms,
            issuer=ctx.account,
            name=Name,
            retiring=_principal(ctx, "Retiring", RetiringPrincipal, RetiringServicePrincipal),
            context_subset=constraints.get("EncryptionContextSubset"),
            context_equals=constraints.get("EncryptionContextEquals"),
            source_arn=constraints.get("SourceArn", ""),
        )
        if not grant.grantee:
            raise Validation("You must specify either GranteePrincipal or GranteeServicePrincipal.")
        if GranteeServicePrincipal is not None and not (grant.source_arn and grant.retiring):
            raise Validation("A grant to a service needs the SourceArn constraint and a retiring principal or service.")
        _check_fits(key, grant)
        if DryRun:
            raise DryRunOperation()
        grant = self._same(key, grant) or grant
        self._tables.grants.put((*key.place, grant.id), grant)
        return {"GrantId": grant.id, "GrantToken": self._new_token(key, grant)}

    def list_grants(
        self,
        ctx: Context,
        *,
        KeyId: str,
        Limit: int | None = None,
        Marker: str | None = None,
        GrantId: str | None = None,
        GranteePrincipal: str | None = None,
        GranteeServicePrincipal: str | None = None,
    ) -> Answer:
        key = self._key(ctx, KeyId, foreign=True)
        grantee = GranteePrincipal or GranteeServicePrincipal
        rows, rest = paged(
            self._tables.grants,
            key.place,
            Marker,
            Limit,
            wanted=lambda place, grant: (
                GrantId in (None, grant.id) and grantee in (None, named_principals.arn_of(ctx, grant.grantee))
            ),
        )
        return {"Grants": [_entry(ctx, key.arn, grant) for _, grant in rows], **rest}

    def list_retirable_grants(
        self,
        ctx: Context,
        *,
        RetiringPrincipal: str | None = None,
        RetiringServicePrincipal: str | None = None,
        Limit: int | None = None,
        Marker: str | None = None,
    ) -> Answer:
        retiring = _principal(ctx, "Retiring", RetiringPrincipal, RetiringServicePrincipal)
        if not retiring:
            raise Validation("You must specify either RetiringPrincipal or RetiringServicePrincipal.")
        rows, rest = paged(
            self._tables.grants,
            (ctx.account, ctx.region),
            Marker,
            Limit,
            # Older grants name users and roles by their ARNs.
            wanted=lambda place, grant: grant.retiring in (retiring, RetiringPrincipal),
        )
        return {"Grants": [_entry(ctx, ctx.arn("kms", f"key/{place[2]}"), grant) for place, grant in rows], **rest}

    def retire_grant(
        self,
        ctx: Context,
        *,
        GrantToken: str | None = None,
        KeyId: str | None = None,
        GrantId: str | None = None,
        DryRun: bool = False,
    ) -> Answer:
        if GrantToken is not None and KeyId is None and GrantId is None:
            place = self._read_token(GrantToken)
        elif GrantToken is None and KeyId is not None and GrantId is not None:
            place = (*self._key(ctx, KeyId, foreign=True).place, GrantId)
        else:
            raise Validation("You must specify either GrantToken or both KeyId and GrantId.")
        self._remove(place, DryRun)
        return None

    def revoke_grant(self, ctx: Context, *, KeyId: str, GrantId: str, DryRun: bool = False) -> Answer:
        self._remove((*self._key(ctx, KeyId, foreign=True).place, GrantId), DryRun)
        return None

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _remove(self, place: StoreKey, dry_run: bool) -> None:
        if self._tables.grants.get(place) is None:
            raise NotFound(f"Grant ID {place[3]} not found")
        if dry_run:
            raise DryRunOperation()
        self._tables.grants.delete(place)

    def _same(self, key: Key, grant: Grant) -> Grant | None:
        """The grant that is there by that name and is the same, so that a request can be sent again."""
        if not grant.name:
            return None
        for _, found in self._tables.grants.scan(key.place):
            if msgspec.structs.replace(grant, id=found.id, created_ms=found.created_ms) == found:
                return found
        return None

    def _new_token(self, key: Key, grant: Grant) -> str:
        payload = msgspec.msgpack.encode((*key.place, grant.id))
        return base64.b64encode(self.cloud.master_key.wrap(payload, purpose=_TOKEN)).decode()

    def _read_token(self, token: str) -> StoreKey:
        """Where the grant of the token is, or was."""
        try:
            payload = self.cloud.master_key.unwrap(base64.b64decode(token, validate=True), purpose=_TOKEN)
        except (ValueError, NotWrappedHere):  # Also what is not ASCII is no Base64.
            raise InvalidGrantToken("The grant token is invalid.") from None
        return msgspec.msgpack.decode(payload, type=tuple[str, str, str, str])

    def _check_tokens(self, tokens: list[str] | None) -> None:
        for token in tokens or ():
            self._read_token(token)


def _principal(ctx: Context, role: str, arn: str | None, service: str | None) -> str:
    if arn is not None and service is not None:
        raise Validation(f"You cannot specify both {role}Principal and {role}ServicePrincipal.")
    if arn is None:
        return service or ""
    if arn.isdigit() and len(arn) == 12:
        return f"arn:aws:iam::{arn}:root"
    parsed = parse_arn(arn)
    if parsed is None or parsed.service not in _IDENTITIES:
        raise InvalidArn(f"{arn} is not the ARN of a principal.")
    try:
        return named_principals.id_of(ctx, arn)
    except named_principals.NoSuchPrincipal:
        # The sentence is not recorded; the error's code is.
        raise InvalidArn(f"{arn} is not the ARN of a principal.") from None


def operations_of(key: Key) -> frozenset[str]:
    """What a grant of the key may allow."""
    own = _BY_USAGE[key.usage]
    if key.usage == ENCRYPT:
        own |= _DATA_KEYS if key.symmetric else {"GetPublicKey"}
    return own | _ANY_KEY


def _check_fits(key: Key, grant: Grant) -> None:
    unfit = [operation for operation in grant.operations if operation not in operations_of(key)]
    if unfit:
        raise Validation(f"The operations {', '.join(unfit)} are not supported by {key.arn}.")
    for pairs in (grant.context_equals, grant.context_subset):
        if pairs is None:
            continue
        if not key.symmetric:
            raise Validation("Encryption context constraints are only valid for symmetric encryption keys.")
        if len(pairs) > _CONTEXT_PAIRS_MAX or any(len(value) > _CONTEXT_CHARACTERS_MAX for value in pairs.values()):
            raise Validation(
                f"A constraint has at most {_CONTEXT_PAIRS_MAX} pairs of at most {_CONTEXT_CHARACTERS_MAX} characters."
            )


def _entry(ctx: Context, key_arn: str, grant: Grant) -> dict[str, Any]:
    constraints: dict[str, Any] = {}
    if grant.context_subset is not None:
        constraints["EncryptionContextSubset"] = grant.context_subset
    if grant.context_equals is not None:
        constraints["EncryptionContextEquals"] = grant.context_equals
    if grant.source_arn:
        constraints["SourceArn"] = grant.source_arn
    entry: dict[str, Any] = {
        "KeyId": key_arn,
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": grant.created_ms / 1000,
        "IssuingAccount": f"arn:aws:iam::{grant.issuer}:root",
        "Operations": grant.operations,
    }
    for role, named in (("Grantee", grant.grantee), ("Retiring", grant.retiring)):
        if named:
            # Services that grant to themselves are told as other principals are.
            as_service = grant.source_arn and is_service(named)
            entry[f"{role}ServicePrincipal" if as_service else f"{role}Principal"] = named_principals.arn_of(ctx, named)
    return entry | ({"Constraints": constraints} if constraints else {})
