"""Resource-based policies of tables and streams, which decide with `--auth iam`.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html
"""

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.policy_grammar import MalformedPolicy
from fogbank.core.service import Answer
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.errors import PolicyNotFound, ResourceNotFound, Validation
from fogbank.services.dynamodb.records import ResourcePolicy
from fogbank.services.dynamodb.table_access import TableAccess

POLICY_BYTES_MAX = 20 * 1024
NO_POLICY = "NO_POLICY"
"""The revision to expect where there must not be a policy yet."""


class ResourcePolicies(TableAccess):
    """The operations on resource-based policies of `DynamoDBService`."""

    def put_resource_policy(
        self,
        ctx: Context,
        *,
        ResourceArn: str,
        Policy: str,
        ExpectedRevisionId: str | None = None,
        ConfirmRemoveSelfResourceAccess: bool = False,
    ) -> Answer:
        key = self._policy_key(ctx, ResourceArn)
        kept = _checked(ctx, Policy)
        known = self._tables.policies.get(key)
        _check_revision(known, ExpectedRevisionId, ResourceArn)
        change = "dynamodb:PutResourcePolicy"
        asked = Request(ctx.principal_arn, change, ResourceArn, user_id=ctx.user_id)
        if not ConfirmRemoveSelfResourceAccess and read_policy(Policy).decide(asked) is Effect.DENY:
            # AWS's sentence is not published.
            raise Validation(
                f"The policy denies {change} to {ctx.principal_arn}: set ConfirmRemoveSelfResourceAccess to true to "
                "confirm that this permission is to be removed"
            )
        if known is not None and known.document == kept:
            return {"RevisionId": known.revision}
        policy = ResourcePolicy(kept, str(self.cloud.sequence.next()))
        self._tables.policies.put(key, policy)
        return {"RevisionId": policy.revision}

    def get_resource_policy(self, ctx: Context, *, ResourceArn: str) -> Answer:
        policy = self._tables.policies.get(self._policy_key(ctx, ResourceArn))
        if policy is None:
            raise _no_policy(ResourceArn)
        return {"Policy": named_principals.shown(ctx, policy.document), "RevisionId": policy.revision}

    def delete_resource_policy(
        self, ctx: Context, *, ResourceArn: str, ExpectedRevisionId: str | None = None
    ) -> Answer:
        key = self._policy_key(ctx, ResourceArn)
        known = self._tables.policies.get(key)
        _check_revision(known, ExpectedRevisionId, ResourceArn)
        if known is None:
            return {}
        self._tables.policies.delete(key)
        return {"RevisionId": known.revision}

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        """An index has its table's."""
        name, kind, label = [*definitions.name_of(arn).split("/"), "", ""][:3]
        policy = self._tables.policies.peek((ctx.account, ctx.region, name, label if kind == "stream" else ""))
        return policy.document if policy is not None else None

    def resource_tags(self, ctx: Context, arn: str) -> dict[str, str]:
        table = self._tables.tables.peek((ctx.account, ctx.region, definitions.name_of(arn).partition("/")[0]))
        return table.tags if table is not None else {}

    def partition_attribute(self, ctx: Context, table: str, index: str = "") -> str:
        """What the partition key of a table or an index is called; empty if there is none of that name."""
        account, name = definitions.owner_and_name(table, ctx.account)
        found = self._tables.tables.peek((account, ctx.region, name))
        place = found.index(index) if found is not None and index else found
        return place.keys[0] if place is not None else ""

    def _policy_key(self, ctx: Context, arn: str) -> tuple[str, str, str, str]:
        """Where the policy of a table or a stream lies; a table's has no label."""
        name, kind, label = [*definitions.name_of(arn).split("/"), "", ""][:3]
        if not arn.startswith("arn:") or (kind and kind != "stream"):
            raise Validation(f"Invalid ResourceArn: {arn} is no ARN of a table or a stream")
        key = (ctx.account, ctx.region, name, label)
        if arn.split(":")[3:5] != [ctx.region, ctx.account]:
            raise ResourceNotFound(f"Requested resource not found: ResourcePolicy is not found for {arn}")
        if not label:
            self._table(ctx, arn, wording="Table")
        elif self._tables.streams.get(key) is None:
            raise ResourceNotFound(f"Requested resource not found: Stream: {arn} not found")
        return key


def _checked(ctx: Context, document: str) -> str:
    """The policy as it is kept."""
    if len(document.encode()) > POLICY_BYTES_MAX:
        raise Validation("One or more parameter values were invalid: the policy is larger than 20 KB")
    return named_principals.checked(ctx, document, _refusal)


def _refusal(fault: MalformedPolicy) -> Validation:
    if isinstance(fault, named_principals.NoSuchPrincipal):
        return Validation("One or more parameter values were invalid: Invalid principal in policy document.")
    # What AWS says of other faults is recorded up to the colon.
    return Validation(f"One or more parameter values were invalid: Invalid policy document: {fault}")


def _no_policy(reason: str) -> PolicyNotFound:
    return PolicyNotFound(f"Resource-based policy not found for the provided ResourceArn: {reason}")


def _check_revision(known: ResourcePolicy | None, expected: str | None, arn: str) -> None:
    present = NO_POLICY if known is None else known.revision
    if expected is None or expected == present:
        return
    table = definitions.name_of(arn).partition("/")[0]
    if known is None:
        raise _no_policy(arn)
    if expected == NO_POLICY:
        raise _no_policy(
            f"Requested policy update expecting none to be present for table {table}, but a policy exists with "
            f"revision id {present}."
        )
    raise _no_policy(
        f"Requested update for policy with revision id {expected}, but the policy associated to target table {table} "
        f"has revision id {present}."
    )
