from fogbank.services.oam.service import OamService

__all__ = ["OamService"]
