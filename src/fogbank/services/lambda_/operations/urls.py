"""Function URLs: configured, and served."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.http_message import RequestData, ResponseData
from fogbank.core.service import Answer
from fogbank.services.lambda_.names import parse_name
from fogbank.services.lambda_.operations.base import Operations, page
from fogbank.services.lambda_.urls.configs import full_answer, url_answer
from fogbank.services.lambda_.urls.door import Door


class UrlOperations(Operations):
    """CreateFunctionUrlConfig and its relatives."""

    _door: Door

    def create_function_url_config(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        AuthType: str,
        Qualifier: str | None = None,
        Cors: dict[str, Any] | None = None,
        InvokeMode: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        url = self._urls.create(ctx, name, auth_type=AuthType, invoke_mode=InvokeMode or "", cors=Cors)
        return url_answer(ctx, name, url)

    def get_function_url_config(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        return full_answer(ctx, name, self._urls.find(ctx, name))

    def update_function_url_config(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        Qualifier: str | None = None,
        AuthType: str | None = None,
        Cors: dict[str, Any] | None = None,
        InvokeMode: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        self._urls.check_subject(ctx, name)
        url = self._urls.find(ctx, name)
        url.auth_type = AuthType or url.auth_type
        url.invoke_mode = InvokeMode or url.invoke_mode
        if Cors is not None:
            url.cors = Cors
        self._urls.save(ctx, name, url)
        full = full_answer(ctx, name, url)
        return {**url_answer(ctx, name, url), "LastModifiedTime": full["LastModifiedTime"]}

    def delete_function_url_config(self, ctx: Context, *, FunctionName: str, Qualifier: str | None = None) -> Answer:
        self._urls.delete(ctx, parse_name(ctx, FunctionName, Qualifier))
        return None

    def list_function_url_configs(
        self, ctx: Context, *, FunctionName: str, Marker: str | None = None, MaxItems: int = 50
    ) -> Answer:
        name = parse_name(ctx, FunctionName)._replace(qualifier="")
        self._urls.check_subject(ctx, name)
        found = [
            full_answer(ctx, name._replace(qualifier=alias), url) for alias, url in self._urls.of_function(ctx, name)
        ]
        return page("FunctionUrlConfigs", found, Marker, MaxItems)

    async def call_function_url(self, ctx: Context, *, request: RequestData) -> ResponseData:
        """A request at a function URL, as the wire hands it on; its `resource` is `/{id}/…`."""
        return await self._door.serve(ctx, request)
