"""Application Auto Scaling's errors. Sentences that AWS does not publish are marked where they are raised."""

from fogbank.core.errors import AwsError


class Invalid(AwsError):
    code = "ValidationException"


class ObjectNotFound(AwsError):
    code = "ObjectNotFoundException"


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"


class InvalidNextToken(AwsError):
    code = "InvalidNextTokenException"
    message = "The token is invalid."


class EndpointFailed(AwsError):
    """A custom resource's endpoint cannot be asked now; what comes of it is told by a scaling activity."""

    code = "EndpointFailed"
    status = 503


class EndpointRefused(AwsError):
    """A custom resource's endpoint refuses, or answers in other words than was agreed."""

    code = "EndpointRefused"


class Busy(AwsError):
    """A capacity that somebody else is changing: another try is made later."""

    code = "ResourceBusy"
    status = 503
