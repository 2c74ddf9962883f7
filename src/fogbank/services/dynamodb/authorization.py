"""What DynamoDB's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
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
from fogbank.services.dynamodb.partiql.keys import wanted
from fogbank.services.dynamodb.partiql.parser import parse_statement
from fogbank.services.dynamodb.partiql.statements import Delete, Exists, Insert, Select, Update
from fogbank.services.dynamodb.tables import name_of, owner_and_name

_ALL_TABLES = "arn:{partition}:dynamodb:{region}:{account}:table/*"
_EQUAL = re.compile(r"(#?[\w.-]+)\s*=\s*(:\w+)|(:\w+)\s*=\s*(#?[\w.-]+)")
# Names of attributes as expressions have them: not of placeholders, of what is nested, of functions.
_NAME = re.compile(
    r"(?<![\w:#.])(?!(?:SET|REMOVE|ADD|DELETE|AND|OR|NOT|BETWEEN|IN)\b)[a-z_]\w*\b(?!\s*\()", re.IGNORECASE
)
_EXPRESSIONS = (
    "ConditionExpression", "FilterExpression", "KeyConditionExpression", "ProjectionExpression", "UpdateExpression",
)  # fmt: skip
_WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def _arn(ctx: Context, table: str, index: str | None = None) -> str:
    """Of the table that a name or an ARN leads to: one of the caller's region, whatever an ARN says."""
    arn = _table_arn(ctx.region, ctx.account, table)
    return f"{arn}/index/{index}" if index else arn


@lru_cache(1024)  # Every request asks for one.
def _table_arn(region: str, account: str, table: str) -> str:
    owner, name = owner_and_name(table, account)
    return f"arn:aws:dynamodb:{region}:{owner}:table/{name}"


def _tables(path: str) -> Source:
    """The tables that are named at a path, or by ARNs of something that they have."""
    return lambda ctx, parameters: [_arn(ctx, str(value)) for value in values_at(parameters, path)] or _arn(ctx, "*")


def _parts(path: str) -> Source:
    """The same with what the ARN says behind the table: a stream, a backup, an export, an import."""

    def arns(ctx: Context, parameters: Parameters) -> list[str]:
        tails = [name_of(str(value)).partition("/") for value in values_at(parameters, path)]
        return ["".join((_arn(ctx, table), slash, rest)) for table, slash, rest in tails]

    return arns


def _table(ctx: Context, parameters: Parameters) -> str:
    return _table_arn(ctx.region, ctx.account, str(parameters.get("TableName", "*")))


def _table_or_index(ctx: Context, parameters: Parameters) -> str:
    return _arn(ctx, str(parameters.get("TableName", "*")), parameters.get("IndexName"))


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
    pairs = (
        (left or right, value or first)
        for left, value, first, right in _EQUAL.findall(str(parameters.get("KeyConditionExpression") or ""))
    )
    found = [_scalar(values[value]) for left, value in pairs if names.get(left, left) == name and value in values]
    return found or [""]  # Every query has a key: one that is not found here is not an allowed one.


def _attributes(ctx: Context, parameters: Parameters) -> list[str]:
    """The names of top-level attributes that the request names."""
    names = parameters.get("ExpressionAttributeNames") or {}
    found = [str(name) for name in values_at(parameters, "AttributesToGet[]")]
    for member in ("Key", "Item", "AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter"):
        found += [str(name) for name in parameters.get(member) or ()]
    for member in _EXPRESSIONS:
        found += _NAME.findall(str(parameters.get(member) or ""))
    return list(dict.fromkeys([*found, *map(str, names.values())]))


_PROJECTIONS = ("ProjectionExpression", "AttributesToGet")


def _select(ctx: Context, parameters: Parameters) -> str:
    """What is read of each item: what is not said is the default."""
    if parameters.get("Select"):
        return str(parameters["Select"])
    if any(parameters.get(name) for name in _PROJECTIONS):
        return "SPECIFIC_ATTRIBUTES"
    return "ALL_PROJECTED_ATTRIBUTES" if parameters.get("IndexName") else "ALL_ATTRIBUTES"


_ITEM_KEYS: dict[str, Source] = {
    "dynamodb:LeadingKeys": _keys_of_item,
    "dynamodb:Attributes": _attributes,
    "dynamodb:ReturnConsumedCapacity": "{ReturnConsumedCapacity}",
    "dynamodb:ReturnValues": "{ReturnValues}",
}
_READ_KEYS: dict[str, Source] = {
    **{name: source for name, source in _ITEM_KEYS.items() if name != "dynamodb:ReturnValues"},
    "dynamodb:Select": _select,
}
_QUERY_KEYS: dict[str, Source] = {**_READ_KEYS, "dynamodb:LeadingKeys": _keys_of_query}
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


def _attributes_of_batch(ctx: Context, parameters: Parameters) -> list[str]:
    """The names of the attributes that are read, or of those that whole items have."""
    found: list[str] = []
    for asked in (parameters.get("RequestItems") or {}).values():
        found += _attributes(ctx, asked) if isinstance(asked, Mapping) else []
        for path in ("Keys[]", "PutRequest.Item", "DeleteRequest.Key"):
            for each in asked if isinstance(asked, list) else (asked,):
                found += [str(name) for item in values_at(each, path) for name in item]
    return list(dict.fromkeys(found))


def _select_of(ctx: Context, requests: Iterable[Parameters]) -> str:
    """What several reads select: all attributes, if one does."""
    found = {_select(ctx, asked) for asked in requests}
    return "ALL_ATTRIBUTES" if "ALL_ATTRIBUTES" in found else "SPECIFIC_ATTRIBUTES"


_BATCH_KEYS: dict[str, Source] = {
    "dynamodb:LeadingKeys": _keys_of_batch,
    "dynamodb:Attributes": _attributes_of_batch,
    "dynamodb:ReturnConsumedCapacity": "{ReturnConsumedCapacity}",
}
_BATCH_READ_KEYS: dict[str, Source] = {
    **_BATCH_KEYS,
    "dynamodb:Select": lambda ctx, parameters: _select_of(ctx, (parameters.get("RequestItems") or {}).values()),
}


def _of_transaction(kind: str) -> Need:
    """What the items of one kind in a transaction need."""
    path = f"TransactItems[].{kind}"

    def keys(ctx: Context, parameters: Parameters) -> list[str]:
        found: list[str] = []
        for asked in values_at(parameters, path):
            found += _leading(ctx, str(asked.get("TableName", "")), [asked.get("Key"), asked.get("Item")])
        return found

    def attributes(ctx: Context, parameters: Parameters) -> list[str]:
        return [name for asked in values_at(parameters, path) for name in _attributes(ctx, asked)]

    def select(ctx: Context, parameters: Parameters) -> str:
        return _select_of(ctx, values_at(parameters, path))

    reads = kind == "Get"
    return need(
        _tables(f"{path}.TableName"),
        action=_WRITES.get(kind, "GetItem"),
        when=path,
        keys={
            "dynamodb:LeadingKeys": keys,
            "dynamodb:Attributes": attributes,
            "dynamodb:ReturnConsumedCapacity": "{ReturnConsumedCapacity}",
            "dynamodb:EnclosingOperation": "TransactGetItems" if reads else "TransactWriteItems",
            **({"dynamodb:Select": select} if reads else {}),
        },
    )


# ---- PartiQL ----------------------------------------------------------------------------------------------------


Acting = Select | Insert | Update | Delete


def _statements(parameters: Parameters, kind: type[Acting]) -> Iterator[Acting]:
    """The statements of that kind; of EXISTS what it selects."""
    given = [parameters] if "Statement" in parameters else []
    for path in ("Statements[]", "TransactStatements[]"):
        given += values_at(parameters, path)
    for each in given:
        statement = parse_statement(str(each.get("Statement", "")), each.get("Parameters") or ())
        acting = statement.select if isinstance(statement, Exists) else statement
        if isinstance(acting, kind):
            yield acting


def _leading_of(ctx: Context, statement: Acting) -> list[str] | None:
    """The partition keys of the items that a statement names; None if it looks at all of them."""
    index = statement.index_name if isinstance(statement, Select) else None
    name = ctx.cloud.dynamodb.partition_attribute(ctx, statement.table, index or "")
    if isinstance(statement, Insert):
        return [_scalar(statement.item[name])] if name in statement.item else []
    partitions = wanted(statement.where, [name]).partitions
    return None if partitions is None else [_scalar(value) for value in partitions]


def _named_in(statement: Acting) -> Iterator[str]:
    """The top-level attributes that a statement names."""
    if isinstance(statement, Insert):
        yield from statement.item
    waiting: list[Any] = [statement]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif hasattr(part, "_fields"):
            paths = [*getattr(part, "paths", ()), *([part.path] if hasattr(part, "path") else [])]
            yield from (str(path[0]) for path in paths)
            yield from (name for name, _ in getattr(part, "order", ()))
            waiting += part


def _partiql(action: str, kind: type[Acting]) -> Need:
    def tables(ctx: Context, parameters: Parameters) -> list[str]:
        found = _statements(parameters, kind)
        return [_arn(ctx, each.table, each.index_name if isinstance(each, Select) else None) for each in found]

    def is_there(ctx: Context, parameters: Parameters) -> bool:
        return any(True for _ in _statements(parameters, kind))

    def further(ctx: Context, parameters: Parameters) -> dict[str, str | list[str]]:
        found = list(_statements(parameters, kind))
        leading = [_leading_of(ctx, each) for each in found]
        facts: dict[str, str | list[str]] = {
            "dynamodb:Attributes": list(dict.fromkeys(name for each in found for name in _named_in(each)))
        }
        if keys := list(dict.fromkeys(key for keys in leading for key in keys or ())):
            facts["dynamodb:LeadingKeys"] = keys
        if kind is Select:
            facts["dynamodb:FullTableScan"] = str(None in leading).lower()
            whole = any(isinstance(each, Select) and not each.paths for each in found)
            facts["dynamodb:Select"] = "ALL_ATTRIBUTES" if whole else "SPECIFIC_ATTRIBUTES"
        if "TransactStatements" in parameters:
            facts["dynamodb:EnclosingOperation"] = "ExecuteTransaction"
        return facts

    return need(tables, action=action, when=is_there, further=further)


_PARTIQL = (
    _partiql("PartiQLSelect", Select),
    _partiql("PartiQLInsert", Insert),
    _partiql("PartiQLUpdate", Update),
    _partiql("PartiQLDelete", Delete),
)


_FILLING = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
"""What whoever restores needs on the new table."""


_TARGET = _tables("TargetTableName")


def _source(ctx: Context, parameters: Parameters) -> str:
    return _arn(ctx, str(parameters.get("SourceTableArn") or parameters.get("SourceTableName") or "*"))


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
            need(_table),
        ),
        "UpdateTableReplicaAutoScaling": (need(_table), _PASSED),
        **alike("DescribeContributorInsights UpdateContributorInsights", need(_table_or_index)),
        **alike("DeleteItem PutItem UpdateItem", need(_table, keys=_ITEM_KEYS)),
        **alike("DeleteResourcePolicy GetResourcePolicy PutResourcePolicy", need(_parts("ResourceArn"))),
        **alike("DeleteBackup DescribeBackup", need(_parts("BackupArn"))),
        **alike("BatchExecuteStatement ExecuteStatement ExecuteTransaction", _PARTIQL),
        **alike(
            "DescribeEndpoints DescribeLimits ListBackups ListContributorInsights ListExports ListImports", need("*")
        ),
        "BatchGetItem": need(_tables("RequestItems.keys()"), keys=_BATCH_READ_KEYS),
        "BatchWriteItem": need(_tables("RequestItems.keys()"), keys=_BATCH_KEYS),
        "CreateTable": (
            need(_table, tags="Tags"),
            need(_table, action="TagResource", when="Tags", tags="Tags"),
            need(_table, action="PutResourcePolicy", when="ResourcePolicy"),
        ),
        "DescribeExport": need(_parts("ExportArn")),
        "DescribeImport": need(_parts("ImportArn")),
        "ExportTableToPointInTime": need(_tables("TableArn")),
        "GetItem": need(_table, keys=_READ_KEYS),
        "ImportTable": need(_tables("TableCreationParameters.TableName")),
        "ListTables": need(_ALL_TABLES),
        "ListTagsOfResource": need(_tables("ResourceArn")),
        "Query": need(_table_or_index, keys=_QUERY_KEYS),
        "RestoreTableFromBackup": (
            need(_parts("BackupArn")),
            need(_TARGET, action="RestoreTableFromBackup"),
            *(need(_TARGET, action=action) for action in _FILLING),
        ),
        "RestoreTableToPointInTime": (
            need(_source),
            need(_TARGET, action="RestoreTableToPointInTime"),
            *(need(_TARGET, action=action) for action in _FILLING),
        ),
        "Scan": need(_table_or_index, keys=_SCAN_KEYS),
        "TagResource": need(_tables("ResourceArn"), tags="Tags"),
        "TransactGetItems": _of_transaction("Get"),
        "TransactWriteItems": tuple(_of_transaction(kind) for kind in _WRITES),
        "UntagResource": need(_tables("ResourceArn"), tag_keys="TagKeys"),
    },
)
