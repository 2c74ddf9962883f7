"""Regular expressions that owners of APIs write, and that are tried on what callers send."""

import re

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.linear_regex import BadExpression, whole_match
from fogbank.services.apigateway.errors import BadRequest


def check_expression(expression: str, refusal: str) -> None:
    """Raises BadRequest, with that sentence, for what is no regular expression."""
    try:
        whole_match(expression)
    except BadExpression as error:
        try:
            re.compile(expression)
        except re.error:
            raise BadRequest(refusal) from None
        raise NotImplementedInFogbank(f"Fogbank does not take this regular expression: {error}.") from None
