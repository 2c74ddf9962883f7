"""The errors of Amazon Data Firehose. https://docs.aws.amazon.com/firehose/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class InvalidArgument(AwsError):
    code = "InvalidArgumentException"


class ResourceInUse(AwsError):
    code = "ResourceInUseException"


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"


class LimitExceeded(AwsError):
    code = "LimitExceededException"


class ConcurrentModification(AwsError):
    code = "ConcurrentModificationException"


class ServiceUnavailable(AwsError):
    code = "ServiceUnavailableException"
    status = 500
    message = "Slow down."


class InvalidKmsResource(AwsError):
    code = "InvalidKMSResourceException"
