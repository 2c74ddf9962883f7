"""DynamoDB's errors. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""

from fogbank.core.errors import AwsError


class Validation(AwsError):
    code = "ValidationException"


class InvalidValue(Validation):
    """A value that is bound to a placeholder is none of DynamoDB's; `reason` says why, and not where."""

    reason = ""


def detected(error: Validation) -> Validation:
    """What is wrong with a request whatever its table is, as some operations word it."""
    reason = error.reason if isinstance(error, InvalidValue) else error.message
    return Validation(f"1 validation error detected: {reason}")


class InternalServerError(AwsError):
    code = "InternalServerError"
    status = 500


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    message = "Requested resource not found"


class ResourceInUse(AwsError):
    code = "ResourceInUseException"


class LimitExceeded(AwsError):
    code = "LimitExceededException"


class KmsAccessDenied(AwsError):
    code = "AccessDeniedException"
    message = "KMS key access denied exception."


class ConditionalCheckFailed(AwsError):
    code = "ConditionalCheckFailedException"
    message = "The conditional request failed"


class DuplicateItem(AwsError):
    code = "DuplicateItemException"
    message = "Duplicate primary key exists in table"


class ThroughputExceeded(AwsError):
    code = "ProvisionedThroughputExceededException"
    reason_code = "ProvisionedThroughputExceeded"
    """What transactions and batches of statements call it."""
    message = (
        "The level of configured provisioned throughput for the table was exceeded. "
        "Consider increasing your provisioning level with the UpdateTable API."
    )


class OnDemandMaximumExceeded(ThroughputExceeded):
    code = "ThrottlingException"
    reason_code = "ThrottlingError"
    message = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"


THROUGHPUT_EXCEEDED_INDEX = (
    "The level of configured provisioned throughput for one or more global secondary indexes of the table was "
    "exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the "
    "UpdateTable API"
)


class TransactionCanceled(AwsError):
    code = "TransactionCanceledException"


class IdempotentParameterMismatch(AwsError):
    code = "IdempotentParameterMismatchException"
    message = "The provided client token was used with a different request."


class TrimmedDataAccess(AwsError):
    code = "TrimmedDataAccessException"


class ExpiredIterator(AwsError):
    code = "ExpiredIteratorException"
    message = "Iterator expired. The iterator was created more than 15 minutes ago."


class TableNotFound(AwsError):
    code = "TableNotFoundException"


class TableAlreadyExists(AwsError):
    code = "TableAlreadyExistsException"


class BackupNotFound(AwsError):
    code = "BackupNotFoundException"


class BackupInUse(AwsError):
    code = "BackupInUseException"


class InvalidExportTime(AwsError):
    code = "InvalidExportTimeException"


class ExportConflict(AwsError):
    code = "ExportConflictException"
    message = "The client token was used for an export with other parameters."


class ExportNotFound(AwsError):
    code = "ExportNotFoundException"


class ImportConflict(AwsError):
    code = "ImportConflictException"
    message = "The client token was used for an import with other parameters."


class ImportNotFound(AwsError):
    code = "ImportNotFoundException"


class PolicyNotFound(AwsError):
    code = "PolicyNotFoundException"


class PointInTimeRecoveryUnavailable(AwsError):
    code = "PointInTimeRecoveryUnavailableException"


class InvalidRestoreTime(AwsError):
    code = "InvalidRestoreTimeException"
