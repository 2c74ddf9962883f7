"""Copies of secrets in other regions, each encrypted with a key of its region.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/replicate-secrets.html
A copy has the name and the ARN's end of its primary secret, and follows it in the transaction that changes it.
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer
from fogbank.services.secretsmanager.base import Found, check_unmanaged
from fogbank.services.secretsmanager.errors import InvalidParameter, InvalidRequest
from fogbank.services.secretsmanager.records import Place, Replica, Rotation, Secret, Version
from fogbank.services.secretsmanager.rotation import RotationOperations
from fogbank.services.secretsmanager.sealing import DEFAULT_KEY


class ReplicationOperations(RotationOperations):
    """The operations on replicas, of `SecretsManagerService`."""

    def remove_regions_from_replication(
        self, ctx: Context, *, SecretId: str, RemoveReplicaRegions: list[str]
    ) -> Answer:
        found = self._writable(ctx, SecretId)
        check_unmanaged(found)
        replicated = {replica.region for replica in found.secret.replicas}
        strangers = [region for region in RemoveReplicaRegions if region not in replicated]
        if strangers:  # AWS's sentence is not recorded.
            raise InvalidParameter(f"The secret is not replicated to {', '.join(strangers)}.")
        for replica in found.secret.replicas:
            if replica.region in RemoveReplicaRegions and replica.status != "Failed":
                self._remove(_place_of(found, replica.region))
        self._keep_replicas(found, without=RemoveReplicaRegions)
        self._save(ctx, found)
        return {"ARN": found.arn, "ReplicationStatus": self._replication_status(found.secret)}

    def replicate_secret_to_regions(
        self,
        ctx: Context,
        *,
        SecretId: str,
        AddReplicaRegions: list[dict[str, str]],
        ForceOverwriteReplicaSecret: bool = False,
    ) -> Answer:
        found = self._writable(ctx, SecretId)
        check_unmanaged(found)
        self._add_replicas(ctx, found, AddReplicaRegions, overwrite=ForceOverwriteReplicaSecret)
        return {"ARN": found.arn, "ReplicationStatus": self._replication_status(found.secret)}

    def stop_replication_to_replica(self, ctx: Context, *, SecretId: str) -> Answer:
        """The replica becomes a secret of its own, which nothing rotates yet."""
        found = self._living(ctx, SecretId)
        primary_region = found.secret.primary_region
        if primary_region in ("", ctx.region):  # AWS's sentence is not recorded.
            raise InvalidRequest("Operation not permitted on a secret that is not a replica.")
        place = _place_of(found, primary_region)
        primary = self._tables.secrets.get(place)
        found.secret.primary_region, found.secret.rotation = "", Rotation()
        self._save(ctx, found)
        if primary is not None:
            there = ctx.at(region=primary_region)
            left = Found(there, place, primary)
            self._keep_replicas(left, without=[ctx.region])
            self._save(there, left)
        return {"ARN": found.arn}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _save(self, ctx: Context, found: Found) -> None:
        for replica in found.secret.replicas:
            if replica.status != "Failed":
                self._copy(ctx, found, replica)
        super()._save(ctx, found)

    def _add_replicas(self, ctx: Context, found: Found, wanted: list[dict[str, str]], *, overwrite: bool) -> None:
        for each in wanted:
            region = each.get("Region", "")
            if not region or region == ctx.region:
                raise InvalidParameter("Invalid replica region.")
            self._keep_replicas(found, without=[region])
            replica = Replica(region, each.get("KmsKeyId", ""))
            place = _place_of(found, region)
            there = self._tables.secrets.get(place)
            if there is not None and (overwrite or there.primary_region == ctx.region):
                self._remove(place)
            elif there is not None:
                replica.status = "Failed"
                replica.status_message = (
                    f"Replication failed: Secret name {found.name} already exists in region {region}."
                )
            found.secret.replicas.append(replica)
        found.secret.primary_region = ctx.region
        self._save(ctx, found)

    def _keep_replicas(self, found: Found, *, without: list[str]) -> None:
        secret = found.secret
        secret.replicas = [replica for replica in secret.replicas if replica.region not in without]
        if not secret.replicas:
            secret.primary_region = ""

    def _copy(self, ctx: Context, found: Found, replica: Replica) -> None:
        """Make the replica what the secret is. Where its key does not do, the replica tells so and stays as it was."""
        place = _place_of(found, replica.region)
        there = ctx.at(account=place[0], region=replica.region)
        try:
            with self.cloud.store.transaction():
                self._copy_versions(ctx, found, there, place, replica)
        except AwsError as error:
            replica.status, replica.status_message = "Failed", error.message
            return
        former = self._tables.secrets.get(place)
        secret = found.secret
        rotation = secret.rotation
        self._tables.secrets.put(
            place,
            Secret(
                suffix=secret.suffix,
                created_ms=former.created_ms if former is not None else ctx.now_ms,
                changed_ms=ctx.now_ms,
                description=secret.description,
                key_id=replica.key_id,
                stages=secret.stages,
                accessed_ms=former.accessed_ms if former is not None else 0,
                tags=secret.tags,
                policy=secret.policy,
                owner=secret.owner,
                primary_region=ctx.region,
                rotation=Rotation(rotation.enabled, rotation.function, rotation.rules, last_ms=rotation.last_ms),
            ),
        )

    def _copy_versions(self, ctx: Context, found: Found, there: Context, place: Place, replica: Replica) -> None:
        copied = {str(key[3]): version for key, version in self._tables.versions.scan(place)}
        kept = dict(self._in_order(found))
        for version_id in copied.keys() - kept.keys():
            self._tables.versions.delete((*place, version_id))
        arn = Found(there, place, found.secret).arn
        for version_id, version in kept.items():
            copy = copied.get(version_id)
            if copy is not None and (copy.sealed is None) == (version.sealed is None):
                continue
            sealed = None
            if version.sealed is not None:
                value = self._unsealed(ctx, found, version_id, version)
                sealed = self._sealing.seal(
                    there, value.data, key_id=replica.key_id, secret_arn=arn, version=version_id
                )
            made = Version(version.number, version.created_ms, sealed, version.is_binary, replica.key_id)
            self._tables.versions.put((*place, version_id), made)

    def _replication_status(self, secret: Secret) -> list[dict[str, Any]]:
        answers = []
        for replica in secret.replicas:
            answer = {"Region": replica.region, "KmsKeyId": replica.key_id or DEFAULT_KEY, "Status": replica.status}
            if replica.status_message:
                answer["StatusMessage"] = replica.status_message
            answers.append(answer)
        return answers


def _place_of(found: Found, region: str) -> Place:
    return (found.place[0], region, found.name)
