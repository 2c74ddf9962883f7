"""Who asks and what may they do: access keys and roles with the policies that go with them, for authorization."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import AccessKey
from fogbank.core.policies import read_policy
from fogbank.core.policy_evaluation import Identity, Kind, Source
from fogbank.core.service import Service
from fogbank.core.store import Written, written_together
from fogbank.services.iam.aws_managed import aws_managed_policies, is_aws_managed
from fogbank.services.iam.records import Group, IamTables, Role, User

_EVERYTHING = Source(
    "root", read_policy('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')
)


class Identities(Service):
    """What `IamService` tells of those who sign requests, and of roles that services act as."""

    _tables: IamTables

    @cached_property
    def deciding(self) -> Written:
        """When that was last changed which says whom access keys stand for and what they may do."""
        tables, cloud = self._tables, self.cloud
        own = (tables.users, tables.groups, tables.roles, tables.policies)
        return written_together((cloud.access_keys, *own, *cloud.organizations.deciding_tables))

    def identity_of(self, key: AccessKey) -> Identity:
        """Whom an access key stands for. A user or role that is gone has no policies any more, whoever has its name."""
        issuer = key.issuer_arn or key.principal_arn
        if issuer.endswith(":root"):
            found = Identity(Kind.ROOT, key.principal_arn, key.account, key.user_id)
        elif ":assumed-role/" in issuer:
            # The name is enough: it is unique in its account, and the session's ARN has no path.
            found = self._role_identity(key.account, issuer.split("/")[1], key.principal_arn, key.user_id)
        elif ":federated-user/" in issuer:
            found = Identity(Kind.FEDERATED, key.principal_arn, key.account, key.user_id)
        else:
            user_id = key.issuer_id if key.issuer_arn else key.user_id
            found = self._user_identity(key.account, issuer.rpartition("/")[2], key.principal_arn, user_id)
        if ":federated-user/" in key.principal_arn:
            policies = (_EVERYTHING,) if found.kind is Kind.ROOT else found.policies
            found = found._replace(kind=Kind.FEDERATED, user_id=key.user_id, policies=policies)
        return self._in_organization(found)._replace(
            tags={**found.tags, **key.tags},
            session=self._session(key),
            issued_ms=key.issued_ms,
            mfa=key.mfa,
            source_identity=key.source_identity,
        )

    def identity_of_role(self, role_arn: str, session_name: str) -> Identity | None:
        """What a service is that acts as a role; None if the role is not there."""
        arn = parse_arn(role_arn)
        if arn is None or not arn.resource.startswith("role/"):
            return None
        name = arn.resource.rpartition("/")[2]
        if self._tables.roles.peek((arn.account, name)) is None:
            return None
        session = f"arn:aws:sts::{arn.account}:assumed-role/{name}/{session_name}"
        return self._in_organization(self._role_identity(arn.account, name, session, ""))

    def principal_identity(self, arn: str) -> Identity | None:
        """The user, group or role of that ARN, as the policy simulator asks for it; None if it is not there."""
        parsed = parse_arn(arn)
        if parsed is None:
            return None
        kind, _, path = parsed.resource.partition("/")
        place = (parsed.account, path.rpartition("/")[2])
        if kind == "user" and self._tables.users.peek(place) is not None:
            return self._user_identity(*place, arn)
        if kind == "role" and (role := self._tables.roles.peek(place)) is not None:
            return self._role_identity(*place, arn, role.id)
        if kind == "group" and (group := self._tables.groups.peek(place)) is not None:
            return Identity(Kind.USER, arn, parsed.account, group.id, policies=tuple(self._sources(place[0], group)))
        return None

    def _in_organization(self, found: Identity) -> Identity:
        """With the place of its account in an organization, and what is allowed there at most."""
        organizations = self.cloud.organizations
        organization, path = organizations.organization_of(found.account)
        if not organization:
            return found
        # Service control policies say nothing about roles that are linked to services.
        levels = [] if ":role/aws-service-role/" in found.role else organizations.control_of(found.account)
        control = tuple(tuple(Source(arn, read_policy(text)) for arn, text in level) for level in levels)
        return found._replace(control=control, organization=organization, organization_path=path)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _user_identity(self, account: str, name: str, arn: str, user_id: str = "") -> Identity:
        user = self._tables.users.peek((account, name))
        if user is None or user_id not in ("", user.id):
            return Identity(Kind.USER, arn, account)
        groups = (self._tables.groups.peek((account, group)) for group in user.groups)
        holders: tuple[User | Group, ...] = (user, *(group for group in groups if group is not None))
        return Identity(
            Kind.USER,
            arn,
            account,
            user.id,
            policies=tuple(source for holder in holders for source in self._sources(account, holder)),
            boundary=self._managed(account, user.boundary) if user.boundary else None,
            tags=user.tags,
        )

    def _role_identity(self, account: str, name: str, session_arn: str, user_id: str) -> Identity:
        role = self._tables.roles.peek((account, name))
        if role is None or user_id.partition(":")[0] not in ("", role.id):
            return Identity(Kind.ROLE, session_arn, account, role=f"arn:aws:iam::{account}:role/{name}")
        return Identity(
            Kind.ROLE,
            session_arn,
            account,
            user_id or role.id,
            f"arn:aws:iam::{account}:role{role.path}{role.name}",
            tuple(self._sources(account, role)),
            boundary=self._managed(account, role.boundary) if role.boundary else None,
            tags=role.tags,
        )

    def _session(self, key: AccessKey) -> tuple[Source, ...] | None:
        if key.session_policies is None and key.session_policy_arns is None:
            # Who got a federation token without a policy has only what policies of resources give.
            return () if ":federated-user/" in key.principal_arn else None
        inline = tuple(Source("SessionPolicy", read_policy(text)) for text in key.session_policies or ())
        return (*inline, *(self._managed(key.account, arn) for arn in key.session_policy_arns or ()))

    def _sources(self, account: str, holder: User | Group | Role) -> Iterator[Source]:
        kind = type(holder).__name__.lower()
        yield from _inline(holder.inline, kind)
        for arn in holder.attached:
            yield self._managed(account, arn)._replace(kind=kind)

    def _managed(self, account: str, arn: str) -> Source:
        """A managed policy by its default version. One that is gone or whose contents are not known allows nothing."""
        policy = aws_managed_policies().get(arn) if is_aws_managed(arn) else self._tables.policies.peek((account, arn))
        if policy is None:
            return Source(arn, read_policy("{}"))
        document = next(version.document for version in policy.versions if version.number == policy.default)
        return Source(arn, read_policy(document))


def _inline(documents: Mapping[str, str], kind: str) -> Iterator[Source]:
    for name, document in documents.items():
        yield Source(name, read_policy(document), kind)
