from fogbank.services.scheduler.service import SchedulerService

__all__ = ["SchedulerService"]
