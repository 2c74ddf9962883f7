"""STS's errors. https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class ValidationError(AwsError):
    code = "ValidationError"


class InvalidParameterValue(AwsError):
    code = "InvalidParameterValue"


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocument"


class AccessDenied(AwsError):
    code = "AccessDenied"
    status = 403


class PackedPolicyTooLarge(AwsError):
    code = "PackedPolicyTooLargeException"
    query_code = "PackedPolicyTooLarge"


class InvalidIdentityToken(AwsError):
    code = "InvalidIdentityTokenException"
    query_code = "InvalidIdentityToken"


class InvalidAuthorizationMessage(AwsError):
    code = "InvalidAuthorizationMessageException"
    message = "Message is not valid"


class ExpiredToken(AwsError):
    code = "ExpiredTokenException"
