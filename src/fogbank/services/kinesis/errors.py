"""The errors of Kinesis Data Streams. https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class InvalidArgument(AwsError):
    code = "InvalidArgumentException"


class ResourceInUse(AwsError):
    code = "ResourceInUseException"


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"


class LimitExceeded(AwsError):
    code = "LimitExceededException"


class ThroughputExceeded(AwsError):
    code = "ProvisionedThroughputExceededException"


class ExpiredIterator(AwsError):
    code = "ExpiredIteratorException"


class ExpiredNextToken(AwsError):
    code = "ExpiredNextTokenException"


class Validation(AwsError):
    code = "ValidationException"


class KmsAccessDenied(AwsError):
    code = "KMSAccessDeniedException"


class KmsDisabled(AwsError):
    code = "KMSDisabledException"


class KmsInvalidState(AwsError):
    code = "KMSInvalidStateException"


class KmsNotFound(AwsError):
    code = "KMSNotFoundException"


KMS_ERRORS: dict[str, type[AwsError]] = {
    "AccessDeniedException": KmsAccessDenied,
    "DisabledException": KmsDisabled,
    "KMSInvalidStateException": KmsInvalidState,
    "NotFoundException": KmsNotFound,
}
"""What Kinesis answers when KMS refuses, by KMS's code."""
