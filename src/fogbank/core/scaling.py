"""What Application Auto Scaling scales: each service answers for the capacities of its own resources."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from fogbank.core.context import Context


class Utilization(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a capacity is used, as two metrics of CloudWatch."""

    namespace: str
    used: str
    """Counts what is used: a capacity of one unit is used up by a sum of one a second."""
    provisioned: str
    """The capacity itself."""
    dimensions: dict[str, str]


class ScalableDimension(ABC):
    """One capacity of one kind of resource. The methods run in a transaction."""

    name: str
    """Such as `dynamodb:table:ReadCapacityUnits`."""
    noun: str
    """What activities call it: `read capacity units`."""
    role: str
    """The principal of the service-linked role that it is scaled with."""

    @abstractmethod
    def capacity(self, ctx: "Context", resource_id: str) -> int:
        """What is provisioned now. Raises AwsError, in the words of RegisterScalableTarget, if nothing can be."""

    @abstractmethod
    def set_capacity(self, ctx: "Context", resource_id: str, units: int) -> None:
        """Raises AwsError if it cannot be done."""

    @abstractmethod
    def utilization(self, resource_id: str, predefined: str) -> Utilization | None:
        """What the predefined metric measures; None if it is none of this dimension."""
