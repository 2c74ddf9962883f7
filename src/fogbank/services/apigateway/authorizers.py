"""Lambda authorizers: functions that say whether a caller may.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import ApiGatewayBase, new_id, page, with_values
from fogbank.services.apigateway.errors import BadRequest, Conflict, NotFound
from fogbank.services.apigateway.expressions import check_expression
from fogbank.services.apigateway.patches import Member, text
from fogbank.services.apigateway.records import Authorizer, Document

TTL_S_MAX = 3600


class Authorizers(ApiGatewayBase):
    """The operations on authorizers."""

    def create_authorizer(
        self,
        ctx: Context,
        *,
        restApiId: str,
        name: str,
        type: str,
        authType: str | None = None,
        authorizerUri: str | None = None,
        authorizerCredentials: str | None = None,
        identitySource: str | None = None,
        identityValidationExpression: str | None = None,
        authorizerResultTtlInSeconds: int | None = None,
    ) -> Answer:
        if self._tables.apis.peek((ctx.account, ctx.region, restApiId)) is None:
            raise Conflict("Unable to complete operation due to concurrent modification. Please try again later.")
        document = with_values(
            {
                "name": name,
                "type": type,
                "authType": authType or "custom",
                "authorizerUri": authorizerUri,
                "authorizerCredentials": authorizerCredentials,
                "identitySource": identitySource,
                "identityValidationExpression": identityValidationExpression,
                "authorizerResultTtlInSeconds": authorizerResultTtlInSeconds,
            }
        )
        return described(self.put_authorizer(restApiId, new_id(6), document))

    def put_authorizer(self, api_id: str, authorizer_id: str, document: Document) -> Authorizer:
        _check(document)
        for _, other in self._tables.authorizers.scan((api_id,)):
            if other.document["name"] == document["name"] and other.id != authorizer_id:
                raise Conflict("Authorizer name must be unique. Authorizer " + document["name"] + " already exists.")
        authorizer = Authorizer(authorizer_id, document)
        self._tables.authorizers.put((api_id, authorizer_id), authorizer)
        return authorizer

    def delete_authorizer(self, ctx: Context, *, restApiId: str, authorizerId: str) -> Answer:
        self._authorizer(ctx, restApiId, authorizerId)
        for _, resource in self._tables.resources.scan((restApiId,)):
            for http_method, method in resource.methods.items():
                if method.get("authorizerId") == authorizerId:
                    raise Conflict(
                        f"Cannot delete authorizer '{authorizerId}', is referenced in method: "
                        f"{resource.path}/{http_method}"
                    )
        self._tables.authorizers.delete((restApiId, authorizerId))
        return None

    def get_authorizer(self, ctx: Context, *, restApiId: str, authorizerId: str) -> Answer:
        return described(self._authorizer(ctx, restApiId, authorizerId))

    def get_authorizers(
        self, ctx: Context, *, restApiId: str, position: str | None = None, limit: int | None = None
    ) -> Answer:
        self._api(ctx, restApiId)
        authorizers = [described(authorizer) for _, authorizer in self._tables.authorizers.scan((restApiId,))]
        return page(sorted(authorizers, key=lambda each: each["name"]), position, limit)

    def update_authorizer(
        self, ctx: Context, *, restApiId: str, authorizerId: str, patchOperations: list[dict[str, Any]] | None = None
    ) -> Answer:
        authorizer = self._authorizer(ctx, restApiId, authorizerId)
        for patch in patches.parsed(patchOperations):
            patches.change(authorizer.document, patch, _MEMBERS)
        return described(self.put_authorizer(restApiId, authorizerId, authorizer.document))

    def _authorizer(self, ctx: Context, api_id: str, authorizer_id: str) -> Authorizer:
        known = self._tables.apis.peek((ctx.account, ctx.region, api_id)) is not None
        authorizer = self._tables.authorizers.get((api_id, authorizer_id)) if known else None
        if authorizer is None:
            raise NotFound("Invalid Authorizer identifier specified")
        return authorizer


def _seconds(value: str | None) -> int:
    seconds = whole_number(value or "")
    return -1 if seconds is None else seconds


_MEMBERS: patches.Members = {
    "name": Member(text),
    "type": Member(text),
    "authType": Member(text),
    "authorizerUri": Member(text),
    "authorizerCredentials": Member(text, remove=True),
    "identitySource": Member(text),
    "identityValidationExpression": Member(text, remove=True),
    "authorizerResultTtlInSeconds": Member(_seconds),
}


def _check(document: Document) -> None:
    """The sentences are not recorded."""
    if document["type"] not in ("TOKEN", "REQUEST"):
        raise NotImplementedInFogbank(f"Authorizers of type {document['type']} are not implemented in Fogbank.")
    if not document.get("authorizerUri"):
        raise BadRequest("Authorizer URI must be set for TOKEN or REQUEST authorizers")
    if document["type"] == "TOKEN" and not document.get("identitySource"):
        raise BadRequest("Identity source must be set for TOKEN authorizers")
    if not 0 <= document.get("authorizerResultTtlInSeconds", 0) <= TTL_S_MAX:
        raise BadRequest(f"The authorizer result TTL must be between 0 and {TTL_S_MAX} seconds")
    expression = document.get("identityValidationExpression")
    if expression:
        check_expression(expression, f"Invalid identity validation expression: {expression}")


def described(authorizer: Authorizer) -> dict[str, Any]:
    return {"id": authorizer.id, **authorizer.document}
