"""CloudTrail's errors. Sentences that no recording has are marked where they are raised."""

from fogbank.core.errors import AwsError


class CloudTrailArnInvalid(AwsError):
    code = "CloudTrailARNInvalidException"


class InsufficientBucketPolicy(AwsError):
    code = "InsufficientS3BucketPolicyException"


class InsufficientEncryptionPolicy(AwsError):
    code = "InsufficientEncryptionPolicyException"


class InsufficientTopicPolicy(AwsError):
    code = "InsufficientSnsTopicPolicyException"
    message = "SNS Topic does not exist or the topic policy is incorrect!"


class InvalidEventCategory(AwsError):
    code = "InvalidEventCategoryException"


class InvalidEventSelectors(AwsError):
    code = "InvalidEventSelectorsException"


class InvalidHomeRegion(AwsError):
    code = "InvalidHomeRegionException"


class InvalidKmsKeyId(AwsError):
    code = "InvalidKmsKeyIdException"


class InvalidLogGroup(AwsError):
    code = "InvalidCloudWatchLogsLogGroupArnException"


class InvalidLogsRole(AwsError):
    code = "InvalidCloudWatchLogsRoleArnException"


class InvalidLookupAttributes(AwsError):
    code = "InvalidLookupAttributesException"


class InvalidMaxResults(AwsError):
    code = "InvalidMaxResultsException"


class InvalidNextToken(AwsError):
    code = "InvalidNextTokenException"
    message = "The token is not valid for this request."


class InvalidPrefix(AwsError):
    code = "InvalidS3PrefixException"


class InvalidTimeRange(AwsError):
    code = "InvalidTimeRangeException"


class InvalidTrailName(AwsError):
    code = "InvalidTrailNameException"


class KmsKeyDisabled(AwsError):
    code = "KmsKeyDisabledException"


class KmsKeyNotFound(AwsError):
    code = "KmsKeyNotFoundException"


class NoSuchBucket(AwsError):
    code = "S3BucketDoesNotExistException"


class ResourceNotFound(AwsError):
    code = "ResourceNotFoundException"


class TooManyTrails(AwsError):
    code = "MaximumNumberOfTrailsExceededException"


class TrailAlreadyExists(AwsError):
    code = "TrailAlreadyExistsException"


class TrailNotFound(AwsError):
    code = "TrailNotFoundException"
