"""What the operations of Lambda share: the stored things, and pages."""

from collections.abc import Sequence
from typing import Any

from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer, Service
from fogbank.services.lambda_.async_invoke import AsyncInvoker
from fogbank.services.lambda_.code import CodeCache
from fogbank.services.lambda_.code_signing import CodeSigningRules
from fogbank.services.lambda_.concurrency import Concurrency
from fogbank.services.lambda_.errors import InvalidParameterValue
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.invoke import Invoker
from fogbank.services.lambda_.mappings import Mappings
from fogbank.services.lambda_.names import FunctionName, parse_name
from fogbank.services.lambda_.permissions import Permissions
from fogbank.services.lambda_.pollers import Pollers
from fogbank.services.lambda_.provisioning import Provisioning
from fogbank.services.lambda_.records import Function, Tables
from fogbank.services.lambda_.urls.configs import Urls


class Operations(Service):
    """What `LambdaService` is made of; each group of operations is a class of its own."""

    _tables: Tables
    _code: CodeCache
    _functions: Functions
    _permissions: Permissions
    _concurrency: Concurrency
    _provisioning: Provisioning
    _invoker: Invoker
    _async: AsyncInvoker
    _mappings: Mappings
    _pollers: Pollers
    _code_signing: CodeSigningRules
    _urls: Urls

    def _unqualified(self, ctx: Context, text: str) -> tuple[FunctionName, Function]:
        name = parse_name(ctx, text)
        if name.qualifier:
            raise InvalidParameterValue(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support "
                "this operation. Please specify either a function name or an unqualified function ARN."
            )
        return name, self._functions.function(ctx, name)


def page(member: str, found: Sequence[Any], marker: str | None, limit: int) -> Answer:
    """One page; the marker is where the next one begins."""
    start = whole_number(marker or "0")
    if start is None:
        raise InvalidParameterValue("Invalid Marker")
    answer: dict[str, Any] = {member: found[start : start + limit]}
    if start + limit < len(found):
        answer["NextMarker"] = str(start + limit)
    return answer
