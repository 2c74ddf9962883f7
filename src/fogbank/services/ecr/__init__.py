from fogbank.services.ecr.service import EcrService

__all__ = ["EcrService"]
