from fogbank.services.lambda_.service import LambdaService

__all__ = ["LambdaService"]
