"""The errors of KMS. https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class AccessDenied(AwsError):
    code = "AccessDeniedException"


class AlreadyExists(AwsError):
    code = "AlreadyExistsException"


class Disabled(AwsError):
    code = "DisabledException"


class DryRunOperation(AwsError):
    code = "DryRunOperationException"
    message = "The request would have succeeded, but the DryRun option is set."


class ExpiredImportToken(AwsError):
    code = "ExpiredImportTokenException"
    message = "The import token has expired."


class IncorrectKey(AwsError):
    code = "IncorrectKeyException"
    message = "The key ID in the request does not identify a CMK that can perform this operation."


class IncorrectKeyMaterial(AwsError):
    code = "IncorrectKeyMaterialException"
    message = "The key material in the request is not the key material that was previously imported into this KMS key."


class InvalidAliasName(AwsError):
    code = "InvalidAliasNameException"


class InvalidArn(AwsError):
    code = "InvalidArnException"


class InvalidCiphertext(AwsError):
    code = "InvalidCiphertextException"


class InvalidGrantToken(AwsError):
    code = "InvalidGrantTokenException"


class InvalidImportToken(AwsError):
    code = "InvalidImportTokenException"
    message = "The import token is invalid or is not associated with this KMS key."


class InvalidKeyUsage(AwsError):
    code = "InvalidKeyUsageException"


class InvalidMac(AwsError):
    code = "KMSInvalidMacException"


class InvalidMarker(AwsError):
    code = "InvalidMarkerException"


class InvalidSignature(AwsError):
    code = "KMSInvalidSignatureException"


class InvalidState(AwsError):
    code = "KMSInvalidStateException"


class KeyUnavailable(AwsError):
    code = "KeyUnavailableException"
    status = 500
    message = "The key material is wrapped by a master key that this data folder does not have."


class LimitExceeded(AwsError):
    code = "LimitExceededException"


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocumentException"


class NotFound(AwsError):
    code = "NotFoundException"


class Tagging(AwsError):
    code = "TagException"


class UnsupportedOperation(AwsError):
    code = "UnsupportedOperationException"


class Validation(AwsError):
    code = "ValidationException"
