"""The kinds of destinations, by what the names of their configurations begin with."""

from collections.abc import Mapping

from fogbank.core.cloud import Cloud
from fogbank.services.firehose.batches import Batches
from fogbank.services.firehose.destination import Destination, Settings
from fogbank.services.firehose.errors import InvalidArgument
from fogbank.services.firehose.http_destination import HttpDestination
from fogbank.services.firehose.s3_destination import ExtendedS3Destination, S3Destination
from fogbank.services.firehose.s3_objects import S3Objects
from fogbank.services.firehose.stream_metrics import StreamMetrics

S3, EXTENDED_S3, HTTP_ENDPOINT = "S3", "ExtendedS3", "HttpEndpoint"


def make_destinations(
    cloud: Cloud, batches: Batches, objects: S3Objects, metrics: StreamMetrics
) -> dict[str, Destination]:
    return {
        S3: S3Destination(cloud, batches, objects, metrics),
        EXTENDED_S3: ExtendedS3Destination(cloud, batches, objects, metrics),
        HTTP_ENDPOINT: HttpDestination(cloud, batches, metrics),
    }


def only_one(given: Mapping[str, Settings | None]) -> tuple[str, Settings]:
    """The kind and the configuration of a request's destination: there must be one."""
    found = [(kind, settings) for kind, settings in given.items() if settings is not None]
    if len(found) != 1:
        raise InvalidArgument("Exactly one destination configuration is supported for a Firehose")
    return found[0]
