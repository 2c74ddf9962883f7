from fogbank.services.organizations.service import OrganizationsService

__all__ = ["OrganizationsService"]
