"""Resource policies of functions: who else may invoke them. Stored and shown; enforcement belongs to
`--auth iam`."""

import json
import uuid
from typing import Any

from fogbank.core.context import Context
from fogbank.services.lambda_.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from fogbank.services.lambda_.functions import Functions, check_revision
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.records import Policy


class Permissions:
    """The policy of a function, a version or an alias."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._policies = functions.tables.policies

    def policy(self, ctx: Context, name: FunctionName) -> Policy:
        self._functions.configuration(ctx, name)
        found = self._policies.get(self._key(ctx, name))
        if found is None:
            raise ResourceNotFound()
        return found

    def document(self, policy: Policy) -> str:
        document = {"Version": "2012-10-17", "Id": "default", "Statement": policy.statements}
        return json.dumps(document, separators=(",", ":"))

    def add(self, ctx: Context, name: FunctionName, wanted: dict[str, Any]) -> str:
        """Add a statement; its JSON text."""
        if name.qualifier == "$LATEST":
            raise InvalidParameterValue("We currently do not support adding policies for $LATEST.")
        self._functions.configuration(ctx, name)
        key = self._key(ctx, name)
        policy = self._policies.get(key) or Policy([], "")
        sid = wanted["StatementId"]
        if any(statement["Sid"] == sid for statement in policy.statements):
            raise ResourceConflict(
                f"The statement id ({sid}) provided already exists. "
                "Please provide a new statement id, or remove the existing statement."
            )
        check_revision(wanted.get("RevisionId"), policy.revision)
        resource = function_arn(ctx, name.account, name.name, name.qualifier)
        statement = _statement(wanted, resource)
        policy.statements.append(statement)
        policy.revision = str(uuid.uuid4())
        self._policies.put(key, policy)
        return json.dumps(statement, separators=(",", ":"))

    def remove(self, ctx: Context, name: FunctionName, sid: str, revision: str | None) -> None:
        self._functions.configuration(ctx, name)
        key = self._key(ctx, name)
        policy = self._policies.get(key)
        if policy is None:
            raise ResourceNotFound("No policy is associated with the given resource.")
        check_revision(revision, policy.revision)
        kept = [statement for statement in policy.statements if statement["Sid"] != sid]
        if len(kept) == len(policy.statements):
            raise ResourceNotFound(f"Statement {sid} is not found in resource policy.")
        policy.statements = kept
        policy.revision = str(uuid.uuid4())
        if kept:
            self._policies.put(key, policy)
        else:
            self._policies.delete(key)

    @staticmethod
    def _key(ctx: Context, name: FunctionName) -> tuple[str, str, str, str]:
        return (name.account, ctx.region, name.name, name.qualifier)


def _statement(wanted: dict[str, Any], resource: str) -> dict[str, Any]:
    principal: str = wanted["Principal"]
    who: Any
    if principal == "*":
        who = "*"
    elif principal.endswith(".amazonaws.com"):
        who = {"Service": principal}
    elif principal.isdigit():
        who = {"AWS": f"arn:aws:iam::{principal}:root"}
    elif principal.startswith("arn:"):
        who = {"AWS": principal}
    else:
        raise InvalidParameterValue("The provided principal was invalid. Please check the principal and try again.")
    statement: dict[str, Any] = {
        "Sid": wanted["StatementId"],
        "Effect": "Allow",
        "Principal": who,
        "Action": wanted["Action"],
        "Resource": resource,
    }
    condition: dict[str, dict[str, str]] = {}
    if account := wanted.get("SourceAccount"):
        condition.setdefault("StringEquals", {})["AWS:SourceAccount"] = account
    if organization := wanted.get("PrincipalOrgID"):
        condition.setdefault("StringEquals", {})["aws:PrincipalOrgID"] = organization
    if source := wanted.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": source}
    if condition:
        statement["Condition"] = condition
    return statement
