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


class LimitExceeded(AwsError):
    code = "LimitExceededFault"
    query_code = "LimitExceeded"


class InvalidFormat(AwsError):
    code = "InvalidFormatFault"
    query_code = "InvalidFormat"


class AlarmNotFound(AwsError):
    code = "ResourceNotFound"
    status = 404


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    status = 404


class DashboardNotFound(AwsError):
    code = "DashboardNotFoundError"
    query_code = "ResourceNotFound"
    status = 404


class DashboardInvalid(AwsError):
    code = "DashboardInvalidInputError"
    query_code = "InvalidParameterInput"
