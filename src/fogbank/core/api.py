"""Operations by the names that AWS's SDKs have for them, for services that call what the user asks for.

EventBridge Scheduler's universal targets name an operation as `sqs:sendMessage` and give its parameters as JSON. Only
the wire knows the models that such parameters are checked against, so it provides the directory.
"""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fogbank.core.context import Context


class ApiOperation(Protocol):
    """One operation, callable with parameters as JSON has them."""

    waits: bool
    """Whether `call` gives something to await; else it runs in the caller's transaction."""

    def call(self, ctx: "Context", document: dict[str, Any]) -> Any:
        """The operation's answer. Raises its AwsError, and the wire's for parameters that it does not take."""


class ApiDirectory(Protocol):
    def find(self, service_id: str, action: str) -> ApiOperation:
        """The operation; `service_id` as in SDKs, lower case: `sqs`, `eventbridge`. Raises NotImplemented."""
