"""ECR's errors. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html"""

from fogbank.core.errors import AwsError


class RepositoryAlreadyExists(AwsError):
    code = "RepositoryAlreadyExistsException"


class RepositoryNotFound(AwsError):
    code = "RepositoryNotFoundException"


class RepositoryPolicyNotFound(AwsError):
    code = "RepositoryPolicyNotFoundException"


class LifecyclePolicyNotFound(AwsError):
    code = "LifecyclePolicyNotFoundException"


class InvalidParameter(AwsError):
    code = "InvalidParameterException"
