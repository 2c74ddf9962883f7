from fogbank.services.apigateway.service import ApiGatewayService

__all__ = ["ApiGatewayService"]
