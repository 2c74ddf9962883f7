"""Destination configurations: checked, with their defaults filled in, updated, and as they are described.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
"""

from typing import Any

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.firehose import conversion
from fogbank.services.firehose.batches import Hints
from fogbank.services.firehose.compression import check_format
from fogbank.services.firehose.errors import InvalidArgument
from fogbank.services.firehose.object_names import check_prefixes, time_zone
from fogbank.services.firehose.records import MB, DeliveryStream

Settings = dict[str, Any]

S3, EXTENDED_S3 = "S3", "ExtendedS3"
BUFFERED_MB, BUFFERED_S = 5, 300
CONVERTED_MB, CONVERTED_MB_MIN = 128, 64
# With no buffering hint Firehose delivers "within seconds"; what comes within one of them goes together.
UNBUFFERED_MS = 500
_S3_MEMBERS = (
    "RoleARN",
    "BucketARN",
    "Prefix",
    "ErrorOutputPrefix",
    "BufferingHints",
    "CompressionFormat",
    "EncryptionConfiguration",
    "CloudWatchLoggingOptions",
)


def complete(kind: str, given: Settings) -> Settings:
    """The configuration of a destination with its defaults; raises for what Firehose does not take."""
    return _S3_FORMS[kind](given)


def describe(stream: DeliveryStream) -> dict[str, Any]:
    """The members of a DestinationDescription; S3 destinations are described in both ways."""
    settings = stream.settings
    plain = {name: settings[name] for name in _S3_MEMBERS if name in settings}
    shown: dict[str, Any] = {"S3DestinationDescription": plain}
    if stream.destination == EXTENDED_S3:
        extended = dict(settings)
        if "S3BackupConfiguration" in extended:
            extended["S3BackupDescription"] = extended.pop("S3BackupConfiguration")
        shown["ExtendedS3DestinationDescription"] = extended
    return shown


def hints(settings: Settings) -> Hints:
    """When a batch for these settings' destination is complete."""
    buffering = settings["BufferingHints"]
    interval_ms = buffering["IntervalInSeconds"] * 1000
    return Hints(buffering["SizeInMBs"] * MB, interval_ms or UNBUFFERED_MS)


def _s3(given: Settings) -> Settings:
    check_prefixes(given.get("Prefix"), given.get("ErrorOutputPrefix"))
    settings = {
        "CompressionFormat": "UNCOMPRESSED",
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        "CloudWatchLoggingOptions": {"Enabled": False},
        **given,
    }
    settings["BufferingHints"] = _buffering(given.get("BufferingHints"), BUFFERED_MB)
    check_format(settings["CompressionFormat"])
    return settings


def _extended_s3(given: Settings) -> Settings:
    converted = bool((given.get("DataFormatConversionConfiguration") or {}).get("Enabled", converts(given)))
    for name in ("ProcessingConfiguration", "DynamicPartitioningConfiguration", "S3BackupConfiguration"):
        if given.get(name, {}).get("Enabled", name == "S3BackupConfiguration" and name in given):
            raise NotImplementedInFogbank(f"Fogbank's firehose does not implement {name} yet.")
    settings = _s3(given) | {"S3BackupMode": given.get("S3BackupMode", "Disabled")}
    time_zone(given.get("CustomTimeZone", ""))
    if converted:
        settings["BufferingHints"] = _buffering(given.get("BufferingHints"), CONVERTED_MB, CONVERTED_MB_MIN)
        settings["DataFormatConversionConfiguration"] = conversion.with_defaults(
            settings["DataFormatConversionConfiguration"]
        )
        conversion.check_conversion(settings["DataFormatConversionConfiguration"])
    return settings


def converts(settings: Settings) -> bool:
    """Whether records are converted: it is enabled unless it says that it is not."""
    configuration = settings.get("DataFormatConversionConfiguration")
    return configuration is not None and configuration.get("Enabled", True)


def _buffering(given: Settings | None, size_mb: int, size_mb_min: int = 1) -> Settings:
    found = {"SizeInMBs": size_mb, "IntervalInSeconds": BUFFERED_S, **(given or {})}
    if found["SizeInMBs"] < size_mb_min:
        raise InvalidArgument(f"BufferingHints.SizeInMBs must be at least {size_mb_min}")
    return found


_S3_FORMS = {S3: _s3, EXTENDED_S3: _extended_s3}
