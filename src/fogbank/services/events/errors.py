"""EventBridge's errors, worded as the service words them."""

from fogbank.core.errors import AwsError


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"


class BusDoesNotExist(ResourceNotFound):
    def __init__(self, bus: str) -> None:
        super().__init__(f"Event bus {bus} does not exist.")


class RuleDoesNotExist(ResourceNotFound):
    def __init__(self, rule: str, bus: str) -> None:
        super().__init__(f"Rule {rule} does not exist on EventBus {bus}.")


class ResourceAlreadyExists(AwsError):
    code = "ResourceAlreadyExistsException"


class LimitExceeded(AwsError):
    code = "LimitExceededException"
    message = "The requested resource exceeds the maximum number allowed."


class InvalidParameter(AwsError):
    code = "ValidationException"


class ManagedRule(AwsError):
    code = "ManagedRuleException"

    def __init__(self, rule: str) -> None:
        super().__init__(f"Rule {rule} is a managed rule: only the service that made it may change it, or Force.")


class KeyRefused(AwsError):
    """The key of an archive cannot be used."""

    code = "AccessDeniedException"


class IllegalStatus(AwsError):
    code = "IllegalStatusException"
