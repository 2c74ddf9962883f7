"""Lambda's errors. https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html"""

from typing import ClassVar

from fogbank.core.errors import AwsError

WITHOUT_TYPE: dict[str, None] = {"Type": None}
"""Members of errors that, as recorded, do not say who is at fault."""


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    status = 404
    message = "The resource you requested does not exist."


class ResourceConflict(AwsError):
    code = "ResourceConflictException"
    status = 409


class InvalidParameterValue(AwsError):
    code = "InvalidParameterValueException"
    status = 400


class ConcurrencyLimit(InvalidParameterValue):
    """What is asked for leaves too little to others. The only errors of Lambda that do not tell who is at fault."""

    def __init__(self, message: str) -> None:
        super().__init__(message, members={"Type": None})


class AccessDenied(AwsError):
    code = "AccessDeniedException"
    status = 403


class Invalid(AwsError):
    code = "ValidationException"


class InvalidRequestContent(AwsError):
    code = "InvalidRequestContentException"
    status = 400


class RequestTooLarge(AwsError):
    code = "RequestTooLargeException"
    status = 413


class RequestEntityTooLarge(AwsError):
    code = "RequestEntityTooLargeException"
    status = 413


class PreconditionFailed(AwsError):
    code = "PreconditionFailedException"
    status = 412
    message = (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    )


class TooManyRequests(AwsError):
    code: ClassVar[str] = "TooManyRequestsException"
    status = 429
    message = "Rate Exceeded."

    def __init__(self, reason: str, *, retry_after_s: int | None = None) -> None:
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        super().__init__(members={"Reason": reason, "Type": "User"}, headers=headers)
        self.reason = reason


class SnapStartNotReady(AwsError):
    code = "SnapStartNotReadyException"
    status = 409
    message = (
        "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE."
    )


class SnapStartFailed(AwsError):
    code = "SnapStartException"
    status = 400
    message = "The afterRestore() runtime hook encountered an error. For more information, see the function's log."


class ProvisionedConfigNotFound(AwsError):
    code = "ProvisionedConcurrencyConfigNotFoundException"
    status = 404
    message = "No Provisioned Concurrency Config found for this function"


class CannotRun(AwsError):
    """The function is there, and nothing can be started for it."""

    status = 502


class InvalidRuntime(CannotRun):
    code = "InvalidRuntimeException"


class InvalidZipFile(CannotRun):
    code = "InvalidZipFileException"
    message = "Lambda could not unzip the deployment package."


class PolicyLengthExceeded(AwsError):
    code = "PolicyLengthExceededException"
    status = 400


class ResourceInUse(AwsError):
    code = "ResourceInUseException"
    status = 400


class CodeSigningConfigNotFound(AwsError):
    code = "CodeSigningConfigNotFoundException"
    status = 404


class CodeVerificationFailed(AwsError):
    code = "CodeVerificationFailedException"
    status = 400


class RecursiveInvocation(AwsError):
    code = "RecursiveInvocationException"
    status = 400
    message = (
        "Lambda has detected your function being invoked in a recursive loop with other AWS resources "
        "and stopped your function's invocation."
    )


class KmsRefusal(CannotRun):
    """The key of a function's environment variables cannot be used."""


class KmsAccessDenied(KmsRefusal):
    code = "KMSAccessDeniedException"


class KmsDisabled(KmsRefusal):
    code = "KMSDisabledException"


class KmsInvalidState(KmsRefusal):
    code = "KMSInvalidStateException"


class KmsNotFound(KmsRefusal):
    code = "KMSNotFoundException"
