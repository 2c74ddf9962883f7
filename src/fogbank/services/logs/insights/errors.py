"""How a query that cannot be understood is told of."""

from fogbank.core.errors import AwsError


class MalformedQuery(AwsError):
    """The message, and where in the query the trouble is, in characters."""

    code = "MalformedQueryException"

    def __init__(self, message: str, start: int = 0, end: int | None = None) -> None:
        location = {"startCharOffset": start, "endCharOffset": start if end is None else end}
        super().__init__(message, members={"queryCompileError": {"location": location, "message": message}})
