"""Amazon Kinesis Data Streams. https://docs.aws.amazon.com/kinesis/latest/APIReference/Welcome.html"""

from fogbank.services.kinesis.tagging import Tagging


class KinesisService(Tagging):
    """Streams, shards and their records, consumers, tags and policies.

    Queues and channels answer NotImplemented.
    """
