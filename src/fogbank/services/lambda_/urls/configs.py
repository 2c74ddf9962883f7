"""Function URLs as stored things: found, made, changed, removed."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.moments import iso_milliseconds
from fogbank.services.lambda_.errors import ResourceConflict, ResourceNotFound
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.records import FunctionUrl, UrlOwner
from fogbank.services.lambda_.urls import addresses


class Urls:
    """A function has one URL at most, and so has each of its aliases."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._urls = functions.tables.urls
        self._owners = functions.tables.url_owners

    def find(self, ctx: Context, name: FunctionName) -> FunctionUrl:
        found = self._urls.get(_key(ctx, name))
        if found is None:
            raise ResourceNotFound()
        return found

    def owner(self, url_id: str) -> UrlOwner | None:
        """Whose URL that is, for those who come from outside."""
        return self._owners.peek((url_id,))

    def create(
        self, ctx: Context, name: FunctionName, *, auth_type: str, invoke_mode: str, cors: dict[str, Any] | None
    ) -> FunctionUrl:
        self.check_subject(ctx, name)
        if self._urls.get(_key(ctx, name)) is not None:
            arn = function_arn(ctx, name.account, name.name, name.qualifier)
            raise ResourceConflict(
                f"Failed to create function url config for [functionArn = {arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function"
            )
        url = FunctionUrl(addresses.new_id(), auth_type, ctx.now_ms, ctx.now_ms, invoke_mode, cors)
        self._urls.put(_key(ctx, name), url)
        self._owners.put((url.url_id,), UrlOwner(name.account, ctx.region, name.name, name.qualifier))
        return url

    def save(self, ctx: Context, name: FunctionName, url: FunctionUrl) -> None:
        url.modified_ms = ctx.now_ms
        self._urls.put(_key(ctx, name), url)

    def delete(self, ctx: Context, name: FunctionName) -> None:
        self._remove(ctx, name, self.find(ctx, name))

    def delete_of_alias(self, ctx: Context, name: FunctionName) -> None:
        """The alias is being removed, and its URL with it."""
        url = self._urls.get(_key(ctx, name))
        if url is not None:
            self._remove(ctx, name, url)

    def _remove(self, ctx: Context, name: FunctionName, url: FunctionUrl) -> None:
        self._urls.delete(_key(ctx, name))
        self._owners.delete((url.url_id,))

    def delete_of_function(self, ctx: Context, name: FunctionName) -> None:
        """The function is being removed, and its URLs with it."""
        place = (name.account, ctx.region, name.name)
        for _, url in self._urls.scan(place):
            self._owners.delete((url.url_id,))
        self._urls.delete_all(place)

    def of_function(self, ctx: Context, name: FunctionName) -> list[tuple[str, FunctionUrl]]:
        """By alias; the function's own has no alias."""
        scan = self._urls.scan((name.account, ctx.region, name.name))
        return [(str(key[3]), url) for key, url in scan]

    def check_subject(self, ctx: Context, name: FunctionName) -> None:
        """What is to have a URL is a function or an alias that is there."""
        try:
            self._functions.configuration(ctx, name)
        except ResourceNotFound:
            raise ResourceNotFound("Function does not exist") from None


def _key(ctx: Context, name: FunctionName) -> tuple[str, str, str, str]:
    return (name.account, ctx.region, name.name, name.qualifier)


def url_answer(ctx: Context, name: FunctionName, url: FunctionUrl) -> dict[str, Any]:
    """What Create, Get, Update and List have in common."""
    answer: dict[str, Any] = {
        "FunctionUrl": addresses.url_of(ctx.endpoint, url.url_id, ctx.region),
        "FunctionArn": function_arn(ctx, name.account, name.name, name.qualifier),
        "AuthType": url.auth_type,
        "CreationTime": iso_milliseconds(url.created_ms),
    }
    if url.cors:
        answer["Cors"] = url.cors
    if url.invoke_mode:
        answer["InvokeMode"] = url.invoke_mode
    return answer


def full_answer(ctx: Context, name: FunctionName, url: FunctionUrl) -> dict[str, Any]:
    """As Get and List show it."""
    answer = url_answer(ctx, name, url)
    return {"InvokeMode": "BUFFERED", **answer, "LastModifiedTime": iso_milliseconds(url.modified_ms)}
