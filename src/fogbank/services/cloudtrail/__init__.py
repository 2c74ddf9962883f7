from fogbank.services.cloudtrail.service import CloudTrailService

__all__ = ["CloudTrailService"]
