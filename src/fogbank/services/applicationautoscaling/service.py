"""Application Auto Scaling. https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html"""

from fogbank.services.applicationautoscaling.policies import Policies
from fogbank.services.applicationautoscaling.scheduled_actions import ScheduledActions
from fogbank.services.applicationautoscaling.targets import Targets


class ApplicationAutoScalingService(Policies, ScheduledActions, Targets):
    """Scalable targets, target tracking and scheduled actions, for the capacities that services of Fogbank have.

    Those are DynamoDB's; other namespaces answer NotImplemented. Step scaling and predictive scaling, which AWS does
    not have for DynamoDB, are refused, and activities that did not scale are not kept.
    """

    name = "application-autoscaling"
