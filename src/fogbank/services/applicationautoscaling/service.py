"""Application Auto Scaling. https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html"""

from fogbank.services.applicationautoscaling.policies import Policies
from fogbank.services.applicationautoscaling.scheduled_actions import ScheduledActions
from fogbank.services.applicationautoscaling.targets import Targets


class ApplicationAutoScalingService(Policies, ScheduledActions, Targets):
    """Scalable targets, target tracking, step scaling and scheduled actions, for the capacities that services of
    Fogbank have and for custom resources.

    Other namespaces and predictive scaling answer NotImplemented.
    """

    name = "application-autoscaling"
