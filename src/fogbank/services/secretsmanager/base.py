"""Secrets and how they are found: what all of Secrets Manager's operations stand on."""

import secrets
import string

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.secretsmanager import secret_ids
from fogbank.services.secretsmanager.errors import InvalidRequest, ResourceNotFound
from fogbank.services.secretsmanager.records import Place, Secret, SecretTables
from fogbank.services.secretsmanager.sealing import Sealing
from fogbank.services.secretsmanager.secret_ids import secret_arn

_SUFFIX_ALPHABET = string.ascii_letters + string.digits


class Found:
    """A secret, where it is, and the context of its account, in which the key that it is encrypted with is asked."""

    __slots__ = ("arn", "is_foreign", "name", "place", "secret")

    def __init__(self, ctx: Context, place: Place, secret: Secret) -> None:
        self.place = place
        self.secret = secret
        self.name = place[2]
        self.arn = secret_arn(place, secret.suffix)
        self.is_foreign = place[0] != ctx.account

    @property
    def answer(self) -> dict[str, str]:
        return {"ARN": self.arn, "Name": self.name}


class SecretsBase(Service):
    """The secrets and their rows."""

    name = "secretsmanager"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = SecretTables(cloud.store)
        self._sealing = Sealing(cloud)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _find(self, ctx: Context, secret_id: str) -> Found:
        """The secret, even if it is to be deleted."""
        wanted = secret_ids.read(ctx, secret_id)
        place = (wanted.account, wanted.region, wanted.name)
        secret = self._tables.secrets.get(place) if wanted.region == ctx.region else None
        if secret is None or wanted.suffix not in ("", secret.suffix):
            raise ResourceNotFound()
        return Found(ctx, place, secret)

    def _living(self, ctx: Context, secret_id: str) -> Found:
        """The secret; InvalidRequest if it is to be deleted."""
        found = self._find(ctx, secret_id)
        if found.secret.deletion_ms:
            raise InvalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
        return found

    def _writable(self, ctx: Context, secret_id: str) -> Found:
        """The secret, which is neither to be deleted nor a copy of one in another region."""
        found = self._living(ctx, secret_id)
        check_primary(ctx, found)
        return found

    def _save(self, ctx: Context, found: Found) -> None:
        """Store what has changed."""
        found.secret.changed_ms = ctx.now_ms
        self._tables.secrets.put(found.place, found.secret)

    def _remove(self, place: Place) -> None:
        """Remove a secret and all that is planned for it."""
        self._tables.secrets.delete(place)
        self._tables.versions.delete_all(place)


def new_suffix() -> str:
    """The random end of an ARN: a secret that is made anew is another one to policies that name it."""
    return "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(6))


def check_primary(ctx: Context, found: Found) -> None:
    if found.secret.primary_region not in ("", ctx.region):
        raise InvalidRequest(
            "Operation not permitted on a replica secret. Call must be made in primary secret's region."
        )


def check_unmanaged(found: Found) -> None:
    """What a service keeps for its user is changed through that service."""
    if found.secret.owner:  # AWS's sentence is not recorded.
        raise InvalidRequest(
            f"You can't perform this operation on the secret because it is managed by {found.secret.owner}."
        )
