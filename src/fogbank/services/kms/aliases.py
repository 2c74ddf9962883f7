"""Aliases: https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"""

import re
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.core.store import Key as StoreKey
from fogbank.services.kms.base import ALIAS, KmsBase, check_not, paged
from fogbank.services.kms.errors import AlreadyExists, InvalidAliasName, NotFound, Validation
from fogbank.services.kms.records import PENDING_DELETION, PENDING_REPLICA_DELETION, Alias, Key

_RESERVED = ALIAS + "aws/"
_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]+")


class Aliases(KmsBase):
    """The aliases of `KmsService`."""

    def create_alias(self, ctx: Context, *, AliasName: str, TargetKeyId: str) -> Answer:
        _check_name(AliasName)
        key = self._target(ctx, TargetKeyId)
        place = (ctx.account, ctx.region, AliasName)
        if self._tables.aliases.get(place) is not None:
            raise AlreadyExists(f"An alias with the name {ctx.arn('kms', AliasName)} already exists")
        self._tables.aliases.put(place, Alias(key.id, created_ms=ctx.now_ms, updated_ms=ctx.now_ms))
        return None

    def delete_alias(self, ctx: Context, *, AliasName: str) -> Answer:
        _check_name(AliasName)
        if not self._tables.aliases.delete((ctx.account, ctx.region, AliasName)):
            raise _not_found(ctx, AliasName)
        return None

    def list_aliases(
        self, ctx: Context, *, KeyId: str | None = None, Limit: int | None = None, Marker: str | None = None
    ) -> Answer:
        key_id = self._key(ctx, KeyId).id if KeyId is not None else None
        rows, rest = paged(
            self._tables.aliases,
            (ctx.account, ctx.region),
            Marker,
            Limit,
            wanted=lambda place, alias: key_id in (None, alias.key_id),
        )
        return {"Aliases": [_entry(ctx, place, alias) for place, alias in rows], **rest}

    def update_alias(self, ctx: Context, *, AliasName: str, TargetKeyId: str) -> Answer:
        _check_name(AliasName)
        place = (ctx.account, ctx.region, AliasName)
        alias = self._tables.aliases.get(place)
        if alias is None:
            raise _not_found(ctx, AliasName)
        key = self._target(ctx, TargetKeyId)
        before = self._key(ctx, alias.key_id)
        if (before.spec, before.usage) != (key.spec, key.usage):
            raise Validation(
                f"Alias {AliasName} cannot be changed from a key with the key usage {before.usage} and the key spec "
                f"{before.spec} to one with the key usage {key.usage} and the key spec {key.spec}."
            )
        alias.key_id, alias.updated_ms = key.id, ctx.now_ms
        self._tables.aliases.put(place, alias)
        return None

    def _target(self, ctx: Context, key_id: str) -> Key:
        key = self._key_to_change(ctx, key_id)
        check_not(key, PENDING_DELETION, PENDING_REPLICA_DELETION)
        return key


def _check_name(name: str) -> None:
    if not name.startswith(ALIAS):
        raise Validation(
            'Alias must start with the prefix "alias/". '
            "Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
        )
    if name.startswith(_RESERVED):
        raise InvalidAliasName("The alias name cannot begin with alias/aws/, which is reserved for AWS managed keys.")
    if not _NAME.fullmatch(name):
        raise InvalidAliasName(f"{name} contains invalid characters for an alias")


def _entry(ctx: Context, place: StoreKey, alias: Alias) -> dict[str, Any]:
    return {
        "AliasName": place[2],
        "AliasArn": ctx.arn("kms", place[2]),
        "TargetKeyId": alias.key_id,
        "CreationDate": alias.created_ms / 1000,
        "LastUpdatedDate": alias.updated_ms / 1000,
    }


def _not_found(ctx: Context, name: str) -> NotFound:
    return NotFound(f"Alias {ctx.arn('kms', name)} is not found.")
