"""CloudFormation: the resource types of KMS."""

from fogbank.core.resource import ResourceType

RESOURCES: list[type[ResourceType]] = []
