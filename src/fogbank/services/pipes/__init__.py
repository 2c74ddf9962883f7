from fogbank.services.pipes.service import PipesService

__all__ = ["PipesService"]
