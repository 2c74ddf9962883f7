"""CloudFormation types of Firehose."""

from fogbank.core.resource import ResourceType

RESOURCES: list[type[ResourceType]] = []
