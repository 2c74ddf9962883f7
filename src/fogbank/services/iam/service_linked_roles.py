"""Roles that are linked to a service: the service defines them, and only it can change them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
"""

import json

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.ids import new_id as new_uuid
from fogbank.core.service import Answer
from fogbank.services.iam.aws_managed import SERVICE_ROLE_POLICIES
from fogbank.services.iam.errors import InvalidInput, NoSuchEntity
from fogbank.services.iam.linked_services import CUSTOM_SUFFIX, LINKED_SERVICES
from fogbank.services.iam.records import Role, new_id
from fogbank.services.iam.roles import Roles, role_answer


class ServiceLinkedRoles(Roles):
    """The operations on service-linked roles of `IamService`."""

    def create_service_linked_role(
        self, ctx: Context, *, AWSServiceName: str, Description: str = "", CustomSuffix: str | None = None
    ) -> Answer:
        found = LINKED_SERVICES.get(AWSServiceName)
        if found is None:
            raise NotImplementedInFogbank(f"Fogbank's IAM does not know the service-linked role of {AWSServiceName}.")
        name, policies = found
        if CustomSuffix is not None:
            if AWSServiceName not in CUSTOM_SUFFIX:
                raise InvalidInput(f"Custom suffix is not allowed for {AWSServiceName}")
            name = f"{name}_{CustomSuffix}"
        if self._tables.roles.get((ctx.account, name)) is not None:
            raise InvalidInput(
                f"Service role name {name} has been taken in this account, please try a different suffix."
            )
        statement = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": AWSServiceName}}
        role = Role(
            name=name,
            id=new_id("AROA"),
            path=f"/aws-service-role/{AWSServiceName}/",
            created_ms=ctx.now_ms,
            trust=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
            description=Description,
            attached=[f"{SERVICE_ROLE_POLICIES}{policy}" for policy in policies],
            service=AWSServiceName,
        )
        self._keep(ctx, role)
        answer = role_answer(ctx, role)
        del answer["MaxSessionDuration"]
        return {"Role": answer}

    def delete_service_linked_role(self, ctx: Context, *, RoleName: str) -> Answer:
        """The role goes at once: nothing in Fogbank uses it."""
        role = self._role(ctx, RoleName)
        if not role.service:
            raise NoSuchEntity(f"The role with name {RoleName} cannot be found.")
        self._tables.roles.delete((ctx.account, RoleName))
        self._gone(role)
        return {"DeletionTaskId": f"task{role.path}{RoleName}/{new_uuid()}"}

    def get_service_linked_role_deletion_status(self, ctx: Context, *, DeletionTaskId: str) -> Answer:
        parts = DeletionTaskId.split("/")
        if len(parts) != 5 or parts[:2] != ["task", "aws-service-role"] or parts[2] not in LINKED_SERVICES:
            raise NoSuchEntity(f"The deletion task {DeletionTaskId} cannot be found.")
        return {"Status": "SUCCEEDED"}
