"""The errors of the Glue Data Catalog. https://docs.aws.amazon.com/glue/latest/webapi/CommonErrors.html"""

from fogbank.core.errors import AwsError


class AlreadyExists(AwsError):
    code = "AlreadyExistsException"


class EntityNotFound(AwsError):
    code = "EntityNotFoundException"
    message = "Entity Not Found"


class InvalidInput(AwsError):
    code = "InvalidInputException"


class InvalidState(AwsError):
    code = "InvalidStateException"


class ConcurrentModification(AwsError):
    code = "ConcurrentModificationException"


class ConditionCheckFailure(AwsError):
    code = "ConditionCheckFailureException"


class ResourceNumberLimitExceeded(AwsError):
    code = "ResourceNumberLimitExceededException"


def detail(error: AwsError) -> dict[str, str]:
    """The error as operations on batches tell it."""
    return {"ErrorCode": error.code, "ErrorMessage": error.message}
