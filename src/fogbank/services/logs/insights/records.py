"""What Logs Insights stores."""

from fogbank.core.store import Record, Store


class StoredQuery(Record):
    """A query: what was asked and, once it has ended, what came of it.

    Rows have the texts of `fields` and, if they are events, a pointer to theirs.
    """

    id: str
    text: str
    groups: list[str]
    start_ms: int
    end_ms: int
    created_ms: int
    user_arn: str
    status: str = "Scheduled"
    fields: list[str] = []
    located: bool = False
    rows: int = 0
    matched: int = 0
    scanned: int = 0
    scanned_bytes: int = 0
    ended_ms: int = 0


class ResultPart(Record):
    """Some rows of a query's result."""

    rows: list[list[str | None]]


class QueryDefinition(Record):
    """A saved query. `token` is that of the request which made it."""

    id: str
    name: str
    text: str
    modified_ms: int
    language: str = "CWLI"
    groups: list[str] = []
    parameters: list[dict[str, str]] = []
    token: str = ""


class InsightsTables:
    """The tables of Logs Insights. A part of a result is found by the number of its first row."""

    def __init__(self, store: Store) -> None:
        self.queries = store.table("logs.queries", key=(str, str, str), value=StoredQuery)
        self.definitions = store.table("logs.query_definitions", key=(str, str, str), value=QueryDefinition)
        self.results = store.table("logs.query_results", key=(str, int), value=ResultPart)
