from fogbank.services.cloudwatch.service import CloudWatchService

__all__ = ["CloudWatchService"]
