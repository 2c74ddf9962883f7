"""AWS Systems Manager: Parameter Store. https://docs.aws.amazon.com/systems-manager/latest/APIReference/Welcome.html"""

from fogbank.services.ssm.resource_policies import ResourcePolicies


class SsmService(ResourcePolicies):
    """Parameters of all types and tiers, with versions, labels, hierarchies, policies and tags.

    All else of Systems Manager (documents, commands, maintenance windows, patches, sessions, inventory …) answers
    NotImplemented, and so do public parameters and data types that are more than text.
    """

    async def start(self) -> None:
        await self.cloud.store.run(self._policy_alarms.resume)
