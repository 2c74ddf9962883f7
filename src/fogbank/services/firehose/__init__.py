from fogbank.services.firehose.service import FirehoseService

__all__ = ["FirehoseService"]
