"""How a bucket's new objects are encrypted where their requests do not say it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3.configs import BucketConfigs
from fogbank.services.s3.errors import InvalidArgument, MalformedXML

_DEFAULT: dict[str, Any] = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
}
_ALGORITHMS = ("AES256", "aws:kms", "aws:kms:dsse")
_WITH_A_KEY = ("aws:kms", "aws:kms:dsse")


class BucketEncryption(BucketConfigs):
    """The encryption configuration of `S3Service`."""

    def delete_bucket_encryption(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "encryption")
        return None

    def get_bucket_encryption(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        return {"ServerSideEncryptionConfiguration": self._known(Bucket, "encryption") or _DEFAULT}

    def put_bucket_encryption(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ServerSideEncryptionConfiguration: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        rules = ServerSideEncryptionConfiguration["Rules"]
        if len(rules) != 1:
            raise MalformedXML()
        self._set(Bucket, "encryption", {"Rules": [_checked(rules[0])]})
        return None

    def _blocks_encryption(self, bucket: str, kind: str) -> bool:
        """Whether new objects of a bucket may not be encrypted that way."""
        rules = (self._known(bucket, "encryption") or _DEFAULT)["Rules"]
        return kind in rules[0].get("BlockedEncryptionTypes", {}).get("EncryptionType", ())


def _checked(rule: dict[str, Any]) -> dict[str, Any]:
    if not rule:
        raise MalformedXML()
    default = rule.get("ApplyServerSideEncryptionByDefault")
    if default is not None:
        if default["SSEAlgorithm"] not in _ALGORITHMS:
            raise MalformedXML()
        if default.get("KMSMasterKeyID") is not None and default["SSEAlgorithm"] not in _WITH_A_KEY:
            raise InvalidArgument(
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
                members={"ArgumentName": "ApplyServerSideEncryptionByDefault"},
            )
    return {"BucketKeyEnabled": False, **rule}
