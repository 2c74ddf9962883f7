"""Amazon Data Firehose. https://docs.aws.amazon.com/firehose/latest/APIReference/Welcome.html"""

from fogbank.services.firehose.tagging import Tagging


class FirehoseService(Tagging):
    """Streams that take records in, process them and deliver them to S3 and to HTTP endpoints.

    NotImplemented: the destinations OpenSearch, OpenSearch Serverless, Elasticsearch, Redshift, Splunk, Snowflake and
    Iceberg, and MSK and databases as sources.
    """

    # Plain HTTP will do for an endpoint.
    raw_shapes = frozenset(("HttpEndpointUrl",))
