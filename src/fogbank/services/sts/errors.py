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
