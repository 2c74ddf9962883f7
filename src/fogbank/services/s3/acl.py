"""Access control lists of buckets and objects. https://docs.aws.amazon.com/AmazonS3/latest/userguide/acls.html

They are kept and checked; what they allow is not asked for while authorization is off.
"""

from collections.abc import Mapping
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3 import grants
from fogbank.services.s3.errors import (
    AccessControlListNotSupported,
    AccessDenied,
    InvalidBucketAclWithObjectOwnership,
    InvalidRequest,
    MethodNotAllowed,
    MissingSecurityHeader,
    UnexpectedContent,
)
from fogbank.services.s3.events import Event
from fogbank.services.s3.public_access import OWNER_ENFORCED, OWNER_PREFERRED, PublicAccess
from fogbank.services.s3.records import Acl, ObjectVersion
from fogbank.services.s3.records import Bucket as BucketRecord


class Acls(PublicAccess):
    """The ACL operations of `S3Service`, and what the operations that make objects ask for."""

    def get_bucket_acl(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        return grants.as_document(self._acl_of_bucket(self._bucket(ctx, Bucket, ExpectedBucketOwner)))

    def get_object_acl(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        return grants.as_document(self._acl_of_object(bucket, self._find(ctx, Bucket, Key, VersionId))) | charged

    def put_bucket_acl(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ACL: str | None = None,
        AccessControlPolicy: dict[str, Any] | None = None,
        GrantFullControl: str | None = None,
        GrantRead: str | None = None,
        GrantReadACP: str | None = None,
        GrantWrite: str | None = None,
        GrantWriteACP: str | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        headers = grant_headers(GrantFullControl, GrantRead, GrantReadACP, GrantWriteACP, GrantWrite)
        acl = _put(bucket, ACL, headers, AccessControlPolicy, owner=bucket.account, of_object=False)
        self._check_acl(bucket, acl)
        self._tables.acls.put((bucket.name,), acl)
        return None

    def put_object_acl(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        ACL: str | None = None,
        AccessControlPolicy: dict[str, Any] | None = None,
        GrantFullControl: str | None = None,
        GrantRead: str | None = None,
        GrantReadACP: str | None = None,
        GrantWrite: str | None = None,
        GrantWriteACP: str | None = None,
        RequestPayer: str | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        found = self._shelf.find(Bucket, Key, VersionId)
        if found is not None and found.delete_marker:
            raise MethodNotAllowed(members={"Method": "PUT", "ResourceType": "DeleteMarker"})
        version = self._find(ctx, Bucket, Key, VersionId)
        headers = grant_headers(GrantFullControl, GrantRead, GrantReadACP, GrantWriteACP, GrantWrite)
        owner = version.acl.owner if version.acl is not None else bucket.account
        acl = _put(bucket, ACL, headers, AccessControlPolicy, owner=owner, of_object=True)
        self._check_acl(bucket, acl)
        version.acl = acl
        self._shelf.replace(Bucket, Key, version)
        self._events.happened(ctx, bucket, Event.ACL_PUT, Key, version)
        return charged

    # ---- for others -------------------------------------------------------------------------------------------

    def _new_object_acl(
        self,
        ctx: Context,
        bucket: BucketRecord,
        *,
        ACL: str | None = None,
        GrantFullControl: str | None = None,
        GrantRead: str | None = None,
        GrantReadACP: str | None = None,
        GrantWriteACP: str | None = None,
    ) -> Acl | None:
        """The list of an object that is about to be made, from the parameters of the request, checked.

        None stands for the usual one: the object is the bucket owner's, and private.
        """
        headers = grant_headers(GrantFullControl, GrantRead, GrantReadACP, GrantWriteACP, None)
        if ACL is None and not headers and ctx.account == bucket.account:
            return None
        _check_one_way(ACL, headers)
        ownership = self._ownership(bucket.name)
        preferred = ownership == OWNER_PREFERRED and ACL == grants.BUCKET_OWNER_FULL_CONTROL
        owner = bucket.account if preferred or ownership == OWNER_ENFORCED else ctx.account
        if headers:
            acl = grants.of_headers(headers, owner=owner)
        else:
            acl = grants.canned(ACL or "private", owner=owner, bucket_owner=bucket.account, of_object=True)
        if ownership == OWNER_ENFORCED:
            if ACL not in (None, grants.BUCKET_OWNER_FULL_CONTROL) or not _is_bucket_owners(acl, bucket):
                raise AccessControlListNotSupported()
            return None
        self._check_public(bucket, acl)
        return None if acl == grants.private(bucket.account) else acl

    def _acl_of_bucket(self, bucket: BucketRecord) -> Acl:
        if self._ownership(bucket.name) == OWNER_ENFORCED:
            return grants.private(bucket.account)
        return self._tables.acls.get((bucket.name,)) or grants.private(bucket.account)

    def _acl_of_object(self, bucket: BucketRecord, version: ObjectVersion) -> Acl:
        if version.acl is None or self._ownership(bucket.name) == OWNER_ENFORCED:
            return grants.private(bucket.account)
        return version.acl

    def _set_new_bucket_acl(self, bucket: BucketRecord, acl: str | None, headers: Mapping[str, str]) -> None:
        """Give a new bucket the list that its request asks for."""
        if acl is None and not headers:
            return
        asked = _put(bucket, acl, headers, None, owner=bucket.account, of_object=False)
        if self._ownership(bucket.name) == OWNER_ENFORCED and not _is_bucket_owners(asked, bucket):
            raise InvalidBucketAclWithObjectOwnership()
        self._check_public(bucket, asked)
        self._tables.acls.put((bucket.name,), asked)

    def _check_acl(self, bucket: BucketRecord, acl: Acl) -> None:
        if self._ownership(bucket.name) == OWNER_ENFORCED:
            raise AccessControlListNotSupported()
        self._check_public(bucket, acl)

    def _check_public(self, bucket: BucketRecord, acl: Acl) -> None:
        if grants.is_public(acl) and self._blocks_public(bucket.name, "BlockPublicAcls"):
            raise AccessDenied()


def grant_headers(
    full_control: str | None, read: str | None, read_acp: str | None, write_acp: str | None, write: str | None
) -> dict[str, str]:
    """The grant headers that were given, by permission."""
    given = {
        "FULL_CONTROL": full_control,
        "READ": read,
        "WRITE": write,
        "READ_ACP": read_acp,
        "WRITE_ACP": write_acp,
    }
    return {permission: text for permission, text in given.items() if text is not None}


def _check_one_way(acl: str | None, headers: Mapping[str, str]) -> None:
    if acl is not None and headers:
        raise InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")


def _put(
    bucket: BucketRecord,
    acl: str | None,
    headers: Mapping[str, str],
    document: Mapping[str, Any] | None,
    *,
    owner: str,
    of_object: bool,
) -> Acl:
    """The list that a request asks for in one of the three ways."""
    _check_one_way(acl, headers)
    if document is not None:
        if acl is not None or headers:
            raise UnexpectedContent()
        return grants.of_document(document, owner=owner)
    if acl is not None:
        return grants.canned(acl, owner=owner, bucket_owner=bucket.account, of_object=of_object)
    if not headers:
        raise MissingSecurityHeader(members={"MissingHeaderName": "x-amz-acl"})
    return grants.of_headers(headers, owner=owner)


def _is_bucket_owners(acl: Acl, bucket: BucketRecord) -> bool:
    return acl.grants == grants.private(bucket.account).grants
