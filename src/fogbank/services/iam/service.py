"""AWS IAM. https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html"""

import json
import secrets
from typing import Any
from urllib.parse import quote

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer, Service
from fogbank.core.store import Record

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class NoSuchEntity(AwsError):
    code = "NoSuchEntityException"
    query_code = "NoSuchEntity"
    status = 404


class EntityAlreadyExists(AwsError):
    code = "EntityAlreadyExistsException"
    query_code = "EntityAlreadyExists"
    status = 409


class DeleteConflict(AwsError):
    code = "DeleteConflictException"
    query_code = "DeleteConflict"
    status = 409


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocumentException"
    query_code = "MalformedPolicyDocument"


class Role(Record):
    """A role; `inline` maps policy names to documents, `attached` holds the ARNs of managed policies."""

    name: str
    id: str
    path: str
    created_ms: int
    trust: str
    description: str = ""
    session_s: int = 3600
    inline: dict[str, str] = {}
    attached: list[str] = []
    tags: dict[str, str] = {}


class IamService(Service):
    """Roles with inline and attached policies. IAM is global: keys have no region.

    Managed policies of one's own, users, groups and instance profiles answer NotImplemented; a policy's ARN
    is not checked when it is attached.
    """

    name = "iam"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._roles = cloud.store.table("iam.roles", key=(str, str), value=Role)

    def attach_role_policy(self, ctx: Context, *, RoleName: str, PolicyArn: str) -> Answer:
        role = self._role(ctx, RoleName)
        if PolicyArn not in role.attached:
            role.attached.append(PolicyArn)
        self._roles.put((ctx.account, RoleName), role)
        return None

    def create_role(
        self,
        ctx: Context,
        *,
        RoleName: str,
        AssumeRolePolicyDocument: str,
        Path: str = "/",
        Description: str = "",
        MaxSessionDuration: int = 3600,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        if self._roles.get((ctx.account, RoleName)) is not None:
            raise EntityAlreadyExists(f"Role with name {RoleName} already exists.")
        _check_document(AssumeRolePolicyDocument)
        role = Role(
            name=RoleName,
            id="AROA" + "".join(secrets.choice(_ALPHABET) for _ in range(17)),
            path=Path,
            created_ms=ctx.now_ms,
            trust=AssumeRolePolicyDocument,
            description=Description,
            session_s=MaxSessionDuration,
            tags={tag["Key"]: tag["Value"] for tag in Tags or ()},
        )
        self._roles.put((ctx.account, RoleName), role)
        return {"Role": _role_answer(ctx, role)}

    def delete_role(self, ctx: Context, *, RoleName: str) -> Answer:
        role = self._role(ctx, RoleName)
        if role.attached:
            raise DeleteConflict("Cannot delete entity, must detach all policies first.")
        if role.inline:
            raise DeleteConflict("Cannot delete entity, must delete policies first.")
        self._roles.delete((ctx.account, RoleName))
        return None

    def delete_role_policy(self, ctx: Context, *, RoleName: str, PolicyName: str) -> Answer:
        role = self._role(ctx, RoleName)
        if role.inline.pop(PolicyName, None) is None:
            raise NoSuchEntity(f"The role policy with name {PolicyName} cannot be found.")
        self._roles.put((ctx.account, RoleName), role)
        return None

    def detach_role_policy(self, ctx: Context, *, RoleName: str, PolicyArn: str) -> Answer:
        role = self._role(ctx, RoleName)
        if PolicyArn not in role.attached:
            raise NoSuchEntity(f"Policy {PolicyArn} was not found.")
        role.attached.remove(PolicyArn)
        self._roles.put((ctx.account, RoleName), role)
        return None

    def get_role(self, ctx: Context, *, RoleName: str) -> Answer:
        return {"Role": _role_answer(ctx, self._role(ctx, RoleName))}

    def get_role_policy(self, ctx: Context, *, RoleName: str, PolicyName: str) -> Answer:
        document = self._role(ctx, RoleName).inline.get(PolicyName)
        if document is None:
            raise NoSuchEntity(f"The role policy with name {PolicyName} cannot be found.")
        return {"RoleName": RoleName, "PolicyName": PolicyName, "PolicyDocument": quote(document, safe="")}

    def list_attached_role_policies(self, ctx: Context, *, RoleName: str) -> Answer:
        attached = self._role(ctx, RoleName).attached
        rows = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in attached]
        return {"AttachedPolicies": rows, "IsTruncated": False}

    def list_role_policies(self, ctx: Context, *, RoleName: str) -> Answer:
        return {"PolicyNames": sorted(self._role(ctx, RoleName).inline), "IsTruncated": False}

    def list_roles(self, ctx: Context, *, PathPrefix: str = "/") -> Answer:
        roles = [role for _, role in self._roles.scan((ctx.account,)) if role.path.startswith(PathPrefix)]
        return {"Roles": [_role_answer(ctx, role) for role in roles], "IsTruncated": False}

    def put_role_policy(self, ctx: Context, *, RoleName: str, PolicyName: str, PolicyDocument: str) -> Answer:
        role = self._role(ctx, RoleName)
        _check_document(PolicyDocument)
        role.inline[PolicyName] = PolicyDocument
        self._roles.put((ctx.account, RoleName), role)
        return None

    def update_assume_role_policy(self, ctx: Context, *, RoleName: str, PolicyDocument: str) -> Answer:
        role = self._role(ctx, RoleName)
        _check_document(PolicyDocument)
        role.trust = PolicyDocument
        self._roles.put((ctx.account, RoleName), role)
        return None

    def _role(self, ctx: Context, name: str) -> Role:
        role = self._roles.get((ctx.account, name))
        if role is None:
            raise NoSuchEntity(f"The role with name {name} cannot be found.")
        return role


def _role_answer(ctx: Context, role: Role) -> dict[str, Any]:
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": f"arn:aws:iam::{ctx.account}:role{role.path}{role.name}",
        "CreateDate": role.created_ms / 1000,
        "AssumeRolePolicyDocument": quote(role.trust, safe=""),  # RFC 3986, says GetRole
        "Description": role.description,
        "MaxSessionDuration": role.session_s,
        "Tags": [{"Key": key, "Value": value} for key, value in role.tags.items()],
    }


def _check_document(text: str) -> None:
    try:
        document = json.loads(text)
    except ValueError:
        raise MalformedPolicyDocument("This policy contains invalid Json") from None
    if not isinstance(document, dict) or not document.get("Statement"):
        raise MalformedPolicyDocument("Syntax errors in policy.")
