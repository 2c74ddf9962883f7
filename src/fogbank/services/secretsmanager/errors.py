"""The errors of Secrets Manager. https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html

Sentences that AWS does not publish and nobody has recorded are marked where they are raised.
"""

from fogbank.core.errors import AwsError


class AccessDenied(AwsError):
    code = "AccessDeniedException"


class DecryptionFailure(AwsError):
    code = "DecryptionFailure"
    message = "Secrets Manager can't decrypt the protected secret text using the provided KMS key."


class EncryptionFailure(AwsError):
    code = "EncryptionFailure"
    message = (
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "
        "Check that the KMS key is available, enabled, and not in an invalid state."
    )


class InvalidNextToken(AwsError):
    code = "InvalidNextTokenException"
    message = "Invalid NextToken"


class InvalidParameter(AwsError):
    code = "InvalidParameterException"


class InvalidRequest(AwsError):
    code = "InvalidRequestException"


class LimitExceeded(AwsError):
    code = "LimitExceededException"


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocumentException"
    message = "This policy has invalid syntax."


class PublicPolicy(AwsError):
    code = "PublicPolicyException"
    message = "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access."


class ResourceExists(AwsError):
    code = "ResourceExistsException"


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    message = "Secrets Manager can't find the specified secret."


class Validation(AwsError):
    code = "ValidationException"
