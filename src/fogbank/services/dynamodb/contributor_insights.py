"""Contributor insights: which tables and indexes have them on. They are kept; nothing is reported to CloudWatch.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/contributorinsights_HowItWorks.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.dynamodb.errors import ResourceNotFound, Validation
from fogbank.services.dynamodb.records import Insights, TableRecord
from fogbank.services.dynamodb.table_access import TableAccess

PAGE_MAX = 100


class ContributorInsights(TableAccess):
    """The operations on contributor insights of `DynamoDBService`."""

    def describe_contributor_insights(self, ctx: Context, *, TableName: str, IndexName: str = "") -> Answer:
        table = self._insights_table(ctx, TableName, IndexName)
        answer = _summary(table, IndexName)
        if (insights := table.insights.get(IndexName)) is not None:
            answer["LastUpdateDateTime"] = insights.since_ms / 1000
        return answer

    def update_contributor_insights(
        self,
        ctx: Context,
        *,
        TableName: str,
        ContributorInsightsAction: str,
        IndexName: str = "",
        ContributorInsightsMode: str = "ACCESSED_AND_THROTTLED_KEYS",
    ) -> Answer:
        table = self._insights_table(ctx, TableName, IndexName)
        on = ContributorInsightsAction == "ENABLE"
        if on:
            table.insights[IndexName] = Insights(ContributorInsightsMode, ctx.now_ms)
        else:
            table.insights.pop(IndexName, None)
        self._save(table)
        return _summary(table, IndexName) | {"ContributorInsightsStatus": "ENABLING" if on else "DISABLING"}

    def list_contributor_insights(
        self, ctx: Context, *, TableName: str | None = None, NextToken: str | None = None, MaxResults: int = PAGE_MAX
    ) -> Answer:
        if MaxResults < 1:  # The model has no bound here.
            raise Validation("MaxResults must be at least 1")
        if TableName is not None:
            tables = [self._table(ctx, TableName, wording="Table")]
        else:
            tables = [table for _, table in self._tables.tables.scan((ctx.account, ctx.region))]
        found = sorted((_summary(table, index) for table in tables for index in table.insights), key=_position)
        if NextToken is not None:
            found = [entry for entry in found if _position(entry) > NextToken]
        answer: dict[str, Any] = {"ContributorInsightsSummaries": found[:MaxResults]}
        if len(found) > MaxResults:
            answer["NextToken"] = _position(found[MaxResults - 1])
        return answer

    def _insights_table(self, ctx: Context, name: str, index: str) -> TableRecord:
        table = self._table(ctx, name, wording="Table")
        if index and table.index(index) is None:
            raise ResourceNotFound(f"Requested resource not found: Index: {index} not found")
        return table


def _summary(table: TableRecord, index: str) -> dict[str, Any]:
    insights = table.insights.get(index)
    entry: dict[str, Any] = {"TableName": table.name}
    if index:
        entry["IndexName"] = index
    entry["ContributorInsightsStatus"] = "DISABLED" if insights is None else "ENABLED"
    if insights is not None:
        entry["ContributorInsightsMode"] = insights.mode
    return entry


def _position(entry: dict[str, Any]) -> str:
    return f"{entry['TableName']}/{entry.get('IndexName', '')}"
