from fogbank.services.kinesis.service import KinesisService

__all__ = ["KinesisService"]
