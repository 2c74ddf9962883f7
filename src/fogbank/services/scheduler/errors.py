"""EventBridge Scheduler's errors. Sentences that no recording has are marked where they are raised."""

from fogbank.core.errors import AwsError


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    status = 404


class Conflict(AwsError):
    code = "ConflictException"
    status = 409


class Invalid(AwsError):
    code = "ValidationException"
