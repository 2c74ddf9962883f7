"""A context in which every operation is asked for before it is called.

Operations that services call of each other are their own business. Where a service does what somebody tells it to, such
as CloudFormation with a template, its handlers get such a context: what they call through `ctx.cloud` is authorized for
the context's identity by the called service's table, as a request is. What that operation calls in turn is not.
"""

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from types import MethodType
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Service

Demanded = Callable[[str], bool]
"""Whether an action, such as `sqs:CreateQueue`, is asked for."""


def everything(action: str) -> bool:
    return True


def asking(ctx: Context, demanded: Demanded = everything) -> Context:
    """The context that asks for the demanded actions; as it is where nothing is authorized, or nobody is known."""
    if ctx.cloud.authorizer is None or ctx.identity is None:
        return ctx
    there = ctx.at()
    there.cloud = _AskingCloud(ctx.cloud, demanded)
    return there


class _AskingCloud(Cloud):
    """The same cloud; only its services are others."""

    def __init__(self, cloud: Cloud, demanded: Demanded) -> None:
        self.__dict__.update(cloud.__dict__)
        self._whole = cloud
        self._demanded = demanded

    def __getattr__(self, package: str) -> Any:
        return _AskingService(super().__getattr__(package), self._whole, self._demanded)


class _AskingService:
    """A service whose operations are asked for; everything else of it is as it is."""

    def __init__(self, service: Service, cloud: Cloud, demanded: Demanded) -> None:
        self._service = service
        self._cloud = cloud
        self._demanded = demanded

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._service, name)
        if not inspect.ismethod(method):
            return method
        if inspect.iscoroutinefunction(method):

            @wraps(method.__func__)
            async def waiting(service: Service, *given: Any, **parameters: Any) -> Any:
                return await self._begun(method, given, parameters)

            return MethodType(waiting, self._service)

        @wraps(method.__func__)
        def at_once(service: Service, *given: Any, **parameters: Any) -> Any:
            return self._begun(method, given, parameters)

        return MethodType(at_once, self._service)

    def _begun(
        self, method: Callable[..., Awaitable[Any] | Any], given: tuple[Any, ...], parameters: dict[str, Any]
    ) -> Any:
        if given and isinstance(given[0], Context):
            ctx, *more = given
            there = ctx.at()
            there.cloud = self._cloud
            self._cloud.apis.permit(there, method, parameters, self._demanded)
            given = (there, *more)
        return method(*given, **parameters)
