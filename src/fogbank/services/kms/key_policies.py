"""Key policies: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html"""

import json
import re
from typing import Any

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.policy_patterns import listed
from fogbank.core.service import Answer
from fogbank.services.kms.base import KmsBase, paged_names
from fogbank.services.kms.errors import LimitExceeded, MalformedPolicyDocument, NotFound

POLICY_NAME = "default"
_POLICY_BYTES_MAX = 32 * 1024
_VERSIONS = ("2008-10-17", "2012-10-17")
_INVALID_PRINCIPALS = "Policy contains a statement with one or more invalid principals."
_ACCOUNT_OR_IDENTITY = re.compile(r"\*|\d{12}|arn:aws[a-z-]*:(?:iam|sts)::\d{12}:.+|A[A-Z]{3}[A-Z0-9]{12,}")


class KeyPolicies(KmsBase):
    """The key policies of `KmsService`. Each key has one, called `default`."""

    def get_key_policy(self, ctx: Context, *, KeyId: str, PolicyName: str = POLICY_NAME) -> Answer:
        key = self._key(ctx, KeyId)
        _check_name(PolicyName)
        return {"Policy": named_principals.shown(ctx, key.policy), "PolicyName": PolicyName}

    def list_key_policies(
        self, ctx: Context, *, KeyId: str, Limit: int | None = None, Marker: str | None = None
    ) -> Answer:
        self._key(ctx, KeyId)
        names, rest = paged_names([POLICY_NAME], Marker, Limit)
        return {"PolicyNames": names, **rest}

    def put_key_policy(
        self,
        ctx: Context,
        *,
        KeyId: str,
        Policy: str,
        PolicyName: str = POLICY_NAME,
        BypassPolicyLockoutSafetyCheck: bool = False,
    ) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        _check_name(PolicyName)
        key.policy = checked_policy(ctx, Policy, key.arn, bypass_lockout_check=BypassPolicyLockoutSafetyCheck)
        self._save(key)
        return None


def default_policy(account: str) -> str:
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return policy_text("key-default-1", [statement])


def policy_text(policy_id: str, statements: list[dict[str, Any]]) -> str:
    """A policy as KMS shows those that it makes itself."""
    return json.dumps({"Version": "2012-10-17", "Id": policy_id, "Statement": statements}, indent=2)


def checked_policy(ctx: Context, policy: str, key_arn: str, *, bypass_lockout_check: bool) -> str:
    """The policy as it is kept. Raises what AWS answers to one that it does not take. The lockout check: who asks must
    be able to change the policy afterwards.
    """
    if len(policy.encode()) > _POLICY_BYTES_MAX:
        raise LimitExceeded(f"The key policy exceeds the limit of {_POLICY_BYTES_MAX} bytes.")
    _check_form(policy)
    try:
        kept = named_principals.kept(ctx, policy)
    except named_principals.NoSuchPrincipal:
        raise MalformedPolicyDocument(_INVALID_PRINCIPALS) from None
    facts = {"kms:calleraccount": ctx.account}
    request = Request(ctx.principal_arn, "kms:PutKeyPolicy", key_arn, facts, user_id=ctx.user_id)
    if not bypass_lockout_check and read_policy(policy).decide(request) is not Effect.ALLOW:
        raise MalformedPolicyDocument("The new key policy will not allow you to update the key policy in the future.")
    return kept


def _check_form(policy: str) -> None:
    try:
        document = json.loads(policy)
    except ValueError:
        raise MalformedPolicyDocument("The policy is not a JSON document.") from None
    if not isinstance(document, dict) or document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise MalformedPolicyDocument("The policy has no valid version.")
    statements = listed(document.get("Statement"))
    if not statements:
        raise MalformedPolicyDocument("The policy has no statements.")
    for statement in statements:
        if (
            not isinstance(statement, dict)
            or statement.get("Effect") not in ("Allow", "Deny")
            or not (statement.keys() & {"Action", "NotAction"})
            or not (statement.keys() & {"Resource", "NotResource"})
        ):
            raise MalformedPolicyDocument("A statement needs an Effect, an Action and a Resource.")
        _check_principals(statement)


def _check_principals(statement: dict[str, Any]) -> None:
    principals = statement.get("Principal", statement.get("NotPrincipal"))
    if principals == "*":
        return
    named = listed(principals.get("AWS")) if isinstance(principals, dict) else None
    if not principals or named is None or not all(_ACCOUNT_OR_IDENTITY.fullmatch(str(text)) for text in named):
        raise MalformedPolicyDocument(_INVALID_PRINCIPALS)


def _check_name(name: str) -> None:
    if name != POLICY_NAME:
        raise NotFound("No such policy exists")
