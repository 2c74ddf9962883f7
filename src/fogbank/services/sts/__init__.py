from fogbank.services.sts.service import StsService

__all__ = ["StsService"]
