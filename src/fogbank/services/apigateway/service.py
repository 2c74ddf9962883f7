"""Amazon API Gateway, REST APIs. https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html"""

from fogbank.services.apigateway.deployments import Deployments
from fogbank.services.apigateway.gateway_responses import GatewayResponses
from fogbank.services.apigateway.imports import Imports
from fogbank.services.apigateway.integrations import Integrations
from fogbank.services.apigateway.models import Models
from fogbank.services.apigateway.tags import Tags
from fogbank.services.apigateway.trials import Trials
from fogbank.services.apigateway.usage_plans import UsagePlans


class ApiGatewayService(
    Deployments,
    GatewayResponses,
    Imports,
    Integrations,
    Models,
    Tags,
    Trials,
    UsagePlans,
):
    """REST APIs: their definition, deployments and stages, and the requests to them."""

    # The value is what callers show as their key.
    secret_members = dict.fromkeys(("CreateApiKey", "UpdateApiKey", "CreateUsagePlanKey"), frozenset(("value",)))
