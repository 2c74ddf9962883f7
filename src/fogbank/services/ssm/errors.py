"""The errors of Parameter Store. https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html

Sentences that AWS does not publish and nobody has recorded are marked where they are raised.
"""

from fogbank.core.errors import AwsError


class AccessDenied(AwsError):
    code = "AccessDeniedException"


class HierarchyLevelLimitExceeded(AwsError):
    code = "HierarchyLevelLimitExceededException"
    message = "A hierarchy can have a maximum of 15 levels."


class HierarchyTypeMismatch(AwsError):
    code = "HierarchyTypeMismatchException"
    message = (
        "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a "
        "parameter from a String type to a SecureString type. You must create a new, unique parameter."
    )


class IncompatiblePolicy(AwsError):
    code = "IncompatiblePolicyException"
    message = (
        "There is a conflict in the policies specified for this parameter. You can't, for example, specify two "
        "Expiration policies for a parameter. Review your policies, and try again."
    )


class InvalidAllowedPattern(AwsError):
    code = "InvalidAllowedPatternException"
    message = "The request doesn't meet the regular expression requirement."


class InvalidFilterKey(AwsError):
    code = "InvalidFilterKey"


class InvalidFilterOption(AwsError):
    code = "InvalidFilterOption"


class InvalidFilterValue(AwsError):
    code = "InvalidFilterValue"


class InvalidKeyId(AwsError):
    code = "InvalidKeyId"


class InvalidNextToken(AwsError):
    code = "InvalidNextToken"
    message = "The specified token isn't valid."


class InvalidPolicyAttribute(AwsError):
    code = "InvalidPolicyAttributeException"
    message = "A policy attribute or its value is invalid."


class InvalidPolicyType(AwsError):
    code = "InvalidPolicyTypeException"
    message = (
        "The policy type isn't supported. Parameter Store supports the following policy types: Expiration, "
        "ExpirationNotification, and NoChangeNotification."
    )


class InvalidResourceId(AwsError):
    code = "InvalidResourceId"
    message = "The resource ID isn't valid. Verify that you entered the correct ID and try again."


class MalformedResourcePolicyDocument(AwsError):
    code = "MalformedResourcePolicyDocumentException"
    message = "The specified policy document is malformed or invalid."


class ParameterAlreadyExists(AwsError):
    code = "ParameterAlreadyExists"
    message = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."


class ParameterLimitExceeded(AwsError):
    code = "ParameterLimitExceeded"


class ParameterMaxVersionLimitExceeded(AwsError):
    code = "ParameterMaxVersionLimitExceeded"


class ParameterNotFound(AwsError):
    """AWS says nothing more."""

    code = "ParameterNotFound"


class ParameterPatternMismatch(AwsError):
    code = "ParameterPatternMismatchException"
    message = "The parameter value doesn't match the allowed pattern."


class ParameterVersionLabelLimitExceeded(AwsError):
    code = "ParameterVersionLabelLimitExceeded"
    message = "A parameter version can have maximum 10 labels.Move one or more labels to another version and try again."


class ParameterVersionNotFound(AwsError):
    code = "ParameterVersionNotFound"


class PoliciesLimitExceeded(AwsError):
    code = "PoliciesLimitExceededException"
    message = "You specified more than the maximum number of allowed policies for the parameter. The maximum is 10."


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"
    message = "The specified parameter to be shared could not be found."


class ResourcePolicyConflict(AwsError):
    code = "ResourcePolicyConflictException"
    message = (
        "The hash provided in the call doesn't match the stored hash. This exception is thrown when trying to update "
        "an obsolete policy version or when multiple requests to update a policy are sent."
    )


class ResourcePolicyInvalidParameter(AwsError):
    code = "ResourcePolicyInvalidParameterException"


class ResourcePolicyLimitExceeded(AwsError):
    code = "ResourcePolicyLimitExceededException"
    message = "You can't attach more policies to the parameter: it can have one."


class ResourcePolicyNotFound(AwsError):
    code = "ResourcePolicyNotFoundException"
    message = "No policies with the specified policy ID and hash could be found."


class ServiceSettingNotFound(AwsError):
    code = "ServiceSettingNotFound"
    message = (
        "The specified service setting wasn't found. Either the service name or the setting hasn't been "
        "provisioned by the AWS service team."
    )


class TooManyTags(AwsError):
    code = "TooManyTagsError"
    message = "The Targets parameter includes too many tags. Remove one or more tags and try the command again."


class Validation(AwsError):
    code = "ValidationException"
