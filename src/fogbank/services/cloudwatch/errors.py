"""CloudWatch's errors. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class InvalidNextToken(AwsError):
    code = "InvalidNextToken"
    message = "The next token specified is invalid."


class InvalidParameterCombination(AwsError):
    code = "InvalidParameterCombinationException"
    query_code = "InvalidParameterCombination"


class InvalidParameterValue(AwsError):
    code = "InvalidParameterValueException"
    query_code = "InvalidParameterValue"


class ValidationError(AwsError):
    code = "ValidationError"
