"""After the run: does what the cloud has recorded agree with what the driver has seen?"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts import Account, Platform
from traffic import Ledger

QUERY_S, POLL_S = 60, 0.2
METRICS_PER_CALL = 500
MINUTE = timedelta(minutes=1)


def queried(account: Account, query: str, groups: dict[str, Any], since: datetime) -> list[dict[str, str]]:
    """The rows of a Logs Insights query."""
    logs = account.client("logs")
    query_id = logs.start_query(
        **groups,
        queryString=query,
        startTime=int((since - MINUTE).timestamp()),
        endTime=int((datetime.now(UTC) + MINUTE).timestamp()),
        limit=10_000,
    )["queryId"]
    until = time.monotonic() + QUERY_S
    while True:
        found = logs.get_query_results(queryId=query_id)
        if found["status"] not in ("Scheduled", "Running") or time.monotonic() > until:
            return [{column["field"]: column["value"] for column in row} for row in found["results"]]
        time.sleep(POLL_S)


def trace(platform: Platform, correlation_id: str, since: datetime) -> list[dict[str, str]]:
    """One request through both accounts, by one query, in order."""
    account, region = platform.out["FunctionsAccount"], platform.region
    own = platform.client("sts").get_caller_identity()["Account"]
    groups = [
        f"arn:aws:logs:{region}:{own}:log-group:{platform.out['GatewayLogs']}",
        f"arn:aws:logs:{region}:{own}:log-group:{platform.out['PlatformLogs']}",
        f"arn:aws:logs:{region}:{account}:log-group:/{platform.stack}/functions",
    ]
    query = f'fields @timestamp, @log, @message | filter correlation_id = "{correlation_id}" | sort @timestamp asc'
    return queried(platform, query, {"logGroupIdentifiers": groups}, since)


def metrics(platform: Platform, tenants: Sequence[str], since: datetime) -> dict[str, dict[str, float]]:
    """Invocations and errors of each tenant, as CloudWatch has counted them."""
    cloudwatch = platform.client("cloudwatch")
    wanted = [(tenant, name) for tenant in tenants for name in ("Invocations", "Errors")]
    counted: dict[str, dict[str, float]] = {tenant: {} for tenant in tenants}
    for first in range(0, len(wanted), METRICS_PER_CALL):
        chunk = wanted[first : first + METRICS_PER_CALL]
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": platform.stack,
                        "MetricName": name,
                        "Dimensions": [{"Name": "Tenant", "Value": tenant}],
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for number, (tenant, name) in enumerate(chunk)
        ]
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=since - MINUTE, EndTime=datetime.now(UTC) + MINUTE
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                tenant, name = chunk[int(result["Id"][1:])]
                counted[tenant][name] = counted[tenant].get(name, 0.0) + sum(result["Values"])
    return counted


def differing(counted: dict[str, dict[str, float]], ledger: Ledger) -> list[str]:
    """Tenants whose metrics are not what the driver has seen."""
    return [
        f"{tenant}: {found} instead of {ledger.asked[tenant]} and {ledger.failed[tenant]} errors"
        for tenant, found in counted.items()
        if (found.get("Invocations", 0), found.get("Errors", 0)) != (ledger.asked[tenant], ledger.failed[tenant])
    ]


def tags(functions: Account, prefix: str) -> dict[str, str]:
    """Function name -> tenant, by the allocation tags."""
    pages = (
        functions.client("resourcegroupstaggingapi")
        .get_paginator("get_resources")
        .paginate(ResourceTypeFilters=["lambda:function"], TagFilters=[{"Key": "tenant"}])
    )
    found = {}
    for page in pages:
        for resource in page["ResourceTagMappingList"]:
            name = resource["ResourceARN"].rpartition(":")[2]
            if name.startswith(f"{prefix}-"):
                found[name] = {tag["Key"]: tag["Value"] for tag in resource["Tags"]}["tenant"]
    return found


def reports(functions: Account, stack: str, since: datetime) -> list[dict[str, str]]:
    """Billed time of each function, from the reports in their log."""
    query = (
        "filter @message like /^REPORT RequestId/"
        " | parse @message /Billed Duration: (?<billed>\\d+) ms\\s+Memory Size: (?<memory>\\d+) MB/"
        " | parse @logStream /^\\d+\\/\\d+\\/\\d+\\/(?<function>[^\\[]+)\\[/"
        " | stats count(*) as invocations, sum(billed) as billed_ms, max(memory) as memory_mb by function"
    )
    return queried(functions, query, {"logGroupNames": [f"/{stack}/functions"]}, since)
