from fogbank.services.glue.service import GlueService

__all__ = ["GlueService"]
