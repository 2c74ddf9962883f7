"""API Gateway's errors. Sentences that no recording has are marked where they are raised."""

from fogbank.core.errors import AwsError


class BadRequest(AwsError):
    code = "BadRequestException"


class Conflict(AwsError):
    code = "ConflictException"
    status = 409


class LimitExceeded(AwsError):
    code = "LimitExceededException"
    status = 429


class NotFound(AwsError):
    code = "NotFoundException"
    status = 404


def api_not_found(account: str, api_id: str) -> NotFound:
    return NotFound(f"Invalid API identifier specified {account}:{api_id}")
