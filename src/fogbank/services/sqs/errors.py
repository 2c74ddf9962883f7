"""SQS's errors: the JSON protocol names the shape (`code`), the query protocol the older code (`query_code`).

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

from fogbank.core.errors import AwsError


class QueueDoesNotExist(AwsError):
    code = "QueueDoesNotExist"
    query_code = "AWS.SimpleQueueService.NonExistentQueue"
    message = "The specified queue does not exist."
    query_message = "The specified queue does not exist for this wsdl version."


class InvalidAddress(AwsError):
    """The URL is of a queue in another region."""

    code = "InvalidAddress"
    status = 404


class QueueNameExists(AwsError):
    code = "QueueNameExists"
    query_code = "QueueAlreadyExists"


class InvalidAttributeName(AwsError):
    code = "InvalidAttributeName"


class InvalidAttributeValue(AwsError):
    code = "InvalidAttributeValue"


class InvalidParameterValue(AwsError):
    code = "InvalidParameterValueException"
    query_code = "InvalidParameterValue"


class MissingParameter(AwsError):
    code = "MissingRequiredParameterException"
    query_code = "MissingParameter"


class InvalidMessageContents(AwsError):
    code = "InvalidMessageContents"
    message = (
        "Invalid characters found. Valid unicode characters are "
        "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
    )


class ReceiptHandleIsInvalid(AwsError):
    code = "ReceiptHandleIsInvalid"


class OverLimit(AwsError):
    code = "OverLimit"
    status = 403


class PurgeQueueInProgress(AwsError):
    code = "PurgeQueueInProgress"
    query_code = "AWS.SimpleQueueService.PurgeQueueInProgress"
    status = 403


class EmptyBatchRequest(AwsError):
    code = "EmptyBatchRequest"
    query_code = "AWS.SimpleQueueService.EmptyBatchRequest"


class TooManyEntriesInBatchRequest(AwsError):
    code = "TooManyEntriesInBatchRequest"
    query_code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"


class BatchEntryIdsNotDistinct(AwsError):
    code = "BatchEntryIdsNotDistinct"
    query_code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"


class InvalidBatchEntryId(AwsError):
    code = "InvalidBatchEntryId"
    query_code = "AWS.SimpleQueueService.InvalidBatchEntryId"
    message = (
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long."
    )


class BatchRequestTooLong(AwsError):
    code = "BatchRequestTooLong"
    query_code = "AWS.SimpleQueueService.BatchRequestTooLong"


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    query_code = "ResourceNotFoundException"
    status = 404


class KmsAccessDenied(AwsError):
    code = "KmsAccessDenied"
    query_code = "KMS.AccessDeniedException"


class KmsDisabled(AwsError):
    code = "KmsDisabled"
    query_code = "KMS.DisabledException"


class KmsInvalidKeyUsage(AwsError):
    code = "KmsInvalidKeyUsage"
    query_code = "KMS.InvalidKeyUsageException"


class KmsInvalidState(AwsError):
    code = "KmsInvalidState"
    query_code = "KMS.InvalidStateException"


class KmsNotFound(AwsError):
    code = "KmsNotFound"
    query_code = "KMS.NotFoundException"


KMS_ERRORS: dict[str, type[AwsError]] = {
    "AccessDeniedException": KmsAccessDenied,
    "DisabledException": KmsDisabled,
    "InvalidKeyUsageException": KmsInvalidKeyUsage,
    "KMSInvalidStateException": KmsInvalidState,
    "NotFoundException": KmsNotFound,
}
"""What SQS answers when KMS refuses, by KMS's code."""
