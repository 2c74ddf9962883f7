"""The S3 configurations that every destination has: where records, backups and error output are written, and how.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_S3DestinationConfiguration.html
"""

from typing import Any

from fogbank.services.firehose.destination import Settings
from fogbank.services.firehose.errors import InvalidArgument
from fogbank.services.firehose.object_names import check_prefixes, read_prefix

BUFFERED_MB, BUFFERED_S = 5, 300
MEMBERS = (
    "RoleARN",
    "BucketARN",
    "Prefix",
    "ErrorOutputPrefix",
    "BufferingHints",
    "CompressionFormat",
    "EncryptionConfiguration",
    "CloudWatchLoggingOptions",
)


def complete(given: Settings, *, size_mb: int = BUFFERED_MB, partitioned: bool = False) -> Settings:
    """An S3 configuration with its defaults; `size_mb` is the buffering size where none is said. Only the prefix of one
    that is `partitioned` may have partition keys.
    """
    for name in ("RoleARN", "BucketARN"):  # An update need not have them, but what it makes does.
        if name not in given:
            raise InvalidArgument(f"{name} must be specified")
    check_prefixes(given.get("Prefix"), given.get("ErrorOutputPrefix"))
    if not partitioned and read_prefix(given.get("Prefix", "")).keys:
        raise InvalidArgument(
            "Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is "
            "enabled."
        )
    settings = {
        "CompressionFormat": "UNCOMPRESSED",
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        **given,
    }
    return settings | {
        "BufferingHints": buffering(given.get("BufferingHints"), size_mb=size_mb),
        "CloudWatchLoggingOptions": logging(given.get("CloudWatchLoggingOptions")),
    }


def buffering(given: dict[str, int] | None, *, size_mb: int = BUFFERED_MB) -> dict[str, int]:
    """BufferingHints: both of them or none."""
    if not given:
        return {"SizeInMBs": size_mb, "IntervalInSeconds": BUFFERED_S}
    if len(given) != 2:
        raise InvalidArgument("Both SizeInMBs and IntervalInSeconds must be specified in BufferingHints")
    return given


def logging(given: dict[str, Any] | None) -> dict[str, Any]:
    """CloudWatchLoggingOptions."""
    options = {"Enabled": False, **(given or {})}
    if options["Enabled"] and not (options.get("LogGroupName") and options.get("LogStreamName")):
        raise InvalidArgument("LogGroupName and LogStreamName must be specified when CloudWatch logging is enabled")
    return options


def describe(settings: Settings) -> dict[str, Any]:
    """An S3DestinationDescription."""
    return {name: settings[name] for name in MEMBERS if name in settings}
