"""The unique ids of users and roles that policies name, and whom they belong to: see `core.named_principals`."""

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.iam.records import IamTables, NamedPrincipal, Role, User


class NamedPrincipals(Service):
    """What `IamService` tells of the principals of policies. An id is noted when a policy first names it."""

    _tables: IamTables

    def named_principal(self, ctx: Context, principal: str) -> str | None:
        """The unique id of a user or a role, given its ARN or that id itself; None if it is not there."""
        found = _of_arn(principal) or self._tables.named.peek((principal,)) or self._of_id(ctx.account, principal)
        holder = self._holder(found) if found is not None else None
        if found is None or holder is None or principal not in (holder.id, _arn(found, holder)):
            return None
        self._tables.named.put((holder.id,), found)
        return holder.id

    def principal_arn(self, unique_id: str) -> str | None:
        """The ARN that a user or a role has now; None if it is gone, or if no policy has named it."""
        found = self._tables.named.peek((unique_id,))
        holder = self._holder(found) if found is not None else None
        if found is None or holder is None or holder.id != unique_id:
            return None
        return _arn(found, holder)

    def knows(self, ctx: Context, account: str) -> bool:
        """Whether the users and roles of an account are in this cloud: the caller's, or one that has any."""
        tables = (self._tables.users, self._tables.roles)
        return account == ctx.account or any(table.first((account,)) is not None for table in tables)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _holder(self, principal: NamedPrincipal) -> User | Role | None:
        place = (principal.account, principal.name)
        if principal.kind == "user":
            return self._tables.users.peek(place)
        return self._tables.roles.peek(place) if principal.kind == "role" else None

    def _of_id(self, account: str, unique_id: str) -> NamedPrincipal | None:
        for kind, table in (("user", self._tables.users), ("role", self._tables.roles)):
            for _, holder in table.scan((account,)):
                if holder.id == unique_id:
                    return NamedPrincipal(account, kind, holder.name)
        return None

    def _renamed(self, account: str, user: User) -> None:
        """Policies go on to name a user who is called otherwise now."""
        if self._tables.named.peek((user.id,)) is not None:
            self._tables.named.put((user.id,), NamedPrincipal(account, "user", user.name))

    def _gone(self, holder: User | Role) -> None:
        """Policies that name it show its id from now on."""
        self._tables.named.delete((holder.id,))


def _of_arn(text: str) -> NamedPrincipal | None:
    arn = parse_arn(text)
    if arn is None:
        return None
    kind, _, path = arn.resource.partition("/")
    return NamedPrincipal(arn.account, kind, path.rpartition("/")[2])


def _arn(principal: NamedPrincipal, holder: User | Role) -> str:
    return f"arn:aws:iam::{principal.account}:{principal.kind}{holder.path}{holder.name}"
