from fogbank.services.secretsmanager.service import SecretsManagerService

__all__ = ["SecretsManagerService"]
