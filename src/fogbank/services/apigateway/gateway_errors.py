"""What a caller of an API gets instead of its answer: the gateway's own responses and their types.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from typing import ClassVar

DEFAULT_TEMPLATES = {"application/json": '{"message":$context.error.messageString}'}

STATUS_CODES: dict[str, int | None] = {
    "ACCESS_DENIED": 403,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "DEFAULT_4XX": None,
    "DEFAULT_5XX": None,
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "QUOTA_EXCEEDED": 429,
    "REQUEST_TOO_LARGE": 413,
    "RESOURCE_NOT_FOUND": 404,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "WAF_FILTERED": 403,
}


class GatewayError(Exception):
    """The request ends here. `reason` is what the execution log says of it, `validation` what was wrong with a body."""

    type: ClassVar[str]
    error_type: ClassVar[str]
    """The value of x-amzn-ErrorType."""
    status: ClassVar[int]
    message: str | None
    member: ClassVar[str] = "message"
    """What the message is called where the API has no words of its own."""

    def __init__(self, message: str | None = None, *, reason: str = "", validation: str = "") -> None:
        if message is not None:
            self.message = message
        self.reason = reason
        self.validation = validation
        super().__init__(reason or self.message or self.type)


class Forbidden(GatewayError):
    """There is no such API or stage, or it may not be reached here."""

    type = "ACCESS_DENIED"
    error_type = "ForbiddenException"
    status = 403
    message = "Forbidden"


class MissingAuthenticationToken(GatewayError):
    """There is no such method, or the request is not signed where it has to be."""

    type = "MISSING_AUTHENTICATION_TOKEN"
    error_type = "MissingAuthenticationTokenException"
    status = 403
    message = "Missing Authentication Token"


class InvalidApiKey(GatewayError):
    type = "INVALID_API_KEY"
    error_type = "ForbiddenException"
    status = 403
    message = "Forbidden"


class Unauthorized(GatewayError):
    type = "UNAUTHORIZED"
    error_type = "UnauthorizedException"
    status = 401
    message = "Unauthorized"


class AccessDenied(GatewayError):
    """The policy of the authorizer does not let the caller in."""

    member = "Message"
    type = "ACCESS_DENIED"
    error_type = "AccessDeniedException"
    status = 403
    message = "User is not authorized to access this resource"


class AuthorizerFailure(GatewayError):
    type = "AUTHORIZER_FAILURE"
    error_type = "AuthorizerFailureException"
    status = 500
    message = None


class AuthorizerConfigurationError(GatewayError):
    type = "AUTHORIZER_CONFIGURATION_ERROR"
    error_type = "AuthorizerConfigurationException"
    status = 500
    message = None


class BadRequestBody(GatewayError):
    type = "BAD_REQUEST_BODY"
    error_type = "BadRequestException"
    status = 400
    message = "Invalid request body"


class BadRequestParameters(GatewayError):
    type = "BAD_REQUEST_PARAMETERS"
    error_type = "BadRequestException"
    status = 400
    message = "Invalid request parameters"


class RequestTooLarge(GatewayError):
    type = "REQUEST_TOO_LARGE"
    error_type = "RequestEntityTooLargeException"
    status = 413
    message = "Request Entity Too Large"


class UnsupportedMediaType(GatewayError):
    type = "UNSUPPORTED_MEDIA_TYPE"
    error_type = "BadRequestException"
    status = 415
    message = "Unsupported Media Type"


class Throttled(GatewayError):
    type = "THROTTLED"
    error_type = "TooManyRequestsException"
    status = 429
    message = "Too Many Requests"


class QuotaExceeded(GatewayError):
    type = "QUOTA_EXCEEDED"
    error_type = "LimitExceededException"
    status = 429
    message = "Limit Exceeded"


class ConfigurationError(GatewayError):
    """The API is set up so that it cannot answer."""

    type = "API_CONFIGURATION_ERROR"
    error_type = "InternalServerErrorException"
    status = 500
    message = "Internal server error"


class InternalError(GatewayError):
    """A mapping failed, or a function may not be called."""

    type = "DEFAULT_5XX"
    error_type = "InternalServerErrorException"
    status = 500
    message = "Internal server error"


class BadGateway(InternalError):
    """What the integration answered cannot be used."""

    status = 502


class IntegrationFailure(GatewayError):
    type = "INTEGRATION_FAILURE"
    error_type = "InternalServerErrorException"
    status = 504
    message = "Network error communicating with endpoint"


class IntegrationTimeout(GatewayError):
    type = "INTEGRATION_TIMEOUT"
    error_type = "InternalServerErrorException"
    status = 504
    message = "Endpoint request timed out"
