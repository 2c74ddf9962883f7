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


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of CloudWatch that is compared with a target as it is, such as a ratio."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    statistic: str
    least: float
    most: float
    """What a target may be."""


class Dimension(ABC):
    """One capacity of one kind of resource: a ScalableDimension or a SlowDimension."""

    name: str
    """Such as `dynamodb:table:ReadCapacityUnits`."""
    noun: str
    """What activities call it: `read capacity units`."""
    role: str
    """The principal of the service-linked role that it is scaled with."""
    steps: bool = True
    """Whether AWS has step scaling policies for it."""
    cooldown_s: int = 300
    """Of target tracking policies that give none."""

    @abstractmethod
    def predefined(self, resource_id: str, name: str) -> Utilization | Measure | None:
        """What the predefined metric measures; None if it is none of this dimension."""


class ScalableDimension(Dimension):
    """A capacity that is changed at once. The methods run in a transaction."""

    @abstractmethod
    def capacity(self, ctx: "Context", resource_id: str) -> int:
        """What is provisioned now. Raises AwsError, in the words of RegisterScalableTarget, if nothing can be."""

    @abstractmethod
    def set_capacity(self, ctx: "Context", resource_id: str, units: int) -> None:
        """Raises AwsError if it cannot be done."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A capacity that takes its time: what there is, and how the last change goes."""

    units: int
    under_way: bool = False
    failed: str = ""
    """Why the last change failed, if it did."""


class SlowDimension(Dimension):
    """A capacity whose change has to be asked for and waited for.

    The methods that wait run outside of a transaction. They raise AwsError: one that is `passing` if a later try may
    do, any other if it is refused for good.
    """

    @abstractmethod
    def check(self, ctx: "Context", resource_id: str) -> None:
        """Raises AwsError, in the words of RegisterScalableTarget, if there can be no such resource."""

    @abstractmethod
    async def progress(self, ctx: "Context", resource_id: str) -> Progress: ...

    @abstractmethod
    async def change(self, ctx: "Context", resource_id: str, units: int) -> Progress:
        """Ask for a capacity; the same may be asked for again."""
