"""The SAM transform: `AWS::Serverless-2016-10-31`, by AWS's own translator.

It is imported in a thread when the first template needs it, since that takes about half a second.
"""

import asyncio
import copy
import json
from collections.abc import Mapping
from typing import Any

from fogbank.services.cloudformation.errors import ValidationError

TRANSFORM = "AWS::Serverless-2016-10-31"


async def expand(template: dict[str, Any], parameters: Mapping[str, Any], *, region: str) -> dict[str, Any]:
    """The template with its serverless resources replaced by what they stand for."""
    return await asyncio.to_thread(_translate, template, parameters, region)


def _translate(template: dict[str, Any], parameters: Mapping[str, Any], region: str) -> dict[str, Any]:
    from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    source = json.loads(json.dumps(copy.deepcopy(template)))
    metrics = Metrics("ServerlessTransform", DummyMetricsPublisher())
    try:
        translator = Translator(_ManagedPolicies(), Parser(), boto_session=_Session(region), metrics=metrics)
        found: dict[str, Any] = translator.translate(source, parameter_values=dict(parameters))
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise ValidationError(
            f"Transform {TRANSFORM} failed with: Invalid Serverless Application Specification document. "
            f"Number of errors found: {len(error.causes)}. {causes}"
        ) from None
    finally:
        metrics.publish()
    found.pop("Transform", None)
    return found


class _Session:
    """All that the translator wants of a boto3 session: no configuration of this machine is read."""

    def __init__(self, region: str) -> None:
        self.region_name = region


class _ManagedPolicies(dict[str, str]):
    """Managed policy name -> ARN, without asking IAM: AWS's own live under `aws:policy/`, some under a path."""

    _service_role = frozenset((
        "AWSLambdaBasicExecutionRole", "AWSLambdaDynamoDBExecutionRole", "AWSLambdaENIManagementAccess",
        "AWSLambdaKinesisExecutionRole", "AWSLambdaMSKExecutionRole", "AWSLambdaRole",
        "AWSLambdaSQSQueueExecutionRole", "AWSLambdaVPCAccessExecutionRole",
    ))  # fmt: skip

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.startswith(("AWS", "Amazon", "CloudWatch")) and ":" not in name

    def __getitem__(self, name: str) -> str:
        path = "service-role/" if name in self._service_role else ""
        return f"arn:aws:iam::aws:policy/{path}{name}"

    def get(self, name: str, default: Any = None) -> Any:
        known = name in self
        return self[name] if known else default
