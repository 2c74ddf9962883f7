from fogbank.services.cloudformation.service import CloudFormationService

__all__ = ["CloudFormationService"]
