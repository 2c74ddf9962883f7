from fogbank.services.applicationautoscaling.service import ApplicationAutoScalingService

__all__ = ["ApplicationAutoScalingService"]
