"""Pages of a list of names: the token names the last one that was seen."""

import base64
from typing import Any

from fogbank.core.errors import ValidationError

_PAGE = 100


def page(names: list[str], token: str | None, limit: int | None) -> tuple[list[str], dict[str, Any]]:
    """The names behind the token, and the answer's NextToken if there are more. `names` are in order."""
    if token is not None:
        try:
            last = base64.b64decode(token, validate=True).decode()
        except ValueError:  # Also what base64 and UTF-8 raise.
            raise ValidationError("Parameter NextToken is not valid.") from None
        names = [name for name in names if name > last]
    size = limit or _PAGE
    if len(names) <= size:
        return names, {}
    return names[:size], {"NextToken": base64.b64encode(names[size - 1].encode()).decode()}
