"""Session policies: what a session may do at most, and how large they and the session's tags are together.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

import json
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.identity_policy_grammar import check_identity_policy
from fogbank.core.policy_grammar import MalformedPolicy
from fogbank.services.sts.errors import MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError

MANAGED_MAX = 10
# AWS does not tell how it packs. Deflated they may have as many bytes as the text of the policies may have characters.
_PACKED_BYTES_MAX = 2048


class SessionPolicies(NamedTuple):
    """`documents` and `arns` are None for a session without any."""

    documents: list[str] | None
    arns: list[str] | None
    packed_percent: int | None
    """How much of the space is used; None if there is nothing in it."""


def session_policies(
    ctx: Context, document: str | None, managed: list[dict[str, str]] | None, tags: Mapping[str, str]
) -> SessionPolicies:
    """The policies of a new session in the context's account, checked."""
    arns = [row["arn"] for row in managed or ()]
    if document is not None:
        try:
            check_identity_policy(document)
        except MalformedPolicy as fault:
            raise MalformedPolicyDocument(str(fault)) from None
    if len(arns) > MANAGED_MAX:
        raise ValidationError(f"You can pass up to {MANAGED_MAX} managed session policies.")
    for arn in arns:
        _check_managed(ctx, arn)
    documents = None if document is None else [document]
    percent = _packed_percent(documents or [], arns, tags) if documents or arns or tags else None
    if percent is not None and percent > 100:
        raise PackedPolicyTooLarge(f"Packed policy consumes {percent}% of allotted space, please use smaller policy.")
    return SessionPolicies(documents, arns or None, percent)


def _check_managed(ctx: Context, arn: str) -> None:
    try:
        ctx.cloud.iam.get_policy(ctx, PolicyArn=arn)
    except NotImplementedInFogbank:
        raise
    except AwsError as error:
        raise MalformedPolicyDocument(error.message) from None


def _packed_percent(documents: list[str], arns: list[str], tags: Mapping[str, str]) -> int:
    packed = zlib.compress(json.dumps([*documents, arns, dict(tags)], separators=(",", ":")).encode())
    return -(-100 * len(packed) // _PACKED_BYTES_MAX)
