"""Resource policies: a statement at a time, or as a whole."""

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_.names import parse_name
from fogbank.services.lambda_.operations.base import Operations
from fogbank.services.lambda_.statements import statements_of


class PolicyOperations(Operations):
    """AddPermission, PutResourcePolicy and their relatives."""

    def add_permission(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        StatementId: str,
        Action: str,
        Principal: str,
        SourceArn: str | None = None,
        SourceAccount: str | None = None,
        Qualifier: str | None = None,
        RevisionId: str | None = None,
        PrincipalOrgID: str | None = None,
        EventSourceToken: str | None = None,
        FunctionUrlAuthType: str | None = None,
        InvokedViaFunctionUrl: bool | None = None,
    ) -> Answer:
        wanted = {
            "StatementId": StatementId,
            "Action": Action,
            "Principal": Principal,
            "SourceArn": SourceArn,
            "SourceAccount": SourceAccount,
            "RevisionId": RevisionId,
            "PrincipalOrgID": PrincipalOrgID,
            "EventSourceToken": EventSourceToken,
            "FunctionUrlAuthType": FunctionUrlAuthType,
            "InvokedViaFunctionUrl": InvokedViaFunctionUrl,
        }
        return {"Statement": self._permissions.add(ctx, parse_name(ctx, FunctionName, Qualifier), wanted)}

    def get_policy(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        policy = self._permissions.policy(ctx, name)
        shown = self._permissions.shown(ctx, policy)
        return {"Policy": shown, "RevisionId": self._permissions.revision(ctx, name)}

    def remove_permission(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        StatementId: str,
        Qualifier: str | None = None,
        RevisionId: str | None = None,
    ) -> Answer:
        self._permissions.remove(ctx, parse_name(ctx, FunctionName, Qualifier), StatementId, RevisionId)
        return None

    def get_resource_policy(self, ctx: Context, *, ResourceArn: str) -> Answer:
        return self.get_policy(ctx, FunctionName=ResourceArn)

    def put_resource_policy(
        self, ctx: Context, *, ResourceArn: str, Policy: str, RevisionId: str | None = None
    ) -> Answer:
        name = parse_name(ctx, ResourceArn)
        revision = self._permissions.replace(ctx, name, statements_of(ctx, Policy), RevisionId)
        return {"Policy": self._permissions.shown(ctx, self._permissions.policy(ctx, name)), "RevisionId": revision}

    def delete_resource_policy(self, ctx: Context, *, ResourceArn: str, RevisionId: str | None = None) -> Answer:
        name = parse_name(ctx, ResourceArn)
        self._permissions.policy(ctx, name)
        self._permissions.replace(ctx, name, [], RevisionId)
        return None
