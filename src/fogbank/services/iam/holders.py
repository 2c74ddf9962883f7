"""Inline and attached policies of whatever holds them: users, groups and roles."""

from typing import Any
from urllib.parse import quote

from fogbank.core.context import Context
from fogbank.services.iam.aws_managed import SERVICE_ROLE_POLICIES, is_aws_managed
from fogbank.services.iam.errors import (
    DeleteConflict,
    LimitExceeded,
    NoSuchEntity,
    PolicyNotAttachable,
    ValidationError,
)
from fogbank.services.iam.fields import check_document, policy_size
from fogbank.services.iam.records import Group, IamTables, Role, User

Holder = User | Group | Role

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ATTACHED_MAX = 10
# Characters of all inline policies together, white space left out.
INLINE_MAX: dict[type[Holder], int] = {User: 2048, Group: 5120, Role: 10_240}


def check_attachable(ctx: Context, tables: IamTables, arn: str) -> None:
    if not arn.startswith("arn:"):
        raise ValidationError("Invalid ARN:  Could not be parsed!")
    if arn.startswith(SERVICE_ROLE_POLICIES):
        raise PolicyNotAttachable("Cannot attach a Service Role Policy to a customer role.")
    if not is_aws_managed(arn) and tables.policies.get((ctx.account, arn)) is None:
        raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")


def attach(holder: Holder, arn: str) -> None:
    if arn in holder.attached:
        return
    if len(holder.attached) >= ATTACHED_MAX:
        raise LimitExceeded(f"Cannot exceed quota for PoliciesPer{type(holder).__name__}: {ATTACHED_MAX}")
    holder.attached.append(arn)


def detach(holder: Holder, arn: str) -> None:
    if arn not in holder.attached:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    holder.attached.remove(arn)


def attached_rows(holder: Holder, path_prefix: str) -> list[dict[str, str]]:
    return [
        {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
        for arn in holder.attached
        if arn.partition(":policy")[2].startswith(path_prefix)
    ]


def put_inline(holder: Holder, name: str, document: str) -> None:
    check_document(document)
    most = INLINE_MAX[type(holder)]
    if sum(map(policy_size, {**holder.inline, name: document}.values())) > most:
        kind = type(holder).__name__.lower()
        raise LimitExceeded(f"Maximum policy size of {most} bytes exceeded for {kind} {holder.name}")
    holder.inline[name] = document


def delete_inline(holder: Holder, kind: str, name: str) -> None:
    if holder.inline.pop(name, None) is None:
        raise _no_inline(kind, name)


def inline_answer(holder: Holder, kind: str, name: str) -> dict[str, Any]:
    """The policy as the Get operations answer it; `kind` is `user`, `group` or `role`."""
    document = holder.inline.get(name)
    if document is None:
        raise _no_inline(kind, name)
    return {f"{kind.title()}Name": holder.name, "PolicyName": name, "PolicyDocument": quote(document, safe="")}


def check_without_policies(holder: Holder) -> None:
    """A holder is deleted only when it holds nothing."""
    if holder.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if holder.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")


def boundary_of(holder: Holder) -> str:
    """The ARN of its permissions boundary, or nothing; groups have none."""
    return "" if isinstance(holder, Group) else holder.boundary


def boundary_answer(holder: User | Role) -> dict[str, Any]:
    if not holder.boundary:
        return {}
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": holder.boundary}
    return {"PermissionsBoundary": boundary}


def _no_inline(kind: str, name: str) -> NoSuchEntity:
    return NoSuchEntity(f"The {kind} policy with name {name} cannot be found.")
