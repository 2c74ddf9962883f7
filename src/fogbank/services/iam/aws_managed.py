"""AWS's own managed policies: those that every account has.

The documents are facts about AWS, as they were on 2026-08-22; ids and the dates of creation as of 2025-02-22. A policy
that AWS has made since then is not known here. Of each, the version that was the default on that day is kept.
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/about-managed-policy-reference.html
"""

from functools import cache
from pathlib import Path

import msgspec

from fogbank.services.iam.records import Policy, PolicyVersion

PREFIX = "arn:aws:iam::aws:policy/"
SERVICE_ROLE_POLICIES = f"{PREFIX}aws-service-role/"  # of roles that are linked to services, and of no other
_FILE = Path(__file__).with_name("aws_managed_policies.json.zst")


class _Row(msgspec.Struct, array_like=True):
    arn: str
    id: str
    version: int
    created_ms: int
    updated_ms: int
    document: str


def is_aws_managed(arn: str) -> bool:
    return arn.startswith(PREFIX)


@cache  # 3 MB, read in some 20 ms by the first who asks for a policy's contents.
def aws_managed_policies() -> dict[str, Policy]:
    """The policies by their ARNs, in the order of these."""
    import cramjam

    rows = msgspec.json.decode(bytes(cramjam.zstd.decompress(_FILE.read_bytes())), type=list[_Row])
    return {row.arn: _policy(row) for row in rows}


def _policy(row: _Row) -> Policy:
    path, _, name = row.arn.removeprefix(PREFIX).rpartition("/")
    return Policy(
        name=name,
        id=row.id,
        path=f"/{path}/" if path else "/",
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        versions=[PolicyVersion(row.version, row.document, row.updated_ms)],
        default=row.version,
    )
