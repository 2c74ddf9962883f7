"""CloudFormation types of Secrets Manager."""

from fogbank.core.resource import ResourceType

RESOURCES: list[type[ResourceType]] = []
