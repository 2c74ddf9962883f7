"""Amazon Data Firehose. https://docs.aws.amazon.com/firehose/latest/APIReference/Welcome.html"""

from fogbank.services.firehose.writing import Writing


class FirehoseService(Writing):
    """Streams that records are put into, and that deliver them to S3.

    Destinations other than S3, sources other than DirectPut, tags and encryption answer NotImplemented.
    """
