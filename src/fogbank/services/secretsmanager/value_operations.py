"""The values of secrets: put, read, listed, and which of them has which staging label."""

from collections.abc import Iterable
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer
from fogbank.services.secretsmanager.base import Found, check_unmanaged
from fogbank.services.secretsmanager.errors import InvalidParameter, InvalidRequest, ResourceNotFound
from fogbank.services.secretsmanager.listing import Listing
from fogbank.services.secretsmanager.pages import page
from fogbank.services.secretsmanager.stages import CURRENT, labels_of
from fogbank.services.secretsmanager.versions import check_token, value_of

_BATCH_MAX = 20
_PAGE_MAX = 100


class ValueOperations(Listing):
    """The operations on versions and their values, of `SecretsManagerService`."""

    def batch_get_secret_value(
        self,
        ctx: Context,
        *,
        SecretIdList: list[str] | None = None,
        Filters: list[dict[str, Any]] | None = None,
        MaxResults: int | None = None,
        NextToken: str | None = None,
    ) -> Answer:
        if (SecretIdList is None) == (Filters is None):
            raise InvalidParameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
        if SecretIdList is not None and (MaxResults is not None or NextToken is not None):
            # AWS's sentence is not recorded.
            raise InvalidParameter("MaxResults and NextToken can be used with Filters only.")
        token: dict[str, str] = {}
        wanted = SecretIdList or []
        if Filters is not None:
            wanted = [found.arn for found in self._matching(ctx, Filters)]
            wanted, token = page(wanted, NextToken, MaxResults or _BATCH_MAX)
        values, errors = [], []
        for secret_id in wanted:
            try:
                self._check_leave(ctx, "GetSecretValue", secret_id)
                values.append(self._answer_of(ctx, self._living(ctx, secret_id), None, None))
            except AwsError as error:
                errors.append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
        return {"SecretValues": values, "Errors": errors, **token}

    def get_secret_value(
        self, ctx: Context, *, SecretId: str, VersionId: str | None = None, VersionStage: str | None = None
    ) -> Answer:
        return self._answer_of(ctx, self._living(ctx, SecretId), VersionId, VersionStage)

    def list_secret_version_ids(
        self,
        ctx: Context,
        *,
        SecretId: str,
        MaxResults: int | None = None,
        NextToken: str | None = None,
        IncludeDeprecated: bool = False,
    ) -> Answer:
        found = self._find(ctx, SecretId)
        labelled = set(found.secret.stages.values())
        versions = dict(self._in_order(found))
        shown = [version_id for version_id in versions if IncludeDeprecated or version_id in labelled]
        listed, token = page(shown, NextToken, MaxResults or _PAGE_MAX)
        answers = []
        for version_id in listed:
            version = versions[version_id]
            optional = {
                "VersionStages": labels_of(found.secret.stages, version_id),
                "LastAccessedDate": version.accessed_ms / 1000,
            }
            answers.append(
                {
                    "VersionId": version_id,
                    "CreatedDate": version.created_ms / 1000,
                    "KmsKeyIds": [version.key_id or "DefaultEncryptionKey"],
                }
                | {member: value for member, value in optional.items() if value}
            )
        return {**found.answer, "Versions": answers, **token}

    def put_secret_value(
        self,
        ctx: Context,
        *,
        SecretId: str,
        ClientRequestToken: str | None = None,
        SecretBinary: bytes | None = None,
        SecretString: str | None = None,
        VersionStages: list[str] | None = None,
        RotationToken: str | None = None,
    ) -> Answer:
        token = check_token(ClientRequestToken)
        value = value_of(SecretString, SecretBinary)
        if value is None:
            raise InvalidRequest("You must provide either SecretString or SecretBinary.")
        found = self._writable(ctx, SecretId)
        check_unmanaged(found)
        self._check_key_is_shared(found)
        if RotationToken is not None and RotationToken != found.secret.rotation.token:  # not recorded
            raise InvalidParameter("The RotationToken is not of a rotation of this secret.")
        self._add_version(ctx, found, token, value, VersionStages or (CURRENT,))
        self._labelled(ctx, found, VersionStages or (CURRENT,))
        self._save(ctx, found)
        return {**found.answer, "VersionId": token, "VersionStages": labels_of(found.secret.stages, token)}

    def update_secret_version_stage(
        self,
        ctx: Context,
        *,
        SecretId: str,
        VersionStage: str,
        RemoveFromVersionId: str | None = None,
        MoveToVersionId: str | None = None,
    ) -> Answer:
        found = self._writable(ctx, SecretId)
        check_unmanaged(found)
        holder = found.secret.stages.get(VersionStage)
        self._check_move(found, VersionStage, holder, RemoveFromVersionId, MoveToVersionId)
        if MoveToVersionId is not None:
            self._attach(found, MoveToVersionId, (VersionStage,))
        else:
            del found.secret.stages[VersionStage]
        self._labelled(ctx, found, (VersionStage,))
        self._save(ctx, found)
        return found.answer

    # ---- steps --------------------------------------------------------------------------------------------------

    def _labelled(self, ctx: Context, found: Found, labels: Iterable[str]) -> None:
        if CURRENT in labels:
            self._current_changed(ctx, found)

    def _answer_of(self, ctx: Context, found: Found, version_id: str | None, stage: str | None) -> dict[str, Any]:
        self._check_key_is_shared(found)
        stages = found.secret.stages
        if version_id is None:
            wanted, words = stages.get(stage or CURRENT, ""), f"staging label: {stage or CURRENT}"
        else:
            wanted, words = version_id, f"VersionId: {version_id}"
        version = self._tables.versions.get((*found.place, wanted))
        if version is None or version.sealed is None:
            raise ResourceNotFound(f"Secrets Manager can't find the specified secret value for {words}")
        if version_id is not None and stage is not None and stages.get(stage) != version_id:
            raise InvalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
        value = self._unsealed(ctx, found, wanted, version)
        self._note_access(ctx, found, wanted, version)
        answer = {**found.answer, "VersionId": wanted, **value.members, "CreatedDate": version.created_ms / 1000}
        labels = labels_of(stages, wanted)
        return {**answer, "VersionStages": labels} if labels else answer

    def _check_key_is_shared(self, found: Found) -> None:
        """Nobody else's account can use the default key."""
        if found.is_foreign and not found.secret.key_id:
            raise InvalidRequest(
                "You can't access a secret from a different AWS account if you encrypt the secret with the default "
                "KMS service key."
            )

    def _check_move(self, found: Found, label: str, holder: str | None, source: str | None, target: str | None) -> None:
        if source is None and target is None:  # AWS's sentence is not recorded.
            raise InvalidParameter("You must specify RemoveFromVersionId, MoveToVersionId, or both.")
        if target is not None and self._tables.versions.get((*found.place, target)) is None:
            raise ResourceNotFound(f"Secrets Manager can't find the specified secret value for VersionId: {target}")
        if source is None and holder not in (None, target):
            raise InvalidParameter(
                f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to "
                f"version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )
        if source is not None and source != holder:
            # AWS's sentence is not recorded.
            raise InvalidParameter(f"The staging label {label} is not attached to version {source}.")
        if target is None and label == CURRENT:
            raise InvalidParameter(
                f"You can only move staging label {label} to a different secret version. "
                "It can\u2019t be completely removed."
            )
