from fogbank.services.sqs.service import SqsService

__all__ = ["SqsService"]
