"""Dashboards: kept and given back; drawing them is the console's.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
"""

import json
import re
from typing import Any

from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer, Service
from fogbank.services.cloudwatch.dashboard_body import mistakes
from fogbank.services.cloudwatch.errors import (
    DashboardInvalid,
    DashboardNotFound,
    InvalidNextToken,
    InvalidParameterValue,
)
from fogbank.services.cloudwatch.records import CloudWatchTables, Dashboard

PAGE = 1000
_NAME = re.compile(r"[A-Za-z0-9_\-]{1,255}")


class Dashboards(Service):
    """The operations on dashboards of `CloudWatchService`."""

    _tables: CloudWatchTables

    def delete_dashboards(self, ctx: Context, *, DashboardNames: list[str]) -> Answer:
        for name in DashboardNames:
            self._dashboard(ctx, name)
        for name in DashboardNames:
            self._tables.dashboards.delete((ctx.account, name))
        return None

    def get_dashboard(self, ctx: Context, *, DashboardName: str) -> Answer:
        found = self._dashboard(ctx, DashboardName)
        return {
            "DashboardArn": dashboard_arn(ctx, found.name),
            "DashboardBody": found.body,
            "DashboardName": found.name,
        }

    def list_dashboards(self, ctx: Context, *, DashboardNamePrefix: str = "", NextToken: str | None = None) -> Answer:
        start = whole_number(NextToken or "0")
        if start is None:
            raise InvalidNextToken()
        rows = [
            {
                "DashboardName": found.name,
                "DashboardArn": dashboard_arn(ctx, found.name),
                "LastModified": found.modified_ms / 1000,
                "Size": len(found.body.encode()),
            }
            for _, found in self._tables.dashboards.scan((ctx.account,))
            if found.name.startswith(DashboardNamePrefix)
        ]
        answer: dict[str, Any] = {"DashboardEntries": rows[start : start + PAGE]}
        return answer | ({"NextToken": str(start + PAGE)} if len(rows) > start + PAGE else {})

    def put_dashboard(
        self, ctx: Context, *, DashboardName: str, DashboardBody: str, Tags: list[dict[str, str]] | None = None
    ) -> Answer:
        if not _NAME.fullmatch(DashboardName):
            raise InvalidParameterValue(
                "The value for field DashboardName contains invalid characters. "
                "It can only contain alphanumerics, dash (-) and underscore (_).\n"
            )
        try:
            body = json.loads(DashboardBody)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise DashboardInvalid("The field DashboardBody must be a valid JSON object")
        wrong = mistakes(body)
        if wrong:
            listed = json.dumps([{"message": one.message, "dataPath": one.path} for one in wrong], indent=2)
            raise DashboardInvalid(
                f"The dashboard body is invalid, there are {len(wrong)} validation errors:\n{listed}",
                members={
                    "dashboardValidationMessages": [{"DataPath": one.path, "Message": one.message} for one in wrong]
                },
            )
        known = self._tables.dashboards.get((ctx.account, DashboardName))
        tags = known.tags if known is not None else {tag["Key"]: tag["Value"] for tag in Tags or ()}
        dashboard = Dashboard(DashboardName, DashboardBody, ctx.now_ms, tags)
        self._tables.dashboards.put((ctx.account, DashboardName), dashboard)
        return {"DashboardValidationMessages": []}

    def _dashboard(self, ctx: Context, name: str) -> Dashboard:
        found = self._tables.dashboards.get((ctx.account, name))
        if found is None:
            raise DashboardNotFound(f"Dashboard {name} does not exist")
        return found


def dashboard_arn(ctx: Context, name: str) -> str:
    return f"arn:aws:cloudwatch::{ctx.account}:dashboard/{name}"
