"""Accounts of an organization.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts.html
"""

import json
import secrets
from typing import Any

from fogbank.core.context import Context
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer
from fogbank.core.tags import tag_map
from fogbank.services.organizations.base import Base, described
from fogbank.services.organizations.errors import (
    AccountAlreadyClosed,
    AccountNotFound,
    ConstraintViolation,
    CreateAccountStatusNotFound,
    DestinationParentNotFound,
    DuplicateAccount,
    MasterCannotLeave,
    ParentNotFound,
    SourceParentNotFound,
)
from fogbank.services.organizations.records import ACCOUNT, CreationStatus, Node, Organization, new_id

ROLE_NAME = "OrganizationAccountAccessRole"
_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


class Accounts(Base):
    """The operations on accounts of `OrganizationsService`."""

    def close_account(self, ctx: Context, *, AccountId: str) -> Answer:
        """The account is suspended: with `--auth iam` its keys are known no longer, and none of its roles is assumed.
        What is in it stays; AWS removes it after 90 days, Fogbank never.
        """
        organization = self._managed(ctx)
        node = self._member(organization, AccountId)
        if AccountId == organization.management:
            raise ConstraintViolation("You can't close the management account of an organization.")
        if node.closed_ms:
            raise AccountAlreadyClosed
        node.closed_ms = ctx.now_ms
        self._keep_node(organization, AccountId, node)
        return None

    def create_account(
        self,
        ctx: Context,
        *,
        Email: str,
        AccountName: str,
        RoleName: str = ROLE_NAME,
        IamUserAccessToBilling: str = "ALLOW",
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """The account is there when this answers. Nobody is billed, so that access to billing does not matter."""
        organization = self._managed(ctx)
        status = CreationStatus(AccountName, ctx.now_ms)
        if any(node.email.lower() == Email.lower() for _, node in self._nodes(organization)):
            status.failure = "EMAIL_ALREADY_EXISTS"
        else:
            status.account = self._new_account_id()
            node = Node(
                ACCOUNT,
                AccountName,
                organization.root,
                policies=self._first_policies(organization),
                tags=tag_map(Tags),
                email=Email,
                joined_ms=ctx.now_ms,
                created_here=True,
            )
            self._keep_node(organization, status.account, node)
            self._tables.members.put((status.account,), organization.management)
            self._let_in(ctx.at(account=status.account), RoleName, organization.management)
        request_id = new_id("car-", 32)
        self._tables.creations.put((organization.id, request_id), status)
        return {"CreateAccountStatus": _status_answer(request_id, status)}

    def describe_account(self, ctx: Context, *, AccountId: str) -> Answer:
        organization = self._managed(ctx)
        return {"Account": account_answer(organization, AccountId, self._member(organization, AccountId))}

    def describe_create_account_status(self, ctx: Context, *, CreateAccountRequestId: str) -> Answer:
        organization = self._managed(ctx)
        status = self._tables.creations.get((organization.id, CreateAccountRequestId))
        if status is None:
            raise CreateAccountStatusNotFound
        return {"CreateAccountStatus": _status_answer(CreateAccountRequestId, status)}

    def leave_organization(self, ctx: Context) -> Answer:
        organization = self._organization(ctx)
        return self._part(organization, ctx.account)

    def list_accounts(self, ctx: Context, *, NextToken: str | None = None, MaxResults: int | None = None) -> Answer:
        return self._list(ctx, None, NextToken, MaxResults)

    def list_accounts_for_parent(
        self, ctx: Context, *, ParentId: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> Answer:
        node = self._node(self._managed(ctx), ParentId)
        if node is None or node.kind == ACCOUNT:
            raise ParentNotFound
        return self._list(ctx, ParentId, NextToken, MaxResults)

    def list_create_account_status(
        self,
        ctx: Context,
        *,
        States: list[str] | None = None,
        NextToken: str | None = None,
        MaxResults: int | None = None,
    ) -> Answer:
        rows, rest = page_of_table(
            self._tables.creations,
            (self._managed(ctx).id,),
            NextToken,
            MaxResults,
            wanted=lambda _, status: not States or _state(status) in States,
        )
        return {"CreateAccountStatuses": [_status_answer(key[1], status) for key, status in rows]} | rest

    def move_account(self, ctx: Context, *, AccountId: str, SourceParentId: str, DestinationParentId: str) -> Answer:
        organization = self._managed(ctx)
        node = self._member(organization, AccountId)
        destination = self._node(organization, DestinationParentId)
        if node.parent != SourceParentId:
            raise SourceParentNotFound
        if destination is None or destination.kind == ACCOUNT:
            raise DestinationParentNotFound
        if SourceParentId == DestinationParentId:
            raise DuplicateAccount
        node.parent = DestinationParentId
        self._keep_node(organization, AccountId, node)
        return None

    def remove_account_from_organization(self, ctx: Context, *, AccountId: str) -> Answer:
        """AWS wants the account to be able to pay for itself first."""
        organization = self._managed(ctx)
        self._member(organization, AccountId)
        return self._part(organization, AccountId)

    # ---- for authorization --------------------------------------------------------------------------------------

    def is_closed(self, account: str) -> bool:
        """Whether the account was closed: nobody gets in with its keys any more."""
        management = self._tables.members.peek((account,))
        if management is None or management == account:
            return False
        organization = self._organization_of(account)
        node = None if organization is None else self._tables.nodes.peek((organization.id, account))
        return node is not None and node.closed_ms > 0

    # ---- steps --------------------------------------------------------------------------------------------------

    def _member(self, organization: Organization, account: str) -> Node:
        node = self._node(organization, account)
        if node is None or node.kind != ACCOUNT:
            raise AccountNotFound
        return node

    def _list(self, ctx: Context, parent: str | None, token: str | None, limit: int | None) -> dict[str, Any]:
        organization = self._managed(ctx)
        rows, rest = page_of_table(
            self._tables.nodes,
            (organization.id,),
            token,
            limit,
            wanted=lambda _, node: node.kind == ACCOUNT and parent in (None, node.parent),
        )
        return {"Accounts": [account_answer(organization, str(key[1]), node) for key, node in rows]} | rest

    def _part(self, organization: Organization, account: str) -> Answer:
        if account == organization.management:
            raise MasterCannotLeave
        self._tables.nodes.delete((organization.id, account))
        self._tables.members.delete((account,))
        return None

    def _new_account_id(self) -> str:
        while True:
            account = "".join(secrets.choice("0123456789") for _ in range(12))
            known = self._tables.members.get((account,)) is not None or account == self.cloud.account
            if not known and not account.startswith("0"):
                return account

    def _let_in(self, there: Context, role: str, management: str) -> None:
        """The management account may act as the new account's administrator."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{management}:root"},
            "Action": "sts:AssumeRole",
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        there.cloud.iam.create_role(there, RoleName=role, AssumeRolePolicyDocument=trust)
        there.cloud.iam.attach_role_policy(there, RoleName=role, PolicyArn=_ADMINISTRATOR)


def account_answer(organization: Organization, account: str, node: Node) -> dict[str, Any]:
    status = "SUSPENDED" if node.closed_ms else "ACTIVE"
    return described(organization, account, node) | {
        "Email": node.email,
        "Status": status,
        "State": "CLOSED" if node.closed_ms else status,
        "JoinedMethod": "CREATED" if node.created_here else "INVITED",
        "JoinedTimestamp": node.joined_ms / 1000,
    }


def _state(status: CreationStatus) -> str:
    return "FAILED" if status.failure else "SUCCEEDED"


def _status_answer(request_id: str, status: CreationStatus) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Id": request_id,
        "AccountName": status.name,
        "State": _state(status),
        "RequestedTimestamp": status.requested_ms / 1000,
        "CompletedTimestamp": status.requested_ms / 1000,
    }
    return answer | ({"FailureReason": status.failure} if status.failure else {"AccountId": status.account})
