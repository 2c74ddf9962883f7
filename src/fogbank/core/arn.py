"""Amazon Resource Names.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from typing import NamedTuple

PARTITION = "aws"


class Arn(NamedTuple):
    """The parts of `arn:partition:service:region:account:resource`; global services have an empty region."""

    service: str
    region: str
    account: str
    resource: str
    partition: str = PARTITION

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn | None:
    """The ARN's parts, or None if `text` is not an ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
        return None
    return Arn(service=parts[2], region=parts[3], account=parts[4], resource=parts[5], partition=parts[1])
