"""The operations of Logs Insights."""

from fogbank.services.logs.insights.definitions import QueryDefinitions
from fogbank.services.logs.insights.log_records import LogRecords
from fogbank.services.logs.insights.queries import Queries


class Insights(Queries, QueryDefinitions, LogRecords):
    """What `LogsService` has of Logs Insights."""
