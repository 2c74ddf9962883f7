from fogbank.services.resourcegroupstaggingapi.service import TaggingService

__all__ = ["TaggingService"]
