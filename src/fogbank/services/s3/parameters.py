"""Parameters that several operations on objects take alike."""

from typing import TypedDict


class ChecksumParameters(TypedDict, total=False):
    """At most one of them may be given."""

    ChecksumCRC32: str
    ChecksumCRC32C: str
    ChecksumCRC64NVME: str
    ChecksumSHA1: str
    ChecksumSHA256: str
    ChecksumSHA512: str
    ChecksumMD5: str
    ChecksumXXHASH64: str
    ChecksumXXHASH3: str
    ChecksumXXHASH128: str


class ContentParameters(TypedDict, total=False):
    """Headers that are kept with an object and come back with it."""

    CacheControl: str
    ContentDisposition: str
    ContentEncoding: str
    ContentLanguage: str
    ContentType: str
    Expires: float | str
    WebsiteRedirectLocation: str


class CustomerKeyParameters(TypedDict, total=False):
    SSECustomerAlgorithm: str
    SSECustomerKey: str
    SSECustomerKeyMD5: str


class EncryptionParameters(CustomerKeyParameters, total=False):
    ServerSideEncryption: str
    SSEKMSKeyId: str
    SSEKMSEncryptionContext: str
    BucketKeyEnabled: bool


class ReadConditions(TypedDict, total=False):
    IfMatch: str
    IfModifiedSince: float
    IfNoneMatch: str
    IfUnmodifiedSince: float


class ResponseOverrides(TypedDict, total=False):
    """Headers that the answer is to have in place of the object's own."""

    ResponseCacheControl: str
    ResponseContentDisposition: str
    ResponseContentEncoding: str
    ResponseContentLanguage: str
    ResponseContentType: str
    ResponseExpires: float | str


class ReadParameters(ReadConditions, ResponseOverrides, CustomerKeyParameters, total=False):
    """What GetObject and HeadObject take beside the object's name."""

    Range: str
    PartNumber: int
    ChecksumMode: str
    RequestPayer: str
    ExpectedBucketOwner: str


class CopySourceParameters(TypedDict, total=False):
    """Conditions on a copy's source, its owner and its key."""

    CopySourceIfMatch: str
    CopySourceIfModifiedSince: float
    CopySourceIfNoneMatch: str
    CopySourceIfUnmodifiedSince: float
    CopySourceSSECustomerAlgorithm: str
    CopySourceSSECustomerKey: str
    CopySourceSSECustomerKeyMD5: str
    ExpectedSourceBucketOwner: str


class AclParameters(TypedDict, total=False):
    ACL: str
    GrantFullControl: str
    GrantRead: str
    GrantReadACP: str
    GrantWriteACP: str


class LockParameters(TypedDict, total=False):
    ObjectLockMode: str
    ObjectLockRetainUntilDate: float
    ObjectLockLegalHoldStatus: str


class ObjectParameters(AclParameters, ContentParameters, EncryptionParameters, LockParameters, total=False):
    """What everything takes that makes an object."""

    Metadata: dict[str, str]
    StorageClass: str
    Tagging: str


class PutParameters(ObjectParameters, ChecksumParameters, total=False):
    pass


class PartParameters(CustomerKeyParameters, ChecksumParameters, total=False):
    pass
