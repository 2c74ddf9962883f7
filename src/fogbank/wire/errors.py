"""Errors of the front door: requests that no service gets to see."""

from collections.abc import Mapping
from typing import Any

from fogbank.core.errors import AwsError


class WireError(AwsError):
    """An error whose code depends on the protocol, so that it is given when it is raised."""

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        status: int | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        if code is not None:
            self.code = code  # type: ignore[misc]  # shadows the class's on purpose
        if status is not None:
            self.status = status  # type: ignore[misc]
        super().__init__(message, members=members)


class RoutingError(AwsError):
    """A request that leads to no operation; `service` and `protocol` say in which form to answer, if
    known.
    """

    service: str | None = None
    protocol: str = "json"

    def spoken_in(self, service: str | None, protocol: str) -> "RoutingError":
        self.service, self.protocol = service, protocol
        return self


class SerializationException(AwsError):
    """The body cannot be read as the operation's input (JSON and CBOR protocols)."""

    code = "SerializationException"
    status = 400


class MalformedInput(AwsError):
    """A form parameter is not of its member's type (query protocol)."""

    code = "MalformedInput"
    status = 400


class MalformedQueryString(AwsError):
    code = "MalformedQueryString"
    status = 400
    message = "The query string contains a syntax error."


class MalformedXML(AwsError):
    code = "MalformedXML"
    status = 400
    message = "The XML you provided was not well-formed or did not validate against our published schema"


class MissingParameter(AwsError):
    code = "MissingParameter"
    status = 400


class InvalidParameterValue(AwsError):
    code = "InvalidParameterValue"
    status = 400


class ConstraintViolated(WireError):
    """The model's constraints are violated; the code is the protocol's."""

    code = "ValidationException"
    status = 400


class UnknownOperation(RoutingError):
    """The JSON protocols' answer to an operation that the service does not have."""

    code = "UnknownOperationException"
    status = 404


class InvalidAction(RoutingError):
    """The query protocol's answer to an operation that the service does not have."""

    code = "InvalidAction"
    status = 400


class MissingAction(RoutingError):
    code = "MissingAction"
    status = 400
    message = "The request must contain the parameter Action"


class MethodNotAllowed(RoutingError):
    code = "MethodNotAllowed"
    status = 405
    message = "The specified method is not allowed against this resource."


class UnknownService(RoutingError):
    """No service could be told from the request."""

    code = "UnknownOperationException"
    status = 404
    message = (
        "Fogbank cannot tell which service is meant: sign the request, or send an X-Amz-Target header, "
        "an Action parameter or a host name that starts with the service's name."
    )


class IncompleteSignature(AwsError):
    code = "IncompleteSignature"
    status = 400


class ServiceNotImplemented(RoutingError):
    """A service that AWS has and Fogbank does not."""

    code = "NotImplemented"
    status = 501
