"""The base of every service."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, get_args

from fogbank.core.errors import NotImplementedInFogbank

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud
    from fogbank.core.context import Context
    from fogbank.core.errors import AwsError
    from fogbank.core.http_message import RequestData, ResponseData
    from fogbank.core.scaling import Dimension
    from fogbank.core.store import Table

Answer = dict[str, Any] | None
Respond = Callable[["ResponseData"], None]
STATUS = ":status"
"""In an answer: an HTTP status other than its model's."""


class Tagged(NamedTuple):
    """A resource as the tagging API lists it; `kind` is its type there, such as `dynamodb:table`."""

    arn: str
    kind: str
    tags: dict[str, str]


class Service:
    """An AWS service: one method per API operation, named in snake case, taking AWS's parameters as keywords.

    The wire calls `method(ctx, **parameters)` with validated parameters. An operation without a method, and a
    parameter that its method does not take, are answered with NotImplemented by name: nothing is ignored.
    Parameters that several operations take alike may come together (`**given: Unpack[...]` of a TypedDict).
    A `def` method runs in a transaction; an `async def` one opens its own (`ctx.run`).
    """

    name: ClassVar[str]
    """The service's name in botocore's data, such as `sqs`."""
    validates: ClassVar[bool] = True
    """Whether the wire checks the model's constraints (length, range, pattern, enum)."""
    raw_shapes: ClassVar[frozenset[str]] = frozenset()
    """Shapes handed over as decoded from the request, unchecked."""

    is_for_pages: ClassVar[bool] = False
    """Whether pages of any site may send it requests that nobody has signed, such as forms."""
    link_operations: ClassVar[frozenset[str]] = frozenset()
    """The operations that people get as links, in mails for example: they follow them from any page."""

    def __init__(self, cloud: "Cloud") -> None:
        self.cloud = cloud

    def refusal(self, sentence: str, parameters: dict[str, Any]) -> "AwsError | None":
        """The service's own error for parameters that violate constraints of the model; None where it is the
        protocol's usual one.
        """
        return None

    def admit(self, ctx: "Context", request: "RequestData") -> None:
        """Called with each request over HTTP before its parameters are read, outside of a transaction.

        It may refuse the request by raising an AwsError, and change its headers.
        """

    def verify_body(self, request: "RequestData", *, checksummed: bool, required: bool) -> None:
        """Called after `admit` with each request over HTTP whose body is not a stream. `checksummed` and `required`:
        whether the model says that a checksum of the body may come with it, and that it must.

        It may refuse the request by raising an AwsError, and take a framing from the body.
        """

    def decorate(self, ctx: "Context", request: "RequestData", respond: "Respond") -> "Respond":
        """Called with each request over HTTP before `admit`: it may put a function of its own before `respond`, which
        gets every answer to it, errors included, and may change the answer's headers.
        """
        return respond

    def status(self) -> dict[str, Any]:
        """What `fogbank status` tells of the service, by name; it must cost little."""
        return {}

    async def start(self) -> None:
        """Begin background work; called at first use and, from then on, at each server start."""

    async def stop(self) -> None:
        """End background work that the cloud's tasks do not own."""

    def scalable_dimensions(self) -> "Iterable[Dimension]":
        """The capacities that Application Auto Scaling can change."""
        return ()

    # ---- authorization: see core.authorization ----------------------------------------------------------------------

    data_operations: ClassVar[frozenset[str]] = frozenset()
    """The operations on the data itself, such as SendMessage: CloudTrail's data events, which are not recorded like
    those that manage resources.
    """

    secret_members: ClassVar[Mapping[str, frozenset[str]]] = {}
    """By operation, the members of parameters and answers that no record may tell, beside those that AWS's model calls
    sensitive.
    """

    def resource_policy(self, ctx: "Context", arn: str) -> str | None:
        """The policy of a resource of the service; None if it has none, or if there is no such resource.

        The context is of the resource's region and account. The same policy should be given as the same text.
        """
        return None

    policy_table: "Table[Any] | None" = None
    """The table that `resource_policy` reads, if the policies depend on nothing else and every ARN tells its account:
    what was decided about a resource is then known until that is written to.
    """

    def resource_tags(self, ctx: "Context", arn: str) -> Mapping[str, str]:
        """The tags of a resource: asked for when a policy looks at them. The context is of its region and account."""
        return next((tagged.tags for tagged in self.tagged_resources(ctx) if tagged.arn == arn), {})

    def resource_owner(self, ctx: "Context", arn: str) -> str:
        """The account of a resource whose ARN does not tell it, as S3's do not; empty if it is nobody's yet."""
        return ""

    # ---- tags, for the tagging API: each service answers for its own resources --------------------------------------

    def tagged_resources(self, ctx: "Context") -> Iterator[Tagged]:
        """The resources of the context's account and region that can have tags."""
        return iter(())

    def tag_by_arn(self, ctx: "Context", arn: str, tags: dict[str, str]) -> None:
        """Add the tags to a resource that `tagged_resources` may list, in the current transaction."""
        raise NotImplementedInFogbank(f"Tagging by ARN is not implemented in Fogbank for {self.name}.")

    def untag_by_arn(self, ctx: "Context", arn: str, keys: list[str]) -> None:
        raise NotImplementedInFogbank(f"Tagging by ARN is not implemented in Fogbank for {self.name}.")


class Taken(NamedTuple):
    """The parameters of an operation's method, and those of them that it cannot do without."""

    names: frozenset[str]
    demanded: frozenset[str]


def parameters_taken(method: Callable[..., Any]) -> Taken:
    names: set[str] = set()
    demanded: set[str] = set()
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            names |= get_args(parameter.annotation)[0].__annotations__.keys()
        elif parameter.kind is parameter.KEYWORD_ONLY:
            names.add(name)
            if parameter.default is parameter.empty:
                demanded.add(name)
    return Taken(frozenset(names), frozenset(demanded))
