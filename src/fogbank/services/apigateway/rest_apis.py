"""REST APIs: creating, listing, changing and deleting them, and the account's settings."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import ApiGatewayBase, new_id, page
from fogbank.services.apigateway.errors import BadRequest
from fogbank.services.apigateway.models import default_models
from fogbank.services.apigateway.patches import Elements, Member, Patch, flag, text
from fogbank.services.apigateway.records import Account, Document, Place, Resource, RestApi
from fogbank.services.apigateway.tags import check_tags

COMPRESSION_BYTES_MAX = 10_485_760
_ENDPOINT_TYPES = ("REGIONAL", "EDGE", "PRIVATE")
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html: the account's throttle in a region.
_THROTTLE = {"rateLimit": 10_000.0, "burstLimit": 5_000}


class RestApis(ApiGatewayBase):
    """The operations on APIs as a whole."""

    def create_rest_api(
        self,
        ctx: Context,
        *,
        name: str,
        description: str | None = None,
        version: str | None = None,
        binaryMediaTypes: list[str] | None = None,
        minimumCompressionSize: int | None = None,
        apiKeySource: str = "HEADER",
        endpointConfiguration: dict[str, Any] | None = None,
        policy: str | None = None,
        tags: dict[str, str] | None = None,
        disableExecuteApiEndpoint: bool = False,
    ) -> Answer:
        if description == "":
            raise BadRequest("Description cannot be an empty string")
        settings: Document = {
            "name": name,
            "apiKeySource": apiKeySource,
            "endpointConfiguration": endpoint_configuration(endpointConfiguration),
            "disableExecuteApiEndpoint": disableExecuteApiEndpoint,
        }
        if description is not None:
            settings["description"] = description
        if version is not None:
            settings["version"] = version
        if binaryMediaTypes:
            settings["binaryMediaTypes"] = binaryMediaTypes
        if minimumCompressionSize is not None:
            settings["minimumCompressionSize"] = _compression_size(str(minimumCompressionSize))
        if policy is not None:
            raise policies_are_missing()
        return described(self.make_api(ctx, settings, check_tags(tags)))

    def make_api(self, ctx: Context, settings: Document, tags: dict[str, str]) -> RestApi:
        """An API that has nothing but its root resource and the models that each has."""
        tables = self._tables
        api = RestApi(
            account=ctx.account,
            region=ctx.region,
            id=new_id(),
            root_id=new_id(),
            created_ms=ctx.now_ms,
            settings=settings,
            tags=tags,
        )
        self._save_api(api)
        tables.places.put((api.id,), Place(ctx.account, ctx.region))
        self._save_resource(api.id, Resource(api.root_id, "", "", "/"))
        for model in default_models():
            tables.models.put((api.id, model.name), model)
        return api

    def delete_rest_api(self, ctx: Context, *, restApiId: str) -> Answer:
        self._tables.remove(self._api(ctx, restApiId))
        return None

    def get_rest_api(self, ctx: Context, *, restApiId: str) -> Answer:
        return described(self._api(ctx, restApiId))

    def get_rest_apis(self, ctx: Context, *, position: str | None = None, limit: int | None = None) -> Answer:
        apis = [api for _, api in self._tables.apis.scan((ctx.account, ctx.region))]
        apis.sort(key=lambda api: (api.created_ms, api.id))
        return page([described(api) for api in apis], position, limit)

    def update_rest_api(
        self, ctx: Context, *, restApiId: str, patchOperations: list[dict[str, Any]] | None = None
    ) -> Answer:
        api = self._api(ctx, restApiId)
        for patch in patches.parsed(patchOperations):
            _change(api.settings, patch)
        self._save_api(api)
        return {"tags": {}, **described(api)}

    # ---- the account ------------------------------------------------------------------------------------------------

    def get_account(self, ctx: Context) -> Answer:
        account = self._tables.accounts.get((ctx.account, ctx.region))
        role = {"cloudwatchRoleArn": account.role_arn} if account is not None and account.role_arn else {}
        return {**role, "throttleSettings": _THROTTLE, "features": ["UsagePlans"], "apiKeyVersion": "4"}

    def update_account(self, ctx: Context, *, patchOperations: list[dict[str, Any]] | None = None) -> Answer:
        """The role is kept and shown: nothing that writes to CloudWatch Logs asks for it while IAM is not enforced."""
        key = (ctx.account, ctx.region)
        account = self._tables.accounts.get(key) or Account()
        for patch in patches.parsed(patchOperations):
            if patch.steps != ["cloudwatchRoleArn"]:
                raise patches.invalid_path(patch.path)
            account.role_arn = "" if patch.op == "remove" else patch.value or ""
        self._tables.accounts.put(key, account)
        return self.get_account(ctx)


_SETTINGS: patches.Members = {
    "name": Member(text),
    "description": Member(text, remove=True),
    "version": Member(text),
    "disableExecuteApiEndpoint": Member(flag),
    "binaryMediaTypes": Elements(),
}


def _change(settings: Document, patch: Patch) -> None:
    match patch.steps:
        case ["minimumCompressionSize"]:
            if patch.op != "replace":
                raise patches.only_replace()
            settings.pop("minimumCompressionSize", None)
            if patch.value:
                settings["minimumCompressionSize"] = _compression_size(patch.value)
        case ["endpointConfiguration", "ipAddressType"]:
            if patch.op != "replace":
                raise patches.only_replace()
            if patch.value not in ("ipv4", "dualstack"):
                raise BadRequest("ipAddressType must be either ipv4 or dualstack.")
            types = settings["endpointConfiguration"]["types"]
            settings["endpointConfiguration"] = _endpoint(types, patch.value)
        case ["endpointConfiguration", "types", *_]:
            if patch.op != "replace":  # As recorded, although the sentence says otherwise.
                raise BadRequest("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
            if patch.value not in _ENDPOINT_TYPES:
                raise BadRequest(f"Invalid EndpointTypes specified. Valid options are {','.join(_ENDPOINT_TYPES)}")
            address = "dualstack" if patch.value == "PRIVATE" else settings["endpointConfiguration"]["ipAddressType"]
            settings["endpointConfiguration"] = _endpoint([patch.value], address)
        case ["policy"]:
            raise policies_are_missing()
        case ["apiKeySource"]:
            if patch.op != "replace":
                raise patches.only_replace()
            if patch.value not in ("HEADER", "AUTHORIZER"):  # The sentence is not recorded.
                raise BadRequest("Invalid API key source specified. Valid options are HEADER, AUTHORIZER")
            settings["apiKeySource"] = patch.value
        case _:
            patches.change(settings, patch, _SETTINGS)


def policies_are_missing() -> NotImplementedInFogbank:
    return NotImplementedInFogbank("Resource policies of REST APIs are not implemented in Fogbank.")


def _compression_size(value: str) -> int:
    size = whole_number(value)
    if size is None or size > COMPRESSION_BYTES_MAX:
        raise BadRequest(f"Invalid minimum compression size, must be between 0 and {COMPRESSION_BYTES_MAX}")
    return size


def endpoint_configuration(given: dict[str, Any] | None) -> Document:
    if given is None:
        return _endpoint(["EDGE"], "ipv4")
    if given.get("vpcEndpointIds"):
        raise NotImplementedInFogbank("REST APIs in VPC endpoints are not implemented in Fogbank.")
    types = given.get("types")
    if types is not None and not types:
        raise BadRequest("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    types = types or ["EDGE"]
    if len(types) > 1:
        raise BadRequest("Cannot create an api with multiple Endpoint Types.")
    return _endpoint(types, given.get("ipAddressType") or ("dualstack" if types == ["PRIVATE"] else "ipv4"))


def _endpoint(types: list[str], address: str) -> Document:
    if types == ["PRIVATE"] and address != "dualstack":
        raise BadRequest("Only dualstack ipAddressType is supported for Private APIs.")
    return {"types": types, "ipAddressType": address}


def described(api: RestApi) -> dict[str, Any]:
    tags = {"tags": api.tags} if api.tags else {}
    return {
        **api.settings,
        "id": api.id,
        "createdDate": api.created_ms // 1000,
        "rootResourceId": api.root_id,
        **tags,
    }
