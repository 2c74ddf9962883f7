"""Secrets: made, changed, described, deleted after a while and restored until then."""

from typing import Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.core.tags import tag_map
from fogbank.services.secretsmanager import secret_ids
from fogbank.services.secretsmanager.base import Found, check_primary, check_unmanaged, new_suffix
from fogbank.services.secretsmanager.descriptions import described
from fogbank.services.secretsmanager.errors import InvalidParameter, InvalidRequest, ResourceExists, ResourceNotFound
from fogbank.services.secretsmanager.records import Place, Secret
from fogbank.services.secretsmanager.replication import ReplicationOperations
from fogbank.services.secretsmanager.stages import CURRENT, versions_to_stages
from fogbank.services.secretsmanager.tag_rules import check_tags
from fogbank.services.secretsmanager.versions import Value, check_token, token_in_use, value_of

_DAY_MS = 24 * 3600 * 1000
_RECOVERY_DAYS = range(7, 31)
_RECOVERY_DAYS_DEFAULT = 30


class SecretOperations(ReplicationOperations):
    """The operations on secrets as a whole, of `SecretsManagerService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._deletions = Alarms(cloud, "secretsmanager.deletions", key=(str, str, str), ring=self._due_for_deletion)

    def create_secret(
        self,
        ctx: Context,
        *,
        Name: str,
        ClientRequestToken: str | None = None,
        Description: str = "",
        KmsKeyId: str = "",
        SecretBinary: bytes | None = None,
        SecretString: str | None = None,
        Tags: list[dict[str, str]] | None = None,
        AddReplicaRegions: list[dict[str, str]] | None = None,
        ForceOverwriteReplicaSecret: bool = False,
    ) -> Answer:
        token = check_token(ClientRequestToken)
        secret_ids.check_name(Name)
        value = value_of(SecretString, SecretBinary)
        check_tags(ctx, Tags or [])
        there = self._tables.secrets.get((ctx.account, ctx.region, Name))
        if there is not None:
            return self._create_again(ctx, Found(ctx, (ctx.account, ctx.region, Name), there), token, value)
        secret = Secret(
            suffix=new_suffix(),
            created_ms=ctx.now_ms,
            changed_ms=ctx.now_ms,
            description=Description,
            key_id=KmsKeyId,
            tags=tag_map(Tags) if Tags else None,
        )
        found = self._create(ctx, Name, secret, token, value)
        answer: dict[str, Any] = dict(found.answer)
        if value is not None:
            answer["VersionId"] = token
        if AddReplicaRegions:
            self._add_replicas(ctx, found, AddReplicaRegions, overwrite=ForceOverwriteReplicaSecret)
            answer["ReplicationStatus"] = self._replication_status(found.secret)
        return answer

    def create_managed_secret(self, ctx: Context, name: str, value: str, *, owner: str) -> str:
        """A secret that a service keeps for its user, who can read it and not change it; its ARN."""
        secret = Secret(
            suffix=new_suffix(),
            created_ms=ctx.now_ms,
            changed_ms=ctx.now_ms,
            owner=owner,
            tags={"aws:secretsmanager:owningService": owner},
        )
        return self._create(ctx, name, secret, new_id(), Value(value.encode(), is_binary=False)).arn

    def put_managed_secret_value(self, ctx: Context, arn: str, value: str) -> None:
        """Another value for what `create_managed_secret` made."""
        found = self._find(ctx, arn)
        self._add_version(ctx, found, new_id(), Value(value.encode(), is_binary=False), (CURRENT,))
        self._save(ctx, found)

    def delete_managed_secret(self, ctx: Context, arn: str) -> None:
        """Remove at once what `create_managed_secret` made; one that is gone is no error."""
        try:
            found = self._find(ctx, arn)
        except ResourceNotFound:
            return
        self._remove(found.place)

    def delete_secret(
        self,
        ctx: Context,
        *,
        SecretId: str,
        RecoveryWindowInDays: int | None = None,
        ForceDeleteWithoutRecovery: bool = False,
    ) -> Answer:
        if ForceDeleteWithoutRecovery and RecoveryWindowInDays is not None:
            raise InvalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
        days = _RECOVERY_DAYS_DEFAULT if RecoveryWindowInDays is None else RecoveryWindowInDays
        if days not in _RECOVERY_DAYS:
            raise InvalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
        try:
            found = self._find(ctx, SecretId)
        except ResourceNotFound:
            if not ForceDeleteWithoutRecovery or SecretId.startswith("arn:"):
                raise
            # AWS answers as if it had been there.
            place = (ctx.account, ctx.region, SecretId)
            unreal = Found(ctx, place, Secret(new_suffix(), created_ms=ctx.now_ms, changed_ms=ctx.now_ms))
            return {**unreal.answer, "DeletionDate": ctx.now_ms / 1000}
        secret = found.secret
        check_unmanaged(found)
        check_primary(ctx, found)
        if secret.replicas:
            regions = ", ".join(replica.region for replica in secret.replicas)
            raise InvalidParameter(f"You can't delete secret {found.name} that still has replica regions [{regions}]")
        if ForceDeleteWithoutRecovery:
            self._remove(found.place)
            return {**found.answer, "DeletionDate": ctx.now_ms / 1000}
        if secret.deletion_ms:
            raise InvalidRequest(
                "You can't perform this operation on the secret because it was already scheduled for deletion."
            )
        secret.deletion_ms = ctx.now_ms + days * _DAY_MS
        self._deletions.set(found.place, secret.deletion_ms)
        self._unplan_rotation(found)
        self._save(ctx, found)
        return {**found.answer, "DeletionDate": secret.deletion_ms / 1000}

    def describe_secret(self, ctx: Context, *, SecretId: str) -> Answer:
        found = self._find(ctx, SecretId)
        answer = described(found.arn, found.name, found.secret)
        if found.secret.stages:
            answer["VersionIdsToStages"] = versions_to_stages(found.secret.stages)
        if found.secret.replicas:
            answer["ReplicationStatus"] = self._replication_status(found.secret)
        return answer

    def restore_secret(self, ctx: Context, *, SecretId: str) -> Answer:
        found = self._find(ctx, SecretId)
        check_primary(ctx, found)
        found.secret.deletion_ms = 0
        self._deletions.cancel(found.place)
        self._plan_rotation(ctx, found)
        self._save(ctx, found)
        return found.answer

    def update_secret(
        self,
        ctx: Context,
        *,
        SecretId: str,
        ClientRequestToken: str | None = None,
        Description: str | None = None,
        KmsKeyId: str | None = None,
        SecretBinary: bytes | None = None,
        SecretString: str | None = None,
    ) -> Answer:
        token = check_token(ClientRequestToken)
        value = value_of(SecretString, SecretBinary)
        found = self._writable(ctx, SecretId)
        check_unmanaged(found)
        if Description is not None:
            found.secret.description = Description
        if KmsKeyId is not None and KmsKeyId != found.secret.key_id:
            found.secret.key_id = KmsKeyId
            self._seal_anew(ctx, found)
        answer = found.answer
        if value is not None:
            self._add_version(ctx, found, token, value, (CURRENT,))
            self._current_changed(ctx, found)
            answer["VersionId"] = token
        self._save(ctx, found)
        return answer

    # ---- steps --------------------------------------------------------------------------------------------------

    def _create(self, ctx: Context, name: str, secret: Secret, version_id: str, value: Value | None) -> Found:
        found = Found(ctx, (ctx.account, ctx.region, name), secret)
        if value is not None:
            self._add_version(ctx, found, version_id, value, (CURRENT,))
        self._save(ctx, found)
        return found

    def _create_again(self, ctx: Context, found: Found, token: str, value: Value | None) -> Answer:
        """The answer to a creation that was done before, by the same token and with the same value."""
        if found.secret.deletion_ms:
            raise InvalidRequest(
                "You can't create this secret because a secret with this name is already scheduled for deletion."
            )
        version = self._tables.versions.get((*found.place, token))
        if version is None or version.sealed is None:
            raise ResourceExists(f"The operation failed because the secret {found.name} already exists.")
        if self._unsealed(ctx, found, token, version) != value:
            raise token_in_use(found, token)
        return {**found.answer, "VersionId": token}

    def _remove(self, place: Place) -> None:
        self._deletions.cancel(place)
        super()._remove(place)

    def _due_for_deletion(self, place: Place, alarm: Alarm) -> None:
        self._remove(place)
