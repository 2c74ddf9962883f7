"""What DynamoDB's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fogbank.core.authorization import (
    Authorization,
    Need,
    Parameters,
    Source,
    alike,
    need,
    pass_roles,
    values_at,
    values_named,
)
from fogbank.core.context import Context
from fogbank.services.dynamodb.partiql.parser import parse_statement
from fogbank.services.dynamodb.partiql.statements import Delete, Insert, Select, Statement, Update

_TABLE = "arn:{partition}:dynamodb:{region}:{account}:table/{TableName}"
_ALL_TABLES = "arn:{partition}:dynamodb:{region}:{account}:table/*"
_EQUAL = re.compile(r"(#?[\w.-]+)\s*=\s*(:\w+)")
_WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def _arn(ctx: Context, table: str, index: str | None = None) -> str:
    arn = table if table.startswith("arn:") else ctx.arn("dynamodb", f"table/{table}")
    return f"{arn}/index/{index}" if index else arn


def _table_or_index(ctx: Context, parameters: Parameters) -> str:
    return _arn(ctx, str(parameters.get("TableName", "*")), parameters.get("IndexName"))


def _new_tables(name: str) -> str:
    return f"arn:{{partition}}:dynamodb:{{region}}:{{account}}:table/{{{name}}}"


# ---- condition keys ---------------------------------------------------------------------------------------------


def _scalar(value: Any) -> str:
    """An attribute's value as policies see it."""
    return str(next(iter(value.values()))) if isinstance(value, Mapping) and value else str(value)


def _leading(ctx: Context, table: str, items: Iterable[Any], index: str = "") -> list[str]:
    """The partition keys of items."""
    name = ctx.cloud.dynamodb.partition_attribute(ctx, table, index)
    return list(dict.fromkeys(_scalar(item[name]) for item in items if isinstance(item, Mapping) and name in item))


def _keys_of_item(ctx: Context, parameters: Parameters) -> list[str]:
    given = [parameters.get("Key"), parameters.get("Item")]
    return _leading(ctx, str(parameters.get("TableName", "")), given)


def _keys_of_query(ctx: Context, parameters: Parameters) -> list[str]:
    table, index = str(parameters.get("TableName", "")), str(parameters.get("IndexName") or "")
    name = ctx.cloud.dynamodb.partition_attribute(ctx, table, index)
    old = parameters.get("KeyConditions") or {}
    if name in old:
        return [_scalar(value) for value in old[name].get("AttributeValueList") or ()]
    names = parameters.get("ExpressionAttributeNames") or {}
    values = parameters.get("ExpressionAttributeValues") or {}
    found = _EQUAL.findall(str(parameters.get("KeyConditionExpression") or ""))
    return [_scalar(values[value]) for left, value in found if names.get(left, left) == name and value in values]


def _attributes(ctx: Context, parameters: Parameters) -> list[str]:
    """The names of top-level attributes that the request names."""
    names = parameters.get("ExpressionAttributeNames") or {}
    found = [str(name) for name in values_at(parameters, "AttributesToGet[]")]
    for member in ("Key", "Item", "AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter"):
        found += [str(name) for name in parameters.get(member) or ()]
    for path in str(parameters.get("ProjectionExpression") or "").split(","):
        if top := re.split(r"[.\[]", path.strip(), maxsplit=1)[0]:
            found.append(str(names.get(top, top)))
    return list(dict.fromkeys([*found, *map(str, names.values())]))


_ITEM_KEYS: dict[str, Source] = {
    "dynamodb:LeadingKeys": _keys_of_item,
    "dynamodb:Attributes": _attributes,
    "dynamodb:ReturnConsumedCapacity": "{ReturnConsumedCapacity}",
    "dynamodb:ReturnValues": "{ReturnValues}",
}
_READ_KEYS: dict[str, Source] = {name: source for name, source in _ITEM_KEYS.items() if name != "dynamodb:ReturnValues"}
_QUERY_KEYS: dict[str, Source] = {**_READ_KEYS, "dynamodb:LeadingKeys": _keys_of_query, "dynamodb:Select": "{Select}"}
_SCAN_KEYS: dict[str, Source] = {
    name: source for name, source in _QUERY_KEYS.items() if name != "dynamodb:LeadingKeys"
} | {"dynamodb:FullTableScan": lambda ctx, parameters: "true"}


# ---- many items -------------------------------------------------------------------------------------------------


def _keys_of_batch(ctx: Context, parameters: Parameters) -> list[str]:
    found: list[str] = []
    for table, asked in (parameters.get("RequestItems") or {}).items():
        requests = asked if isinstance(asked, list) else ()
        items = list(values_at(asked, "Keys[]")) if isinstance(asked, Mapping) else []
        items += [item for request in requests for path in ("PutRequest.Item", "DeleteRequest.Key")
                  for item in values_at(request, path)]  # fmt: skip
        found += _leading(ctx, str(table), items)
    return list(dict.fromkeys(found))


def _of_transaction(kind: str) -> Need:
    """What the items of one kind in a transaction need."""
    path = f"TransactItems[].{kind}"

    def keys(ctx: Context, parameters: Parameters) -> list[str]:
        found: list[str] = []
        for asked in values_at(parameters, path):
            found += _leading(ctx, str(asked.get("TableName", "")), [asked.get("Key"), asked.get("Item")])
        return found

    return need(
        f"arn:{{partition}}:dynamodb:{{region}}:{{account}}:table/{{{path}.TableName}}",
        action=_WRITES.get(kind, "GetItem"),
        when=path,
        keys={
            "dynamodb:LeadingKeys": keys,
            "dynamodb:EnclosingOperation": lambda ctx, parameters: (
                "TransactGetItems" if kind == "Get" else "TransactWriteItems"
            ),
        },
    )


# ---- PartiQL ----------------------------------------------------------------------------------------------------


def _statements(parameters: Parameters) -> Iterator[Statement]:
    given = [parameters] if "Statement" in parameters else []
    for path in ("Statements[]", "TransactStatements[]"):
        given += values_at(parameters, path)
    for each in given:
        yield parse_statement(str(each.get("Statement", "")), each.get("Parameters") or ())


def _partiql(action: str, kind: type[Select] | type[Insert] | type[Update] | type[Delete]) -> Need:
    def told(statement: Statement) -> Any:
        """The statement itself; of EXISTS what it selects."""
        return getattr(statement, "select", statement)

    def tables(ctx: Context, parameters: Parameters) -> list[str]:
        found = [told(each) for each in _statements(parameters)]
        return [_arn(ctx, each.table, getattr(each, "index_name", None)) for each in found if isinstance(each, kind)]

    def is_there(ctx: Context, parameters: Parameters) -> bool:
        return any(isinstance(told(each), kind) for each in _statements(parameters))

    return need(tables, action=action, when=is_there)


_PARTIQL = (
    _partiql("PartiQLSelect", Select),
    _partiql("PartiQLInsert", Insert),
    _partiql("PartiQLUpdate", Update),
    _partiql("PartiQLDelete", Delete),
)


_FILLING = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
"""What whoever restores needs on the new table."""


_TARGET = _new_tables("TargetTableName")


def _source(ctx: Context, parameters: Parameters) -> str:
    return str(parameters.get("SourceTableArn") or _arn(ctx, str(parameters.get("SourceTableName") or "*")))


_PASSED = pass_roles(
    lambda ctx, parameters: values_named(parameters, "AutoScalingRoleArn"), to="application-autoscaling.amazonaws.com"
)

AUTHORIZATION = Authorization(
    "dynamodb",
    operations={
        **alike(
            "CreateBackup DeleteTable DescribeContinuousBackups DescribeKinesisStreamingDestination DescribeTable "
            "DescribeTableReplicaAutoScaling DescribeTimeToLive DisableKinesisStreamingDestination "
            "EnableKinesisStreamingDestination UpdateContinuousBackups UpdateKinesisStreamingDestination UpdateTable "
            "UpdateTimeToLive",
            need(_TABLE),
        ),
        "UpdateTableReplicaAutoScaling": (need(_TABLE), _PASSED),
        **alike("DescribeContributorInsights UpdateContributorInsights", need(_table_or_index)),
        **alike("DeleteItem PutItem UpdateItem", need(_TABLE, keys=_ITEM_KEYS)),
        **alike("DeleteResourcePolicy GetResourcePolicy PutResourcePolicy", need("{ResourceArn}")),
        **alike("DeleteBackup DescribeBackup", need("{BackupArn}")),
        **alike("BatchExecuteStatement ExecuteStatement ExecuteTransaction", _PARTIQL),
        **alike(
            "DescribeEndpoints DescribeLimits ListBackups ListContributorInsights ListExports ListImports", need("*")
        ),
        "BatchGetItem": need(_new_tables("RequestItems.keys()"), keys={"dynamodb:LeadingKeys": _keys_of_batch}),
        "BatchWriteItem": need(_new_tables("RequestItems.keys()"), keys={"dynamodb:LeadingKeys": _keys_of_batch}),
        "CreateTable": (
            need(_TABLE, tags="Tags"),
            need(_TABLE, action="TagResource", when="Tags", tags="Tags"),
            need(_TABLE, action="PutResourcePolicy", when="ResourcePolicy"),
        ),
        "DescribeExport": need("{ExportArn}"),
        "DescribeImport": need("{ImportArn}"),
        "ExportTableToPointInTime": need("{TableArn}"),
        "GetItem": need(_TABLE, keys=_READ_KEYS),
        "ImportTable": need(_new_tables("TableCreationParameters.TableName")),
        "ListTables": need(_ALL_TABLES),
        "ListTagsOfResource": need("{ResourceArn}"),
        "Query": need(_table_or_index, keys=_QUERY_KEYS),
        "RestoreTableFromBackup": (
            need("{BackupArn}"),
            need(_TARGET, action="RestoreTableFromBackup"),
            *(need(_TARGET, action=action) for action in _FILLING),
        ),
        "RestoreTableToPointInTime": (
            need(_source),
            need(_TARGET, action="RestoreTableToPointInTime"),
            *(need(_TARGET, action=action) for action in _FILLING),
        ),
        "Scan": need(_table_or_index, keys=_SCAN_KEYS),
        "TagResource": need("{ResourceArn}", tags="Tags"),
        "TransactGetItems": _of_transaction("Get"),
        "TransactWriteItems": tuple(_of_transaction(kind) for kind in _WRITES),
        "UntagResource": need("{ResourceArn}", tag_keys="TagKeys"),
    },
)
