"""CloudWatch Logs' errors. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"


class GroupNotFound(ResourceNotFound):
    message = "The specified log group does not exist."


class StreamNotFound(ResourceNotFound):
    message = "The specified log stream does not exist."


class ResourceAlreadyExists(AwsError):
    code = "ResourceAlreadyExistsException"


class InvalidParameter(AwsError):
    code = "InvalidParameterException"


class InvalidOperation(AwsError):
    code = "InvalidOperationException"


class LimitExceeded(AwsError):
    code = "LimitExceededException"
    message = "Resource limit exceeded."


class AccessDenied(AwsError):
    code = "AccessDeniedException"


class Invalid(AwsError):
    code = "ValidationException"


class TooManyTags(AwsError):
    code = "TooManyTagsException"
    message = "A resource can have no more than 50 tags."


class Conflict(AwsError):
    code = "ConflictException"


class ServiceUnavailable(AwsError):
    code = "ServiceUnavailableException"
    status = 503
