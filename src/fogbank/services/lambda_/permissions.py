"""Resource policies of functions: who else may invoke them, which is asked with `--auth iam` and at function URLs."""

import json
import uuid
from typing import Any

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from fogbank.services.lambda_.functions import Functions, check_revision
from fogbank.services.lambda_.names import FunctionName, function_arn, is_alias
from fogbank.services.lambda_.records import Alias, Configuration, Policy
from fogbank.services.lambda_.statements import (
    check_length,
    check_new_statement,
    document_of,
    new_statement,
    statements_of,
    without_statement,
)


class Permissions:
    """The policy of a function, a version or an alias."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._policies = functions.tables.policies

    def policy(self, ctx: Context, name: FunctionName) -> Policy:
        found = self._policies.get(self._key(ctx, name))
        if found is None:
            raise ResourceNotFound()
        return found

    def revision(self, ctx: Context, name: FunctionName) -> str:
        """A policy has the revision of what it belongs to: the function, the version or the alias."""
        return self._subject(ctx, name).revision

    def shown(self, ctx: Context, policy: Policy) -> str:
        return named_principals.shown(ctx, document_of(policy.statements))

    def add(self, ctx: Context, name: FunctionName, wanted: dict[str, Any]) -> str:
        """Add a statement; its JSON text."""
        if name.qualifier == "$LATEST":
            raise InvalidParameterValue("We currently do not support adding policies for $LATEST.")
        resource = function_arn(ctx, name.account, name.name, name.qualifier)
        statement = new_statement(wanted, resource)
        subject = self._subject(ctx, name)
        key = self._key(ctx, name)
        policy = self._policies.get(key) or Policy([], "")
        check_new_statement(policy.statements, wanted["StatementId"])
        check_revision(wanted.get("RevisionId"), subject.revision)
        # What is there already must be in order, too.
        policy.statements = statements_of(ctx, document_of([*policy.statements, statement]))
        check_length(policy.statements)
        self._policies.put(key, policy)
        self._changed(ctx, name, subject)
        return json.dumps(statement, separators=(",", ":"))

    def replace(self, ctx: Context, name: FunctionName, statements: list[dict[str, Any]], revision: str | None) -> str:
        """Put these statements in place of the policy, or remove it if there are none; the subject's new revision."""
        subject = self._subject(ctx, name)
        check_revision(revision, subject.revision)
        if statements:
            check_length(statements)
            self._policies.put(self._key(ctx, name), Policy(statements, ""))
        else:
            self._policies.delete(self._key(ctx, name))
        self._changed(ctx, name, subject)
        return subject.revision

    def remove(self, ctx: Context, name: FunctionName, sid: str, revision: str | None) -> None:
        if self._functions.tables.functions.get((name.account, ctx.region, name.name)) is None:
            raise ResourceNotFound(f"No policy found for: {function_arn(ctx, name.account, name.name)}")
        subject = self._subject(ctx, name)
        key = self._key(ctx, name)
        policy = self._policies.get(key)
        if policy is None:
            raise ResourceNotFound("No policy is associated with the given resource.")
        check_revision(revision, subject.revision)
        policy.statements = without_statement(policy.statements, sid)
        if policy.statements:
            self._policies.put(key, policy)
        else:
            self._policies.delete(key)
        self._changed(ctx, name, subject)

    def _subject(self, ctx: Context, name: FunctionName) -> Alias | Configuration:
        if is_alias(name.qualifier):
            self._functions.function(ctx, name)
            return self._functions.alias(ctx, name, name.qualifier)
        return self._functions.configuration(ctx, name)

    def _changed(self, ctx: Context, name: FunctionName, subject: Alias | Configuration) -> None:
        subject.revision = str(uuid.uuid4())
        place = (name.account, ctx.region, name.name)
        if isinstance(subject, Alias):
            self._functions.tables.aliases.put((*place, subject.name), subject)
        else:
            self._functions.tables.configurations.put((*place, subject.version), subject)

    @staticmethod
    def _key(ctx: Context, name: FunctionName) -> tuple[str, str, str, str]:
        return (name.account, ctx.region, name.name, name.qualifier)
