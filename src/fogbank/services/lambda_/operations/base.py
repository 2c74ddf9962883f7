"""What the operations of Lambda share: the stored things, and pages."""

from typing import Any

from fogbank.core.service import Answer, Service
from fogbank.services.lambda_.async_invoke import AsyncInvoker
from fogbank.services.lambda_.code import CodeCache
from fogbank.services.lambda_.concurrency import Concurrency
from fogbank.services.lambda_.errors import InvalidParameterValue
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.invoke import Invoker
from fogbank.services.lambda_.mappings import Mappings
from fogbank.services.lambda_.permissions import Permissions
from fogbank.services.lambda_.pollers import Pollers
from fogbank.services.lambda_.records import Tables


class Operations(Service):
    """What `LambdaService` is made of; each group of operations is a class of its own."""

    _tables: Tables
    _code: CodeCache
    _functions: Functions
    _permissions: Permissions
    _concurrency: Concurrency
    _invoker: Invoker
    _async: AsyncInvoker
    _mappings: Mappings
    _pollers: Pollers


def page(member: str, found: list[dict[str, Any]], marker: str | None, limit: int) -> Answer:
    """One page; the marker is where the next one begins."""
    if marker is not None and not marker.isdigit():
        raise InvalidParameterValue("Invalid Marker")
    start = int(marker or 0)
    answer: dict[str, Any] = {member: found[start : start + limit]}
    if start + limit < len(found):
        answer["NextMarker"] = str(start + limit)
    return answer
