from fogbank.services.events.service import EventsService

__all__ = ["EventsService"]
