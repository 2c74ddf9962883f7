"""On whose behalf, where and when a request runs."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from fogbank.core.arn import PARTITION

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud
    from fogbank.core.policy_evaluation import Identity


P = ParamSpec("P")
R = TypeVar("R")
_TRACE_HEADER = "x-amzn-trace-id"


class Context:
    """The account, region and time of one request; handed to every operation.

    `now_ms` is taken once, so that everything a request does happens at the same time. `endpoint` is the base URL
    that the caller used (AWS puts it in queue URLs and the like). `access_key` is None for background work, and
    `peer`, the address of the caller, is empty. `query` is that of the URL, as it was sent.
    """

    __slots__ = (
        "access_key",
        "account",
        "cloud",
        "endpoint",
        "headers",
        "identity",
        "now_ms",
        "peer",
        "query",
        "region",
        "request_id",
    )

    makes_stacks: ClassVar[bool] = False
    """Whether CloudFormation asks, for a resource of a stack."""

    def __init__(
        self,
        cloud: "Cloud",
        *,
        account: str,
        region: str,
        now_ms: int,
        request_id: str,
        endpoint: str,
        access_key: str | None = None,
        headers: dict[str, str] | None = None,
        peer: str = "",
        query: str = "",
        identity: "Identity | None" = None,
    ) -> None:
        self.cloud = cloud
        self.account = account
        self.region = region
        self.now_ms = now_ms
        self.request_id = request_id
        self.endpoint = endpoint
        self.access_key = access_key
        self.headers = headers if headers is not None else {}
        self.peer = peer
        self.query = query
        self.identity = identity
        """Who asks, with all policies, where requests are authorized; None with `--auth off` and for background
        work."""

    def at(self, *, account: str | None = None, region: str | None = None) -> "Context":
        """The same request seen from another account or region."""
        return Context(
            self.cloud,
            account=account or self.account,
            region=region or self.region,
            now_ms=self.now_ms,
            request_id=self.request_id,
            endpoint=self.endpoint,
            access_key=self.access_key,
            headers=self.headers,
            peer=self.peer,
            query=self.query,
            identity=self.identity,
        )

    @property
    def principal_arn(self) -> str:
        """Who calls: an issued access key says so; any other, and background work, is the account's root."""
        if self.identity is not None:
            return self.identity.arn
        key = self.cloud.access_keys.peek((self.access_key,)) if self.access_key else None
        return key.principal_arn if key is not None else f"arn:aws:iam::{self.account}:root"

    @property
    def user_id(self) -> str:
        """The unique id of who calls, as `aws:userid` has it; an account's root has its account's."""
        if self.identity is not None and self.identity.user_id:
            return self.identity.user_id
        key = self.cloud.access_keys.peek((self.access_key,)) if self.access_key else None
        return key.user_id if key is not None else self.account

    @property
    def trace(self) -> str:
        """The X-Ray trace header that the request came with, or nothing."""
        return self.headers.get(_TRACE_HEADER, "")

    def traced(self, trace: str) -> "Context":
        """The same request as part of that trace; without one, as it is."""
        if trace == self.trace or not trace:
            return self
        there = self.at()
        there.headers = {**self.headers, _TRACE_HEADER: trace}
        return there

    def refreshed(self) -> "Context":
        """The same request at the present time: for use after a wait."""
        fresh = self.at()
        fresh.now_ms = self.cloud.clock.now_ms()
        return fresh

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{PARTITION}:{service}:{self.region}:{self.account}:{resource}"

    async def run(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `fn` in a transaction of its own; the result comes once it is committed."""
        return await self.cloud.store.run(fn, *args, **kwargs)

    async def call(self, operation: Callable[..., Any], /, **parameters: Any) -> Any:
        """Call an operation of another service from async code: committed, and awaited if it waits itself.

        The headers and the query of the request that is in progress here say nothing about that call, its trace aside.
        """
        there = self.at()
        there.query = ""
        there.headers = {_TRACE_HEADER: self.trace} if self.trace else {}
        if inspect.iscoroutinefunction(operation):
            return await operation(there, **parameters)
        result = await self.run(partial(operation, there, **parameters))
        return await result if inspect.isawaitable(result) else result
