"""Table definitions: what CreateTable and UpdateTable accept, and how tables are described.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
"""

import re
from typing import Any

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.records import Index, TableRecord

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
GSI_MAX = 20
LSI_MAX = 5


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        if not 3 <= len(name) <= 255:
            raise Validation("TableName must be at least 3 characters long and at most 255 characters long")
        raise Validation(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )


def name_of(name_or_arn: str) -> str:
    """The table's name, which may be given as its ARN."""
    return name_or_arn.rpartition(":table/")[2] if name_or_arn.startswith("arn:") else name_or_arn


def read_keys(schema: list[dict[str, str]], types: dict[str, str]) -> list[str]:
    """The key attributes of a KeySchema, partition key first."""
    if not 1 <= len(schema) <= 2:
        raise Validation("One or more parameter values were invalid: Invalid KeySchema: must have one or two elements")
    if schema[0]["KeyType"] != "HASH":
        raise Validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(schema) == 2 and schema[1]["KeyType"] != "RANGE":
        raise Validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    names = [element["AttributeName"] for element in schema]
    if len(set(names)) != len(names):
        raise Validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    missing = [name for name in names if name not in types]
    if missing:
        raise Validation(
            "One or more parameter values were invalid: Some index key attributes are not defined in "
            f"AttributeDefinitions. Keys: [{', '.join(missing)}], AttributeDefinitions: [{', '.join(types)}]"
        )
    return names


def read_types(definitions: list[dict[str, str]]) -> dict[str, str]:
    types = {d["AttributeName"]: d["AttributeType"] for d in definitions}
    for name, kind in types.items():
        if kind not in ("S", "N", "B"):
            raise Validation(f"Member must satisfy enum value set: [B, N, S] for attribute {name}")
    return types


def check_definitions(types: dict[str, str], used: set[str]) -> None:
    if set(types) != used:
        raise Validation(
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match "
            "number of attributes defined in AttributeDefinitions"
            if used <= set(types) and not set(types) <= used
            else "One or more parameter values were invalid: Some AttributeDefinitions are not used. "
            f"AttributeDefinitions: [{', '.join(types)}], keys used: [{', '.join(sorted(used))}]"
        )


def read_index(
    definition: dict[str, Any], types: dict[str, str], *, local: bool, on_demand: bool, new_id: int
) -> Index:
    projection = definition.get("Projection") or {}
    kind = projection.get("ProjectionType")
    if kind is None:
        raise Validation("One or more parameter values were invalid: Unknown ProjectionType: null")
    extra = projection.get("NonKeyAttributes") or []
    if extra and kind != "INCLUDE":
        raise Validation(
            f"One or more parameter values were invalid: ProjectionType is {kind}, but NonKeyAttributes is specified"
        )
    units = definition.get("ProvisionedThroughput") or {}
    if not local and not on_demand and not units:
        raise Validation(
            "One or more parameter values were invalid: ProvisionedThroughput must be specified for index: "
            f"{definition['IndexName']}"
        )
    return Index(
        id=new_id,
        name=definition["IndexName"],
        keys=read_keys(definition["KeySchema"], types),
        projection=kind,
        non_key_attributes=list(extra),
        local=local,
        read_units=units.get("ReadCapacityUnits", 0),
        write_units=units.get("WriteCapacityUnits", 0),
    )


def read_units(throughput: dict[str, int] | None, *, on_demand: bool) -> tuple[int, int]:
    if on_demand:
        if throughput and (throughput.get("ReadCapacityUnits") or throughput.get("WriteCapacityUnits")):
            raise Validation(
                "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be "
                "specified when BillingMode is PAY_PER_REQUEST"
            )
        return 0, 0
    if not throughput:
        raise Validation(
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be "
            "specified when BillingMode is PROVISIONED"
        )
    return throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]


def key_schema(keys: list[str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def describe(table: TableRecord, *, items: int, size: int, status: str = "ACTIVE") -> dict[str, Any]:
    """A TableDescription."""
    description: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": t} for n, t in table.types.items()],
        "TableName": table.name,
        "KeySchema": key_schema(table.keys),
        "TableStatus": status,
        "CreationDateTime": table.created_ms / 1000,
        "ProvisionedThroughput": _throughput(table.read_units, table.write_units),
        "TableSizeBytes": size,
        "ItemCount": items,
        "TableArn": table.arn,
        "TableId": table.uuid,
        "DeletionProtectionEnabled": table.deletion_protection,
    }
    if table.on_demand:
        description["BillingModeSummary"] = {
            "BillingMode": "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": table.created_ms / 1000,
        }
    if table.table_class != "STANDARD":
        description["TableClassSummary"] = {"TableClass": table.table_class}
    if table.sse and table.sse.get("Enabled"):
        key = table.sse.get("KMSMasterKeyId") or f"arn:aws:kms:{table.region}:{table.account}:alias/aws/dynamodb"
        description["SSEDescription"] = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
    for local, kind in ((True, "LocalSecondaryIndexes"), (False, "GlobalSecondaryIndexes")):
        found = [_describe_index(table, index) for index in table.indexes if index.local == local]
        if found:
            description[kind] = found
    if table.stream is not None:
        description["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream.view_type}
        description["LatestStreamLabel"] = table.stream.label
        description["LatestStreamArn"] = table.stream_arn
    return description


def _throughput(read: int, write: int) -> dict[str, int]:
    return {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": read, "WriteCapacityUnits": write}


def _describe_index(table: TableRecord, index: Index) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.non_key_attributes:
        projection["NonKeyAttributes"] = index.non_key_attributes
    description: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": key_schema(index.keys),
        "Projection": projection,
        "IndexSizeBytes": 0,
        "ItemCount": 0,
        "IndexArn": f"{table.arn}/index/{index.name}",
    }
    if not index.local:
        description["IndexStatus"] = "ACTIVE"
        description["ProvisionedThroughput"] = _throughput(index.read_units, index.write_units)
    return description
