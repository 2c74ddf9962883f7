from fogbank.services.iam.service import IamService

__all__ = ["IamService"]
