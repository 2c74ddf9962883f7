"""ListSecrets, and what else goes over the secrets of a region."""

from collections.abc import Callable
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.secretsmanager.base import Found
from fogbank.services.secretsmanager.descriptions import described
from fogbank.services.secretsmanager.filters import check_filters, matches
from fogbank.services.secretsmanager.pages import page
from fogbank.services.secretsmanager.secret_operations import SecretOperations
from fogbank.services.secretsmanager.stages import versions_to_stages

_PAGE_MAX = 100

_ORDERS: dict[str, Callable[[Found], Any]] = {
    "created-date": lambda found: found.secret.created_ms,
    "last-accessed-date": lambda found: found.secret.accessed_ms,
    "last-changed-date": lambda found: found.secret.changed_ms,
    "name": lambda found: found.name,
}


class Listing(SecretOperations):
    """The operation ListSecrets of `SecretsManagerService`."""

    def list_secrets(
        self,
        ctx: Context,
        *,
        IncludePlannedDeletion: bool = False,
        MaxResults: int | None = None,
        NextToken: str | None = None,
        Filters: list[dict[str, Any]] | None = None,
        SortOrder: str = "desc",
        SortBy: str = "created-date",
    ) -> Answer:
        found = self._matching(ctx, Filters or [], deleted=IncludePlannedDeletion)
        found.sort(key=_ORDERS[SortBy], reverse=SortOrder == "desc")
        by_name = {each.name: each for each in found}
        names, token = page(list(by_name), NextToken, MaxResults or _PAGE_MAX)
        return {"SecretList": [_listed(by_name[name]) for name in names], **token}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _matching(self, ctx: Context, filters: list[dict[str, Any]], *, deleted: bool = False) -> list[Found]:
        check_filters(filters)
        return [
            Found(ctx, (key[0], key[1], key[2]), secret)
            for key, secret in self._tables.secrets.scan((ctx.account, ctx.region))
            if (deleted or not secret.deletion_ms) and matches(filters, str(key[2]), secret)
        ]


def _listed(found: Found) -> dict[str, Any]:
    answer = described(found.arn, found.name, found.secret)
    if found.secret.stages:
        answer["SecretVersionsToStages"] = versions_to_stages(found.secret.stages)
    return answer
