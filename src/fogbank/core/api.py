"""Operations by the names that AWS's SDKs have for them, for services that call what the user asks for.

EventBridge Scheduler's universal targets name an operation as `sqs:sendMessage` and give its parameters as JSON. Only
the wire knows the models that such parameters are checked against, so it provides the directory.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fogbank.core.errors import NotImplementedInFogbank

if TYPE_CHECKING:
    from fogbank.core.context import Context
    from fogbank.core.http_message import RequestData, ResponseData


class ApiOperation(Protocol):
    """One operation, callable with parameters as JSON has them."""

    waits: bool
    """Whether `call` gives something to await; else it runs in the caller's transaction."""

    def call(self, ctx: "Context", document: dict[str, Any]) -> Any:
        """The operation's answer. Raises its AwsError, and the wire's for parameters that it does not take."""


class ApiDirectory(Protocol):
    def find(self, service_id: str, action: str) -> ApiOperation:
        """The operation; `service_id` as in SDKs, lower case: `sqs`, `eventbridge`. Raises NotImplemented."""

    def check(self, operation: Callable[..., Any], parameters: dict[str, Any]) -> None:
        """Raises the service's error for parameters of one of its operations that the model does not allow.

        For calls in process whose parameters a user gave. What is no operation of the API is not checked.
        """

    def permit(
        self,
        ctx: "Context",
        operation: Callable[..., Any],
        parameters: dict[str, Any],
        demanded: Callable[[str], bool],
    ) -> None:
        """Raises NotPermitted unless the context's identity may call one of a service's operations like this: ask for
        those of the actions that it needs which are demanded. What is no operation of the API needs none.
        """

    async def send(self, ctx: "Context", service: str, action: str | None, request: "RequestData") -> "ResponseData":
        """The answer to a request to that service, served as if it had come from the context's account over HTTP.

        `service` is named as in its host. With an `action` the request names that operation as the service's protocol
        has it; without one, path, query and headers say it.
        """


class NoModels:
    """The directory of a cloud that no wire was given to: nothing is found, and nothing is checked."""

    def find(self, service_id: str, action: str) -> ApiOperation:
        raise NotImplementedInFogbank(f"Nothing here knows the operation {action} of {service_id}.")

    def check(self, operation: Callable[..., Any], parameters: dict[str, Any]) -> None:
        pass

    def permit(
        self,
        ctx: "Context",
        operation: Callable[..., Any],
        parameters: dict[str, Any],
        demanded: Callable[[str], bool],
    ) -> None:
        raise NotImplementedInFogbank("Nothing here knows what operations need.")

    async def send(self, ctx: "Context", service: str, action: str | None, request: "RequestData") -> "ResponseData":
        raise NotImplementedInFogbank(f"Nothing here serves requests to {service}.")
