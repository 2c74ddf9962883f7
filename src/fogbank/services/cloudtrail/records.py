"""What CloudTrail stores. The events themselves are the audit record of the cloud (`core/audit.py`)."""

from typing import Any

from fogbank.core.store import Record, Store


class Trail(Record):
    """A trail; times are 0 as long as nothing happened. What came before `delivered_ms` is delivered."""

    bucket: str
    prefix: str = ""
    topic: str = ""
    """The ARN of an SNS topic."""
    global_events: bool = True
    multi_region: bool = False
    validation: bool = False
    log_group: str = ""
    logs_role: str = ""
    tags: dict[str, str] = {}
    selectors: list[dict[str, Any]] = []
    advanced: list[dict[str, Any]] = []
    logging: bool = False
    started_ms: int = 0
    stopped_ms: int = 0
    delivered_ms: int = 0
    file_ms: int = 0
    """When the last file was delivered."""
    error: str = ""
    notified_ms: int = 0
    logs_ms: int = 0
    logs_error: str = ""
    digest_ms: int = 0
    """The end of the last digest."""
    digest_files: list["LogFile"] = []
    """What the next digest tells of."""
    digest_object: str = ""
    """The last digest, with its hash and its signature."""
    digest_hash: str = ""
    digest_signature: str = ""
    notice_error: str = ""
    """Why the topic was not told of the last files."""
    key_arn: str = ""
    """The key of KMS that files are encrypted under."""


class LogFile(Record):
    """A file as a digest tells of it: with the hash of what is packed in it."""

    key: str
    hash: str
    oldest_ms: int
    newest_ms: int


class SigningKey(Record):
    """The key that digests are signed with."""

    private_pem: bytes
    public_der: bytes
    fingerprint: str
    made_ms: int


TrailKey = tuple[str, str, str]
"""Account, home region, name."""


class TrailTables:
    def __init__(self, store: Store) -> None:
        self.trails = store.table("cloudtrail.trails", key=(str, str, str), value=Trail)
        # account, region
        self.keys = store.table("cloudtrail.signing_keys", key=(str, str), value=SigningKey)


def trail_arn(account: str, region: str, name: str) -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"
