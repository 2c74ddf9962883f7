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
