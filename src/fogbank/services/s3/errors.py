"""S3's errors. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

from fogbank.core.errors import AwsError


class NoSuchBucket(AwsError):
    code = "NoSuchBucket"
    status = 404
    message = "The specified bucket does not exist"


class NoSuchKey(AwsError):
    code = "NoSuchKey"
    status = 404
    message = "The specified key does not exist."


class NoSuchVersion(AwsError):
    code = "NoSuchVersion"
    status = 404
    message = "The specified version does not exist."


class NoSuchUpload(AwsError):
    code = "NoSuchUpload"
    status = 404
    message = (
        "The specified upload does not exist. The upload ID may be invalid, "
        "or the upload may have been aborted or completed."
    )


class BucketAlreadyExists(AwsError):
    code = "BucketAlreadyExists"
    status = 409
    message = (
        "The requested bucket name is not available. The bucket namespace is shared by all users of the "
        "system. Please select a different name and try again."
    )


class BucketAlreadyOwnedByYou(AwsError):
    code = "BucketAlreadyOwnedByYou"
    status = 409
    message = "Your previous request to create the named bucket succeeded and you already own it."


class BucketNotEmpty(AwsError):
    code = "BucketNotEmpty"
    status = 409
    message = "The bucket you tried to delete is not empty"


class InvalidBucketName(AwsError):
    code = "InvalidBucketName"
    message = "The specified bucket is not valid."


class InvalidLocationConstraint(AwsError):
    code = "InvalidLocationConstraint"
    message = "The specified location-constraint is not valid"


class IllegalLocationConstraint(AwsError):
    code = "IllegalLocationConstraintException"


class InvalidArgument(AwsError):
    code = "InvalidArgument"


class InvalidRequest(AwsError):
    code = "InvalidRequest"


class NoAttributesNamed(InvalidRequest):
    message = "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty"


class InvalidRange(AwsError):
    code = "InvalidRange"
    status = 416
    message = "The requested range is not satisfiable"


class InvalidDigest(AwsError):
    code = "InvalidDigest"
    message = "The Content-MD5 you specified was invalid."


class BadDigest(AwsError):
    code = "BadDigest"
    message = "The Content-MD5 you specified did not match what we received."


class IncompleteBody(AwsError):
    code = "IncompleteBody"
    message = "The request body terminated unexpectedly"


class InvalidChunkSize(AwsError):
    code = "InvalidChunkSizeError"
    status = 403
    message = "Only the last chunk is allowed to have a size less than 8192 bytes"


class MalformedTrailer(AwsError):
    code = "MalformedTrailerError"
    message = "The request contained trailing data that was not well-formed or did not conform to our published schema."


class MissingContentLength(AwsError):
    code = "MissingContentLength"
    status = 411
    message = "You must provide the Content-Length HTTP header."


class XAmzContentSHA256Mismatch(AwsError):
    code = "XAmzContentSHA256Mismatch"
    message = "The provided 'x-amz-content-sha256' header does not match what was computed."


class InvalidEncryptionAlgorithm(AwsError):
    code = "InvalidEncryptionAlgorithmError"
    message = "The Encryption request you specified is not valid. Supported value: AES256."


class KmsKeyNotFound(AwsError):
    code = "KMS.NotFoundException"


class KmsKeyDisabled(AwsError):
    code = "KMS.DisabledException"


class KmsInvalidState(AwsError):
    code = "KMS.KMSInvalidStateException"


class KmsInvalidKeyUsage(AwsError):
    code = "KMS.InvalidKeyUsageException"


class KmsKeyUnavailable(AwsError):
    code = "KMS.KeyUnavailableException"
    status = 503


class InvalidStorageClass(AwsError):
    code = "InvalidStorageClass"
    message = "The storage class you specified is not valid"


class InvalidRedirectLocation(AwsError):
    code = "InvalidRedirectLocation"
    message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."


class HeaderNotImplemented(AwsError):
    """What AWS itself does not have for general purpose buckets."""

    code = "NotImplemented"
    status = 501
    message = "A header you provided implies functionality that is not implemented"


class ConditionalRequestConflict(AwsError):
    code = "ConditionalRequestConflict"
    status = 409
    message = "The conditional request cannot succeed due to a conflicting operation against this resource."


class ObjectNotInActiveTier(AwsError):
    code = "ObjectNotInActiveTierError"
    status = 403
    message = "The source object of the COPY action is not in the active tier and is only stored in Amazon S3 Glacier."


class InvalidObjectState(AwsError):
    code = "InvalidObjectState"
    status = 403
    message = "The operation is not valid for the object's storage class"


class RestoreAlreadyInProgress(AwsError):
    code = "RestoreAlreadyInProgress"
    status = 409
    message = "Object restore is already in progress"


class InvalidPartNumber(AwsError):
    code = "InvalidPartNumber"
    status = 416
    message = "The requested partnumber is not satisfiable"


class KeyTooLong(AwsError):
    code = "KeyTooLongError"
    message = "Your key is too long"


class MetadataTooLarge(AwsError):
    code = "MetadataTooLarge"
    message = "Your metadata headers exceed the maximum allowed metadata size"


class EntityTooSmall(AwsError):
    code = "EntityTooSmall"
    message = "Your proposed upload is smaller than the minimum allowed size"


class EntityTooLarge(AwsError):
    code = "EntityTooLarge"
    message = "Your proposed upload exceeds the maximum allowed size"


class InvalidPart(AwsError):
    code = "InvalidPart"
    message = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, "
        "or the specified entity tag may not match the part's entity tag."
    )


class InvalidPartOrder(AwsError):
    code = "InvalidPartOrder"
    message = "The list of parts was not in ascending order. Parts must be ordered by part number."


class MissingRequestBody(AwsError):
    code = "MissingRequestBodyError"
    message = "Request Body is empty"


class MalformedXML(AwsError):
    code = "MalformedXML"
    message = "The XML you provided was not well-formed or did not validate against our published schema"


class MethodNotAllowed(AwsError):
    code = "MethodNotAllowed"
    status = 405
    message = "The specified method is not allowed against this resource."


class NotModified(AwsError):
    code = "NotModified"
    status = 304
    message = "Not Modified"


class PreconditionFailed(AwsError):
    code = "PreconditionFailed"
    status = 412
    message = "At least one of the pre-conditions you specified did not hold"


class AccessDenied(AwsError):
    code = "AccessDenied"
    status = 403
    message = "Access Denied"


class UntoldKey(AccessDenied):
    """There is no such key, which is not told to who may not list the bucket."""


class LockedObject(AccessDenied):
    message = "Access Denied because object protected by object lock."


class MissingObjectLock(InvalidRequest):
    message = "Bucket is missing Object Lock Configuration"


class NoSuchObjectLock(AwsError):
    code = "NoSuchObjectLockConfiguration"
    status = 404
    message = "The specified object does not have a ObjectLock configuration"


class ObjectLockConfigurationNotFound(AwsError):
    code = "ObjectLockConfigurationNotFoundError"
    status = 404
    message = "Object Lock configuration does not exist for this bucket"


class ReplicationConfigurationNotFound(AwsError):
    code = "ReplicationConfigurationNotFoundError"
    status = 404
    message = "The replication configuration was not found"


class InvalidBucketState(AwsError):
    code = "InvalidBucketState"
    status = 409
    message = "The request is not valid for the current state of the bucket."


class InvalidTag(AwsError):
    code = "InvalidTag"


class MalformedPolicy(AwsError):
    code = "MalformedPolicy"
    message = "This policy contains invalid Json"


class InvalidPrincipal(MalformedPolicy):
    message = "Invalid principal in policy"

    def __init__(self, kind: str, name: object) -> None:
        super().__init__(members={"Detail": f'"{kind}" : "{name}"'})


class NoSuchBucketPolicy(AwsError):
    code = "NoSuchBucketPolicy"
    status = 404
    message = "The bucket policy does not exist"


class NoSuchTagSet(AwsError):
    code = "NoSuchTagSet"
    status = 404
    message = "The TagSet does not exist"


class NoSuchPublicAccessBlock(AwsError):
    code = "NoSuchPublicAccessBlockConfiguration"
    status = 404
    message = "The public access block configuration was not found"


class NoSuchLifecycle(AwsError):
    code = "NoSuchLifecycleConfiguration"
    status = 404
    message = "The lifecycle configuration does not exist"


class OwnershipControlsNotFound(AwsError):
    code = "OwnershipControlsNotFoundError"
    status = 404
    message = "The bucket ownership controls were not found"


class IllegalVersioningConfiguration(AwsError):
    code = "IllegalVersioningConfigurationException"
    message = "The Versioning element must be specified"


class AccessControlListNotSupported(AwsError):
    code = "AccessControlListNotSupported"
    message = "The bucket does not allow ACLs"


class InvalidBucketAclWithObjectOwnership(AwsError):
    code = "InvalidBucketAclWithObjectOwnership"
    message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"


class MalformedAcl(AwsError):
    code = "MalformedACLError"
    message = "The XML you provided was not well-formed or did not validate against our published schema"


class MissingSecurityHeader(AwsError):
    code = "MissingSecurityHeader"
    message = "Your request was missing a required header"


class UnexpectedContent(AwsError):
    code = "UnexpectedContent"
    message = "This request does not support content"


class UnresolvableGrantByEmailAddress(AwsError):
    code = "UnresolvableGrantByEmailAddress"
    message = "The e-mail address you provided does not match any account on record."


class InvalidBucketOwner(AwsError):
    code = "InvalidBucketOwnerAWSAccountID"


class PermanentRedirect(AwsError):
    code = "PermanentRedirect"
    status = 301
    message = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )


class AuthorizationHeaderMalformed(AwsError):
    code = "AuthorizationHeaderMalformed"


class AuthorizationQueryParametersError(AwsError):
    code = "AuthorizationQueryParametersError"


class TooManyBuckets(AwsError):
    code = "TooManyBuckets"
    message = "You have attempted to create more buckets than allowed"


class NoSuchConfiguration(AwsError):
    code = "NoSuchConfiguration"
    status = 404
    message = "The specified configuration does not exist."


class InvalidConfigurationId(AwsError):
    code = "InvalidConfigurationId"
    message = "The specified configuration id is invalid."


class TooManyConfigurations(AwsError):
    code = "TooManyConfigurations"
    message = "You are attempting to create a new configuration but have already reached the limit."


class IdMismatch(AwsError):
    code = "IdMismatch"
    message = "Document ID does not match the specified configuration ID."


class InvalidS3DestinationBucket(AwsError):
    code = "InvalidS3DestinationBucket"
    message = "Invalid bucket ARN."


class InvalidTargetBucketForLogging(AwsError):
    code = "InvalidTargetBucketForLogging"
    message = "The target bucket for logging does not exist"


class CrossLocationLogging(AwsError):
    code = "CrossLocationLoggingProhibitted"
    status = 403
    message = "Cross S3 location logging not allowed. "


class BadRequest(AwsError):
    code = "BadRequest"


class CorsForbidden(AwsError):
    """A browser may not send the request that it asks about."""

    code = "AccessForbidden"
    status = 403


class NoSuchCORSConfiguration(AwsError):
    code = "NoSuchCORSConfiguration"
    status = 404
    message = "The CORS configuration does not exist"


class InvalidPolicyDocument(AwsError):
    code = "InvalidPolicyDocument"


class MalformedPOSTRequest(AwsError):
    code = "MalformedPOSTRequest"
    message = "The body of your POST request is not well-formed multipart/form-data."


class MaxPostPreDataLengthExceeded(AwsError):
    code = "MaxPostPreDataLengthExceeded"
    message = "Your POST request fields preceding the upload file were too large."


class IncorrectNumberOfFiles(AwsError):
    code = "IncorrectNumberOfFilesInPostRequest"
    message = "POST requires exactly one file upload per request."


class NoSuchWebsiteConfiguration(AwsError):
    code = "NoSuchWebsiteConfiguration"
    status = 404
    message = "The specified bucket does not have a website configuration"


KMS_ERRORS: dict[str, type[AwsError]] = {
    "AccessDeniedException": AccessDenied,
    "DisabledException": KmsKeyDisabled,
    "InvalidKeyUsageException": KmsInvalidKeyUsage,
    "KMSInvalidStateException": KmsInvalidState,
    "KeyUnavailableException": KmsKeyUnavailable,
    "NotFoundException": KmsKeyNotFound,
}
"""What S3 answers when KMS refuses, by KMS's code."""


class InvalidAccessKeyId(AwsError):
    code = "InvalidAccessKeyId"
    status = 403
    message = "The AWS Access Key Id you provided does not exist in our records."


class SignatureDoesNotMatch(AwsError):
    code = "SignatureDoesNotMatch"
    status = 403
    message = (
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method."
    )
