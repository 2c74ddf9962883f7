"""SNS's errors, worded as the service words them. Their codes are those of the query protocol."""

from fogbank.core.errors import AwsError


class InvalidParameter(AwsError):
    code = "InvalidParameter"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid parameter: {reason}")


class ParameterValueInvalid(AwsError):
    """A message attribute is not as it should be."""

    code = "ParameterValueInvalid"


class NotFound(AwsError):
    code = "NotFound"
    status = 404


class TopicDoesNotExist(NotFound):
    message = "Topic does not exist"


class NotAuthorized(AwsError):
    code = "AuthorizationError"
    status = 403

    def __init__(self, user: str, action: str, resource: str) -> None:
        super().__init__(f"User: {user} is not authorized to perform: SNS:{action} on resource: {resource}")


class SubscriptionDoesNotExist(NotFound):
    message = "Subscription does not exist"


class ResourceNotFound(AwsError):
    """What the tagging operations answer."""

    code = "ResourceNotFound"
    status = 404
    message = "Resource does not exist"


class SmsInvalid(AwsError):
    """A phone number or SMS attribute, worded without the usual beginning."""

    code = "InvalidParameter"


class InvalidToken(AwsError):
    code = "InvalidParameter"
    message = "Invalid token"


class EmptyBatch(AwsError):
    code = "EmptyBatchRequest"
    message = "The batch request doesn't contain any entries."


class TooManyEntries(AwsError):
    code = "TooManyEntriesInBatchRequest"
    message = "The batch request contains more entries than permissible."


class EntryIdsNotDistinct(AwsError):
    code = "BatchEntryIdsNotDistinct"
    message = "Two or more batch entries in the request have the same Id."


class InvalidEntryId(AwsError):
    code = "InvalidBatchEntryId"


class TagLimitExceeded(AwsError):
    code = "TagLimitExceeded"
    message = "Could not complete request: tag quota of per resource exceeded"


class BatchTooLong(AwsError):
    code = "BatchRequestTooLong"
    message = "The length of all the messages put together is more than the limit."


class KmsAccessDenied(AwsError):
    code = "KMSAccessDenied"


class KmsDisabled(AwsError):
    code = "KMSDisabled"


class KmsInvalidState(AwsError):
    code = "KMSInvalidState"


class KmsNotFound(AwsError):
    code = "KMSNotFound"


KMS_ERRORS: dict[str, type[AwsError]] = {
    "AccessDeniedException": KmsAccessDenied,
    "DisabledException": KmsDisabled,
    "KMSInvalidStateException": KmsInvalidState,
    "NotFoundException": KmsNotFound,
}
"""What SNS answers when KMS refuses, by KMS's code."""
