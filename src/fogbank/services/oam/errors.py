"""OAM's errors. https://docs.aws.amazon.com/OAM/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class Conflict(AwsError):
    code = "ConflictException"
    status = 409


class InvalidParameter(AwsError):
    code = "InvalidParameterException"


class QuotaExceeded(AwsError):
    code = "ServiceQuotaExceededException"
    status = 429


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    status = 404


class TooManyTags(AwsError):
    code = "TooManyTagsException"
