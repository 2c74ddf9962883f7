"""Digests: what was delivered, hour by hour, signed, each chained to the one before.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

import asyncio
import gzip
import hashlib
import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.moments import iso_seconds
from fogbank.core.service import Answer, Service
from fogbank.services.cloudtrail.destinations import check_writing, folder
from fogbank.services.cloudtrail.encryption import check_encrypting, encryption_of
from fogbank.services.cloudtrail.errors import InvalidTimeRange
from fogbank.services.cloudtrail.records import LogFile, SigningKey, Trail, TrailKey, TrailTables, trail_arn
from fogbank.services.cloudtrail.stamps import compact_second, day_folder

PERIOD_MS = 3_600_000
_ALGORITHM = "SHA256withRSA"
_KEY_BITS = 2048


class Digests(Service):
    """The signing part of `CloudTrailService`."""

    _tables: TrailTables

    def list_public_keys(
        self,
        ctx: Context,
        *,
        StartTime: float | None = None,
        EndTime: float | None = None,
        NextToken: str | None = None,
    ) -> Answer:
        """A region has one key, which stays."""
        if StartTime is not None and EndTime is not None and StartTime > EndTime:
            raise InvalidTimeRange("The start time must be earlier than the end time.")
        key = self._tables.keys.get((ctx.account, ctx.region))
        if key is None or NextToken is not None or (EndTime is not None and EndTime * 1000 < key.made_ms):
            return {"PublicKeyList": []}
        row = {
            "Value": key.public_der,
            "ValidityStartTime": key.made_ms / 1000,
            "ValidityEndTime": (ctx.now_ms + PERIOD_MS * 24 * 365) / 1000,
            "Fingerprint": key.fingerprint,
        }
        return {"PublicKeyList": [row]}

    async def _digest_if_due(self, ctx: Context, key: TrailKey) -> None:
        trail = self._tables.trails.get(key)
        if trail is None or not trail.validation or trail.delivered_ms - trail.digest_ms < PERIOD_MS:
            return
        signing = await self._signing_key(ctx.refreshed(), key)
        end_ms = trail.delivered_ms
        object_key = _digest_key(key, trail, end_ms)
        text = json.dumps(_digest(key, trail, object_key, end_ms, signing), separators=(",", ":"))
        digest_hash = hashlib.sha256(text.encode()).hexdigest()
        signature = _sign(
            signing, iso_seconds(end_ms), f"{trail.bucket}/{object_key}", digest_hash, trail.digest_signature or "null"
        )
        check_writing(ctx, trail_arn(*key), trail.bucket, object_key)
        check_encrypting(ctx, trail_arn(*key), trail.key_arn)
        await ctx.call(
            ctx.cloud.s3.put_object,
            Bucket=trail.bucket,
            Key=object_key,
            Body=gzip.compress(text.encode(), mtime=0),
            ContentType="application/json",
            ContentEncoding="gzip",
            Metadata={"signature": signature, "signature-algorithm": _ALGORITHM},
            **encryption_of(trail_arn(*key), trail.key_arn),
        )
        await ctx.run(self._digested, key, end_ms, object_key, digest_hash, signature, len(trail.digest_files))

    def _digested(
        self, key: TrailKey, end_ms: int, object_key: str, digest_hash: str, signature: str, files: int
    ) -> None:
        trail = self._tables.trails.get(key)
        if trail is not None:
            trail.digest_ms, trail.digest_object = end_ms, object_key
            trail.digest_hash, trail.digest_signature = digest_hash, signature
            del trail.digest_files[:files]
            self._tables.trails.put(key, trail)

    async def _signing_key(self, ctx: Context, key: TrailKey) -> SigningKey:
        known = self._tables.keys.get(key[:2])
        if known is not None:
            return known
        private, public = await asyncio.to_thread(_new_key)
        fingerprint = hashlib.md5(public, usedforsecurity=False).hexdigest()
        made = SigningKey(private, public, fingerprint, ctx.now_ms)
        return await ctx.run(self._first_key, key, made)

    def _first_key(self, key: TrailKey, made: SigningKey) -> SigningKey:
        """Another trail of the region may have been first."""
        known = self._tables.keys.get(key[:2])
        if known is None:
            self._tables.keys.put(key[:2], made)
        return known or made


def _new_key() -> tuple[bytes, bytes]:
    """A private key as PEM, and its public key as DER."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private = rsa.generate_private_key(65537, _KEY_BITS)
    return (
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1),
    )


def _digest_key(key: TrailKey, trail: Trail, end_ms: int) -> str:
    account, region, name = key
    path = f"{folder(trail.prefix, account)}CloudTrail-Digest/{region}/{day_folder(end_ms)}/"
    return f"{path}{account}_CloudTrail-Digest_{region}_{name}_{region}_{compact_second(end_ms)}.json.gz"


def _digest(key: TrailKey, trail: Trail, object_key: str, end_ms: int, signing: SigningKey) -> dict[str, Any]:
    files = trail.digest_files
    before = bool(trail.digest_object)
    return {
        "awsAccountId": key[0],
        "digestStartTime": iso_seconds(trail.digest_ms),
        "digestEndTime": iso_seconds(end_ms),
        "digestS3Bucket": trail.bucket,
        "digestS3Object": object_key,
        "digestPublicKeyFingerprint": signing.fingerprint,
        "digestSignatureAlgorithm": _ALGORITHM,
        "newestEventTime": iso_seconds(max(file.newest_ms for file in files)) if files else None,
        "oldestEventTime": iso_seconds(min(file.oldest_ms for file in files)) if files else None,
        "previousDigestS3Bucket": trail.bucket if before else None,
        "previousDigestS3Object": trail.digest_object or None,
        "previousDigestHashValue": trail.digest_hash or None,
        "previousDigestHashAlgorithm": "SHA-256" if before else None,
        "previousDigestSignature": trail.digest_signature or None,
        "logFiles": [_told(trail, file) for file in files],
    }


def _told(trail: Trail, file: LogFile) -> dict[str, Any]:
    return {
        "s3Bucket": trail.bucket,
        "s3Object": file.key,
        "hashValue": file.hash,
        "hashAlgorithm": "SHA-256",
        "newestEventTime": iso_seconds(file.newest_ms),
        "oldestEventTime": iso_seconds(file.oldest_ms),
    }


def _sign(signing: SigningKey, *parts: str) -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = load_pem_private_key(signing.private_pem, password=None)
    assert isinstance(private, RSAPrivateKey)
    return private.sign("\n".join(parts).encode(), PKCS1v15(), hashes.SHA256()).hex()
