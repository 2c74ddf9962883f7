"""Notes that a resource is being made in the transaction of the first thing that its handler writes.

So a restart can tell what a crash left: what is there under the resource's name is the stack's if the note is there,
and somebody else's if it is not.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from fogbank.core.context import Context

P = ParamSpec("P")
R = TypeVar("R")


class ResourceContext(Context):
    """The context of a resource's handler: what it calls is checked as a request is, since templates give it."""

    __slots__ = ()

    makes_stacks = True

    def __init__(self, ctx: Context) -> None:
        super().__init__(
            ctx.cloud,
            account=ctx.account,
            region=ctx.region,
            now_ms=ctx.now_ms,
            request_id=ctx.request_id,
            endpoint=ctx.endpoint,
            access_key=ctx.access_key,
            headers=ctx.headers,
            peer=ctx.peer,
            identity=ctx.identity,
        )

    def at(self, *, account: str | None = None, region: str | None = None) -> "ResourceContext":
        return ResourceContext(super().at(account=account, region=region))

    async def call(self, operation: Callable[..., Any], /, **parameters: Any) -> Any:
        self.cloud.apis.check(operation, parameters)
        return await super().call(operation, **parameters)


class MakingContext(ResourceContext):
    """The context of a resource's creation. `note` is called in each transaction of the handler's that writes."""

    __slots__ = ("_note",)

    def __init__(self, ctx: Context, note: Callable[[], None]) -> None:
        super().__init__(ctx)
        self._note = note

    def at(self, *, account: str | None = None, region: str | None = None) -> "MakingContext":
        return MakingContext(super().at(account=account, region=region), self._note)

    async def run(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await super().run(partial(self._noted, fn), *args, **kwargs)

    def _noted(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = fn(*args, **kwargs)
        if self.cloud.store.has_written:
            self._note()
        return result
