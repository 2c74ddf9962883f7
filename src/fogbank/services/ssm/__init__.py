from fogbank.services.ssm.service import SsmService

__all__ = ["SsmService"]
