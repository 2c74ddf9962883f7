"""What a request says of an object that it makes, beside the contents, and the object made of both."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fogbank.core.context import Context
from fogbank.services.s3 import checksums, encryption, metadata, object_lock
from fogbank.services.s3.acl import Acls
from fogbank.services.s3.aws_chunked import without_aws_chunked
from fogbank.services.s3.bodies import Received
from fogbank.services.s3.bucket_encryption import BucketEncryption
from fogbank.services.s3.encryption import Encryption
from fogbank.services.s3.errors import AccessDenied, InvalidRedirectLocation, InvalidStorageClass
from fogbank.services.s3.events import Event
from fogbank.services.s3.lifecycle import Lifecycles
from fogbank.services.s3.parameters import AclParameters
from fogbank.services.s3.records import Acl, ObjectLock, ObjectVersion
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.tags import header_tag_map

ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
"""The storage classes whose objects have to be restored before they can be read."""
_STORAGE_CLASSES = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    *ARCHIVED,
)
_DEFAULT_CONTENT_TYPE = "binary/octet-stream"
CONTENT_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)
"""Parameters that say how contents are to be read; they are kept with them."""
_REDIRECT_CHARACTERS_MAX = 2048


class NewObject(NamedTuple):
    """`headers` are parameters that come back as given; those of the encryption are not among them."""

    headers: dict[str, Any]
    metadata: dict[str, str]
    tags: dict[str, str]
    encryption: Encryption
    lock: ObjectLock | None = None
    acl: Acl | None = None

    @property
    def stored_headers(self) -> dict[str, Any]:
        return self.headers | self.encryption.headers

    @property
    def data_key(self) -> bytes:
        """As it is stored."""
        found = self.encryption.data_key
        return found.blob if found is not None else b""

    @property
    def key_verifier(self) -> str:
        key = self.encryption.key
        return key.verifier() if key is not None else ""

    def with_contents_of(self, source: ObjectVersion) -> "NewObject":
        """With the headers and the metadata that belong to the contents of another object."""
        own = {name: value for name, value in self.headers.items() if name not in CONTENT_HEADERS}
        headers = {name: value for name, value in source.headers.items() if name in CONTENT_HEADERS}
        return self._replace(headers=headers | own, metadata=source.metadata)


class NewObjects(Acls, BucketEncryption, Lifecycles):
    """The steps of every operation that makes an object."""

    def _new_object(self, ctx: Context, bucket: BucketRecord, key: str, given: Mapping[str, Any]) -> NewObject:
        """From the parameters of a request (see `ObjectParameters`). Raises what AWS answers to bad ones."""
        return NewObject(
            headers=content_headers(given) | placement_headers(given),
            metadata=metadata.received(given.get("Metadata")),
            tags=header_tag_map(given.get("Tagging")),
            encryption=self._encryption(ctx, bucket, key, given),
            lock=object_lock.given(
                bucket,
                ctx.now_ms,
                mode=given.get("ObjectLockMode"),
                until=given.get("ObjectLockRetainUntilDate"),
                legal_hold=given.get("ObjectLockLegalHoldStatus"),
            ),
            acl=self._new_object_acl(
                ctx, bucket, **{name: given[name] for name in AclParameters.__annotations__ if name in given}
            ),
        )

    def _encryption(self, ctx: Context, bucket: BucketRecord, key: str, given: Mapping[str, Any]) -> Encryption:
        found = encryption.requested(given, self._known(bucket.name, "encryption"))
        if found.needs_data_key:
            data_key = self._kms_keys.new(ctx, bucket, key, found.headers)
            return found._replace(headers={**found.headers, "SSEKMSKeyId": data_key.key_arn}, data_key=data_key)
        if found.key is not None and self._blocks_encryption(bucket.name, "SSE-C"):
            raise AccessDenied()
        return found

    def _add(
        self, ctx: Context, bucket: BucketRecord, key: str, received: Received, made: NewObject, *, event: Event
    ) -> ObjectVersion:
        """Make the body that was received the latest version of the object."""
        version = ObjectVersion(
            version_id=self._shelf.new_version_id(bucket),
            sequence=self._tables.next_sequence(),
            modified_ms=ctx.now_ms,
            size=received.size,
            etag=received.etag,
            body=self._bodies.keep(received),
            headers=made.stored_headers,
            metadata=made.metadata,
            tags=made.tags,
            checksums=received.checksums,
            checksum_type=checksums.FULL_OBJECT,
            key_verifier=made.key_verifier,
            data_key=made.data_key,
            lock=made.lock,
            acl=made.acl,
        )
        self._place(ctx, bucket, key, version, event)
        return version


def content_headers(given: Mapping[str, Any]) -> dict[str, Any]:
    """What belongs to the contents: a copy takes it from its source, unless it replaces the metadata."""
    headers = {name: given[name] for name in CONTENT_HEADERS if given.get(name) is not None}
    headers["ContentType"] = headers.get("ContentType") or _DEFAULT_CONTENT_TYPE
    if "ContentEncoding" in headers:
        headers["ContentEncoding"] = without_aws_chunked(headers["ContentEncoding"])
        if not headers["ContentEncoding"]:
            del headers["ContentEncoding"]
    return headers


def placement_headers(given: Mapping[str, Any]) -> dict[str, Any]:
    """What every write says anew, also a copy: the storage class, unless it is STANDARD, and where a website leads."""
    headers: dict[str, Any] = {}
    storage_class = given.get("StorageClass")
    if storage_class is not None and storage_class not in _STORAGE_CLASSES:
        raise InvalidStorageClass(members={"StorageClassRequested": storage_class})
    if storage_class not in (None, "STANDARD"):
        headers["StorageClass"] = storage_class
    redirect = given.get("WebsiteRedirectLocation")
    if redirect is not None:
        if not redirect.startswith(("/", "http://", "https://")):
            raise InvalidRedirectLocation()
        if len(redirect) > _REDIRECT_CHARACTERS_MAX:
            raise InvalidRedirectLocation("The length of website redirect location cannot exceed 2,048 characters.")
        headers["WebsiteRedirectLocation"] = redirect
    return headers
