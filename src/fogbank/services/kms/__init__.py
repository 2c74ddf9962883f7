from fogbank.services.kms.service import KmsService

__all__ = ["KmsService"]
