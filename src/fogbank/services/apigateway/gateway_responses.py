"""Gateway responses: what an API says where the gateway answers for itself."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import ApiGatewayBase, page, with_values
from fogbank.services.apigateway.errors import BadRequest, NotFound
from fogbank.services.apigateway.gateway_errors import DEFAULT_TEMPLATES, STATUS_CODES
from fogbank.services.apigateway.patches import Entries, Member, text
from fogbank.services.apigateway.records import GatewayResponse


class GatewayResponses(ApiGatewayBase):
    """The operations on gateway responses."""

    def put_gateway_response(
        self,
        ctx: Context,
        *,
        restApiId: str,
        responseType: str,
        statusCode: str | None = None,
        responseParameters: dict[str, str] | None = None,
        responseTemplates: dict[str, str] | None = None,
    ) -> Answer:
        self._api(ctx, restApiId)
        response = GatewayResponse(
            responseType, statusCode or "", responseParameters or {}, responseTemplates or DEFAULT_TEMPLATES
        )
        self._tables.gateway_responses.put((restApiId, responseType), response)
        return described(response)

    def delete_gateway_response(self, ctx: Context, *, restApiId: str, responseType: str) -> Answer:
        self._api(ctx, restApiId)
        if self._tables.gateway_responses.get((restApiId, responseType)) is None:
            raise NotFound("Gateway response type not defined on api")
        self._tables.gateway_responses.delete((restApiId, responseType))
        return None

    def get_gateway_response(self, ctx: Context, *, restApiId: str, responseType: str) -> Answer:
        self._api(ctx, restApiId)
        response = self._tables.gateway_responses.get((restApiId, responseType))
        return described(response) if response is not None else self._default(restApiId, responseType)

    def get_gateway_responses(
        self, ctx: Context, *, restApiId: str, position: str | None = None, limit: int | None = None
    ) -> Answer:
        self._api(ctx, restApiId)
        own = {response.type: response for _, response in self._tables.gateway_responses.scan((restApiId,))}
        items = [
            described(own[name]) if name in own else self._default(restApiId, name) for name in sorted(STATUS_CODES)
        ]
        return page(items, position, limit)

    def update_gateway_response(
        self,
        ctx: Context,
        *,
        restApiId: str,
        responseType: str,
        patchOperations: list[dict[str, Any]] | None = None,
    ) -> Answer:
        answer = self.get_gateway_response(ctx, restApiId=restApiId, responseType=responseType)
        assert answer is not None
        for patch in patches.parsed(patchOperations):
            name = patch.steps[0] if patch.steps else ""
            if name == "statusCode" and patch.op != "replace":
                raise patches.invalid_path(patch.path)
            if name in ("responseTemplates", "responseParameters") and patch.op != "remove" and not patch.value:
                if len(patch.steps) == 2 and patch.op == "replace" and patch.steps[1] not in answer[name]:
                    raise NotFound("Invalid parameter name specified")
                raise BadRequest(f"Invalid null or empty value in {name}")
            patches.change(answer, patch, _MEMBERS)
        response = GatewayResponse(
            responseType,
            answer.get("statusCode", ""),
            answer.get("responseParameters") or {},
            answer.get("responseTemplates") or {},
        )
        self._tables.gateway_responses.put((restApiId, responseType), response)
        return described(response)

    def _default(self, api_id: str, response_type: str) -> dict[str, Any]:
        """What the API has for all of that class of errors, or what every API has."""
        status = STATUS_CODES[response_type]
        answer = _unchanged(response_type)
        if status is not None:
            group = self._tables.gateway_responses.get((api_id, "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"))
            if group is not None:
                own = {**described(group), "responseType": response_type, "defaultResponse": True}
                return {**answer, **own}
        return answer


_MEMBERS: patches.Members = {
    "statusCode": Member(text),
    "responseParameters": Entries(text),
    "responseTemplates": Entries(text),
}


def _unchanged(response_type: str) -> dict[str, Any]:
    status = STATUS_CODES[response_type]
    return with_values(
        {
            "responseType": response_type,
            "statusCode": None if status is None else str(status),
            "responseParameters": {},
            "responseTemplates": DEFAULT_TEMPLATES,
            "defaultResponse": True,
        }
    )


def described(response: GatewayResponse) -> dict[str, Any]:
    status = response.status_code or STATUS_CODES[response.type]
    return with_values(
        {
            "responseType": response.type,
            "statusCode": None if status is None else str(status),
            "responseParameters": response.parameters,
            "responseTemplates": response.templates,
            "defaultResponse": False,
        }
    )
