from fogbank.services.logs.service import LogsService

__all__ = ["LogsService"]
