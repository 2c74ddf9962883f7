"""SNS's lists come in pages of a hundred."""

from fogbank.core import pages
from fogbank.core.errors import ValidationError
from fogbank.services.sns.errors import InvalidParameter

PAGE_MAX = 100


def page(names: list[str], token: str | None) -> tuple[list[str], dict[str, str]]:
    """The names behind the token, and the answer's NextToken if there are more. `names` are in order."""
    try:
        return pages.page(names, token or None, PAGE_MAX)
    except ValidationError:
        raise InvalidParameter("NextToken") from None
