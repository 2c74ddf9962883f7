"""CloudFormation's errors."""

from fogbank.core.errors import AwsError


class ValidationError(AwsError):
    code = "ValidationError"


class AlreadyExists(AwsError):
    code = "AlreadyExistsException"


class InsufficientCapabilities(AwsError):
    code = "InsufficientCapabilitiesException"


class ChangeSetNotFound(AwsError):
    code = "ChangeSetNotFoundException"
    query_code = "ChangeSetNotFound"
    status = 404


class InvalidChangeSetStatus(AwsError):
    code = "InvalidChangeSetStatusException"
    query_code = "InvalidChangeSetStatus"


class Cancelled(AwsError):
    """A resource's wait was given up because something else of its stack failed."""

    code = "ResourceCancelled"
    message = "Resource creation cancelled"


class TransformFailed(ValidationError):
    """A transform or macro failed: AWS accepts the request, and the stack or the change set fails."""
