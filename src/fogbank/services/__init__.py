"""One folder per AWS service; this table says which there are, so that none is imported before it is used."""

from fogbank.core.cloud import Door, ServiceEntry


def _api_door(mark: str, *, host: str = "", path: str = "") -> Door:
    return Door(operation="ExecuteApi", signed_as="execute-api", mark=mark, host=host, path=path)


_API_DOORS = (
    _api_door(".execute-api.", host=r"([a-z0-9]+)(?:-vpce-[a-z0-9]+)?\.execute-api\.[a-z].*"),
    _api_door("/_user_request_", path=r"/restapis/([^/]+)/([^/]+)/_user_request_(?:/(.*))?"),
    _api_door("/_aws/execute-api/", path=r"/_aws/execute-api/([^/]+)/(.*)"),
)
_WEBSITE_DOORS = (
    Door(
        operation="ServeWebsite",
        mark=".s3-website",
        host=r"(.+)\.s3-website(?:[.-][a-z]{2,4}(?:-[a-z]+)+-\d)?\.[a-z].*",
        protocol="plain",
    ),
)
_URL_DOORS = (
    Door(operation="CallFunctionUrl", mark=".lambda-url.", host=r"([a-z0-9]+)\.lambda-url\.[a-z].*"),
    Door(
        operation="CallFunctionUrl",
        signed_as="lambda",
        mark="/_aws/lambda-url/",
        path=r"/_aws/lambda-url/([^/]+)/?(.*)",
    ),
)


def _entry(package: str, *cloudformation: str, model: str = "", doors: tuple[Door, ...] = ()) -> ServiceEntry:
    return ServiceEntry(f"fogbank.services.{package}", cloudformation, model or package.removesuffix("_"), doors)


SERVICES = {
    "apigateway": _entry("apigateway", "AWS::ApiGateway", doors=_API_DOORS),
    "applicationautoscaling": _entry(
        "applicationautoscaling", "AWS::ApplicationAutoScaling", model="application-autoscaling"
    ),
    "cloudformation": _entry("cloudformation", "AWS::CloudFormation", "AWS::CDK"),
    "cloudtrail": _entry("cloudtrail", "AWS::CloudTrail"),
    "cloudwatch": _entry("cloudwatch", "AWS::CloudWatch"),
    "dynamodb": _entry("dynamodb", "AWS::DynamoDB"),
    "dynamodbstreams": _entry("dynamodbstreams"),
    "ecr": _entry("ecr", "AWS::ECR"),
    "events": _entry("events", "AWS::Events"),
    "firehose": _entry("firehose", "AWS::KinesisFirehose"),
    "glue": _entry("glue", "AWS::Glue"),
    "iam": _entry("iam", "AWS::IAM"),
    "kinesis": _entry("kinesis", "AWS::Kinesis"),
    "kms": _entry("kms", "AWS::KMS"),
    "lambda_": _entry("lambda_", "AWS::Lambda", doors=_URL_DOORS),
    "logs": _entry("logs", "AWS::Logs"),
    "oam": _entry("oam", "AWS::Oam"),
    "organizations": _entry("organizations", "AWS::Organizations"),
    "pipes": _entry("pipes", "AWS::Pipes"),
    "resourcegroupstaggingapi": _entry("resourcegroupstaggingapi"),
    "s3": _entry("s3", "AWS::S3", doors=_WEBSITE_DOORS),
    "scheduler": _entry("scheduler", "AWS::Scheduler"),
    "secretsmanager": _entry("secretsmanager", "AWS::SecretsManager"),
    "sns": _entry("sns", "AWS::SNS"),
    "sqs": _entry("sqs", "AWS::SQS"),
    "ssm": _entry("ssm", "AWS::SSM"),
    "sts": _entry("sts"),
}
"""Package name -> where it is. A trailing underscore marks a Python keyword: `lambda_` is `lambda`."""
