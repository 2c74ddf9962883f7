"""EventBridge Pipes' errors."""

from fogbank.core.errors import AwsError


class Invalid(AwsError):
    code = "ValidationException"


class Conflict(AwsError):
    code = "ConflictException"
    status = 409


class NotFound(AwsError):
    code = "NotFoundException"
    status = 404
