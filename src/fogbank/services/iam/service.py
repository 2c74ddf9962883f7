"""AWS IAM. https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html"""

from fogbank.core.cloud import Cloud
from fogbank.services.iam.instance_profiles import InstanceProfiles
from fogbank.services.iam.policies import ManagedPolicies
from fogbank.services.iam.records import IamTables


class IamService(ManagedPolicies, InstanceProfiles):
    """Roles, managed policies and instance profiles; kept and not enforced. IAM is global: keys have no region.

    Users, groups, permissions boundaries and the contents of AWS managed policies answer NotImplemented; a policy
    that belongs to AWS is not checked when it is attached.
    """

    name = "iam"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = IamTables(cloud.store)
