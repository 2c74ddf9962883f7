"""The base of every service."""

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud
    from fogbank.core.errors import AwsError

Answer = dict[str, Any] | None


class Service:
    """An AWS service: one method per API operation, named in snake case, taking AWS's parameters as keywords.

    The wire calls `method(ctx, **parameters)` with validated parameters. An operation without a method, and a
    parameter that its method does not take, are answered with NotImplemented by name: nothing is ignored.
    A `def` method runs in a transaction; an `async def` one opens its own (`ctx.run`).
    """

    name: ClassVar[str]
    """The service's name in botocore's data, such as `sqs`."""
    validates: ClassVar[bool] = True
    """Whether the wire checks the model's constraints (length, range, pattern, enum)."""
    raw_shapes: ClassVar[frozenset[str]] = frozenset()
    """Shapes handed over as decoded from the request, unchecked."""

    def __init__(self, cloud: "Cloud") -> None:
        self.cloud = cloud

    def refusal(self, sentence: str) -> "AwsError | None":
        """The service's own error for violated constraints of the model; None where it is the protocol's usual one."""
        return None

    async def start(self) -> None:
        """Begin background work; called at first use and, from then on, at each server start."""

    async def stop(self) -> None:
        """End background work that the cloud's tasks do not own."""
