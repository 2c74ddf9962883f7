"""IAM's errors. https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class InvalidClientTokenId(AwsError):
    code = "InvalidClientTokenId"
    status = 403
    message = "The security token included in the request is invalid"


class NoSuchEntity(AwsError):
    code = "NoSuchEntityException"
    query_code = "NoSuchEntity"
    status = 404


class EntityAlreadyExists(AwsError):
    code = "EntityAlreadyExistsException"
    query_code = "EntityAlreadyExists"
    status = 409


class DeleteConflict(AwsError):
    code = "DeleteConflictException"
    query_code = "DeleteConflict"
    status = 409


class LimitExceeded(AwsError):
    code = "LimitExceededException"
    query_code = "LimitExceeded"
    status = 409


class InvalidInput(AwsError):
    code = "InvalidInputException"
    query_code = "InvalidInput"


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocumentException"
    query_code = "MalformedPolicyDocument"


class PasswordPolicyViolation(AwsError):
    code = "PasswordPolicyViolationException"
    query_code = "PasswordPolicyViolation"


class UnmodifiableEntity(AwsError):
    code = "UnmodifiableEntityException"
    query_code = "UnmodifiableEntity"


class ValidationError(AwsError):
    code = "ValidationError"


class AccessDenied(AwsError):
    code = "AccessDenied"
    status = 403


class PolicyNotAttachable(AwsError):
    code = "PolicyNotAttachableException"
    query_code = "PolicyNotAttachable"


class InvalidAuthenticationCode(AwsError):
    code = "InvalidAuthenticationCodeException"
    query_code = "InvalidAuthenticationCode"
    status = 403


class MalformedCertificate(AwsError):
    code = "MalformedCertificateException"
    query_code = "MalformedCertificate"


class KeyPairMismatch(AwsError):
    code = "KeyPairMismatchException"
    query_code = "KeyPairMismatch"


class DuplicateCertificate(AwsError):
    code = "DuplicateCertificateException"
    query_code = "DuplicateCertificate"
    status = 409


class InvalidPublicKey(AwsError):
    code = "InvalidPublicKeyException"
    query_code = "InvalidPublicKey"


class DuplicateSshPublicKey(AwsError):
    code = "DuplicateSSHPublicKeyException"
    query_code = "DuplicateSSHPublicKey"


class CredentialReportNotPresent(AwsError):
    code = "CredentialReportNotPresentException"
    query_code = "ReportNotPresent"
    status = 410
    message = "No report found for the account. Generate a new report."


class CredentialReportExpired(AwsError):
    code = "CredentialReportExpiredException"
    query_code = "ReportExpired"
    status = 410
    message = "The report of the account has expired. Generate a new report."
