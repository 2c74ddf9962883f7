from fogbank.services.sns.service import SnsService

__all__ = ["SnsService"]
