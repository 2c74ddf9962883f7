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
