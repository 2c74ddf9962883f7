"""CloudFormation types of what is a part of an API, or stands beside one."""

from abc import abstractmethod
from contextlib import suppress

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, TransactionalResourceType
from fogbank.services.apigateway.errors import NotFound


class PartResource(TransactionalResourceType):
    """What may be gone when it is to be deleted: with its API, or by somebody's hand."""

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        with suppress(NotFound):
            self._remove(ctx, request)

    @abstractmethod
    def _remove(self, ctx: Context, request: ResourceRequest) -> None: ...
