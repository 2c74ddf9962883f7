"""Pages of lists in any order: the token names the last thing that was seen."""

import base64

from fogbank.services.secretsmanager.errors import InvalidNextToken


def page(names: list[str], token: str | None, limit: int) -> tuple[list[str], dict[str, str]]:
    """The names behind the one that the token names, and the answer's NextToken if there are more.

    If that one is gone meanwhile nobody knows where it was, and the token is no longer valid.
    """
    if token is not None:
        try:
            names = names[names.index(base64.b64decode(token, validate=True).decode()) + 1 :]
        except ValueError:  # Also what base64 and UTF-8 raise.
            raise InvalidNextToken() from None
    if len(names) <= limit:
        return names, {}
    return names[:limit], {"NextToken": base64.b64encode(names[limit - 1].encode()).decode()}
