"""Table definitions: what CreateTable and UpdateTable accept, and how tables are described.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
"""

import re
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.records import KEY_ARN, Index, Replica, Restore, TableRecord

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
# Items and bytes by table or index id.
Counts = dict[int, tuple[int, int]]
GSI_MAX = 20
KEY_PARTS_MAX = 4
"""So many attributes may be the partition key of a global index, and so many its sort key."""
LSI_MAX = 5
# Attributes that all indexes of a table project by name, together.
PROJECTED_MAX = 100
ON_DEMAND_WARM_READS, ON_DEMAND_WARM_WRITES = 12_000, 4_000


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


def owner_and_name(name_or_arn: str, account: str) -> tuple[str, str]:
    """The account and the name of a table; an ARN, of the table or of something that it has, tells the account."""
    arn = parse_arn(name_or_arn)
    if arn is None:
        return account, name_or_arn
    return arn.account or account, name_of(name_or_arn).partition("/")[0]


def read_keys(schema: list[dict[str, str]], types: dict[str, str]) -> list[str]:
    """The key attributes of a table's or a local index's KeySchema, partition key first."""
    if not 1 <= len(schema) <= 2:
        raise Validation("One or more parameter values were invalid: Invalid KeySchema: must have one or two elements")
    if schema[0]["KeyType"] != "HASH":
        raise Validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(schema) == 2 and schema[1]["KeyType"] != "RANGE":
        raise Validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    names = [element["AttributeName"] for element in schema]
    if len(set(names)) != len(names):
        raise Validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    _check_defined(names, types)
    return names


def _read_global_keys(schema: list[dict[str, str]], types: dict[str, str]) -> tuple[list[str], int]:
    """The key attributes of a global index, and how many of them are the partition key: up to four each.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html
    AWS's sentences are not published.
    """
    names = [element["AttributeName"] for element in schema]
    kinds = [element["KeyType"] for element in schema]
    partition_parts = kinds.count("HASH")
    if kinds != sorted(kinds) or not partition_parts:
        raise Validation("Invalid KeySchema: HASH key elements must come first, and there must be at least one")
    if max(partition_parts, len(kinds) - partition_parts) > KEY_PARTS_MAX:
        raise Validation(
            f"One or more parameter values were invalid: Invalid KeySchema: at most {KEY_PARTS_MAX} HASH and "
            f"{KEY_PARTS_MAX} RANGE key elements"
        )
    if len(set(names)) != len(names):
        raise Validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    _check_defined(names, types)
    return names, partition_parts


def _check_defined(names: list[str], types: dict[str, str]) -> None:
    missing = [name for name in names if name not in types]
    if missing:
        raise Validation(
            "One or more parameter values were invalid: Some index key attributes are not defined in "
            f"AttributeDefinitions. Keys: [{', '.join(missing)}], AttributeDefinitions: [{', '.join(types)}]"
        )


def read_types(definitions: list[dict[str, str]]) -> dict[str, str]:
    return {d["AttributeName"]: d["AttributeType"] for d in definitions}


def check_definitions(types: dict[str, str], used: set[str]) -> None:
    if set(types) != used:
        raise Validation(
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match "
            "number of attributes defined in AttributeDefinitions"
            if used <= set(types) and not set(types) <= used
            else "One or more parameter values were invalid: Some AttributeDefinitions are not used. "
            f"AttributeDefinitions: [{', '.join(types)}], keys used: [{', '.join(sorted(used))}]"
        )


def check_index_lists(local: list[dict[str, Any]] | None, global_: list[dict[str, Any]] | None) -> None:
    for kind, given in (("LocalSecondaryIndexes", local), ("GlobalSecondaryIndexes", global_)):
        if given is not None and not given:
            raise Validation(f"One or more parameter values were invalid: List of {kind} is empty")
    if len(local or ()) > LSI_MAX:
        raise Validation(
            "One or more parameter values were invalid: Number of LocalSecondaryIndexes exceeds per-table limit of "
            f"{LSI_MAX}"
        )
    if len(global_ or ()) > GSI_MAX:
        raise Validation(
            "One or more parameter values were invalid: GlobalSecondaryIndex count exceeds the per-table limit of "
            f"{GSI_MAX}"
        )


def check_local(index: Index, table_keys: list[str]) -> None:
    """A local index has the table's partition key and a sort key of its own."""
    if len(table_keys) < 2:
        raise Validation(
            "One or more parameter values were invalid: Table KeySchema does not have a range key, which is required "
            "when specifying a LocalSecondaryIndex"
        )
    if len(index.keys) < 2:
        raise Validation(
            "One or more parameter values were invalid: Index KeySchema does not have a range key for index: "
            f"{index.name}"
        )
    if index.keys[0] != table_keys[0]:
        raise Validation(
            "One or more parameter values were invalid: Index KeySchema does not have the same leading hash key as "
            f"table KeySchema for index: {index.name}. index hash key: {index.keys[0]}, table hash key: {table_keys[0]}"
        )


def check_indexes(indexes: list[Index]) -> None:
    """What holds for all indexes of a table together."""
    names = [index.name for index in indexes]
    for name in names:
        if names.count(name) > 1:
            raise Validation(f"One or more parameter values were invalid: Duplicate index name: {name}")
    if sum(len(index.non_key_attributes) for index in indexes) > PROJECTED_MAX:
        # AWS's sentence is not published.
        raise Validation(
            f"One or more parameter values were invalid: the indexes of a table project at most {PROJECTED_MAX} "
            "NonKeyAttributes together"
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
    warm = definition.get("WarmThroughput") or {}
    schema = definition["KeySchema"]
    keys, partition_parts = (read_keys(schema, types), 1) if local else _read_global_keys(schema, types)
    index = Index(
        id=new_id,
        name=definition["IndexName"],
        keys=keys,
        projection=kind,
        non_key_attributes=list(extra),
        local=local,
        read_units=units.get("ReadCapacityUnits", 0),
        write_units=units.get("WriteCapacityUnits", 0),
        warm_read_units=warm.get("ReadUnitsPerSecond", 0),
        warm_write_units=warm.get("WriteUnitsPerSecond", 0),
        partition_parts=partition_parts,
    )
    set_maximum(index, definition.get("OnDemandThroughput"), on_demand=on_demand)
    return index


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


def set_maximum(owner: TableRecord | Index, wanted: dict[str, int] | None, *, on_demand: bool) -> None:
    """Change the maximum throughput on demand; -1 takes a maximum away."""
    if wanted is None:
        return
    if not on_demand:
        raise Validation(
            "One or more parameter values were invalid: OnDemandThroughput cannot be specified when BillingMode is "
            "PROVISIONED"
        )
    for member, units in wanted.items():
        if units < 1 and units != -1:
            raise Validation(f"One or more parameter values were invalid: {member} must be -1 or at least 1")
    owner.max_read_units = max(wanted.get("MaxReadRequestUnits", owner.max_read_units), 0)
    owner.max_write_units = max(wanted.get("MaxWriteRequestUnits", owner.max_write_units), 0)


def note_maximum(table: TableRecord) -> None:
    """Call it after a maximum was changed, so that requests need not look at every index."""
    table.has_maximum = bool(_maximum(table)) or any(_maximum(index) for index in table.indexes)


def _maximum(owner: TableRecord | Index) -> dict[str, dict[str, int]]:
    """The member of a description that tells the maximum throughput on demand; nothing where there is none."""
    reads, writes = owner.max_read_units, owner.max_write_units
    if not reads and not writes:
        return {}
    return {"OnDemandThroughput": {"MaxReadRequestUnits": reads or -1, "MaxWriteRequestUnits": writes or -1}}


def key_schema(keys: list[str], partition_parts: int = 1) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": "HASH" if place < partition_parts else "RANGE"}
        for place, name in enumerate(keys)
    ]


def warm_units(table: TableRecord, owner: TableRecord | Index) -> tuple[int, int]:
    """The reads and writes a second that the table or index is ready for: what it began with, or was warmed to."""
    if table.on_demand:
        least = ON_DEMAND_WARM_READS, ON_DEMAND_WARM_WRITES
    else:
        least = owner.read_units, owner.write_units
    return max(owner.warm_read_units, least[0]), max(owner.warm_write_units, least[1])


def warm_up(table: TableRecord, owner: TableRecord | Index, wanted: dict[str, int]) -> None:
    now = dict(zip(("ReadUnitsPerSecond", "WriteUnitsPerSecond"), warm_units(table, owner), strict=True))
    for name, units in wanted.items():
        if units < now[name]:
            raise Validation(
                f"One or more parameter values were invalid: Requested {name} for WarmThroughput for "
                f"{'table' if owner is table else 'index'} is lower than current WarmThroughput, decreasing "
                "WarmThroughput is not supported"
            )
    owner.warm_read_units = wanted.get("ReadUnitsPerSecond", owner.warm_read_units)
    owner.warm_write_units = wanted.get("WriteUnitsPerSecond", owner.warm_write_units)


def key_arn_of(table: TableRecord) -> str:
    """The ARN of the table's key, or what was given for one in an older data folder."""
    sse = table.sse or {}
    return str(sse.get(KEY_ARN) or sse.get("KMSMasterKeyId") or "alias/aws/dynamodb")


def describe_encryption(table: TableRecord) -> dict[str, Any] | None:
    """The SSEDescription; None for a table under the key that DynamoDB owns, as all are by default."""
    if not table.sse or not table.sse.get("Enabled"):
        return None
    status = "UPDATING" if table.sealing else "ENABLED"
    return {"Status": status, "SSEType": "KMS", "KMSMasterKeyArn": key_arn_of(table)}


def describe(table: TableRecord, counts: Counts | None = None, *, status: str = "ACTIVE") -> dict[str, Any]:
    """A TableDescription."""
    items, size = _counted(counts, table)
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
    creating = status == "CREATING"
    if table.on_demand:
        summary = description["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        if not creating:
            summary["LastUpdateToPayPerRequestDateTime"] = (table.on_demand_since_ms or table.created_ms) / 1000
        description |= _maximum(table)
    if table.table_class != "STANDARD":
        description["TableClassSummary"] = {"TableClass": table.table_class}
    if (encryption := describe_encryption(table)) is not None:
        description["SSEDescription"] = encryption
    for local, kind in ((True, "LocalSecondaryIndexes"), (False, "GlobalSecondaryIndexes")):
        found = [
            _describe_index(table, index, counts, creating=creating) for index in table.indexes if index.local == local
        ]
        if found:
            description[kind] = found
    if table.stream is not None:
        description["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream.view_type}
        description["LatestStreamLabel"] = table.stream.label
        description["LatestStreamArn"] = table.stream_arn
    if table.replicas:
        description["GlobalTableVersion"] = "2019.11.21"
        description["Replicas"] = [_describe_replica(name, replica) for name, replica in table.replicas.items()]
    if table.restore is not None:
        description["RestoreSummary"] = _describe_restore(table.restore)
    if not creating or table.warm_read_units or table.warm_write_units:
        description["WarmThroughput"] = _warm_throughput(table, table, creating=creating)
    return description


def _describe_replica(region: str, replica: Replica) -> dict[str, Any]:
    description: dict[str, Any] = {
        "RegionName": region,
        "ReplicaStatus": "ACTIVE" if replica.active else "CREATING",
    }
    if replica.kms_key is not None:
        description["KMSMasterKeyId"] = replica.kms_key
    if replica.table_class is not None:
        description["ReplicaTableClassSummary"] = {"TableClass": replica.table_class}
    return description


def _describe_restore(restore: Restore) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "SourceTableArn": restore.source_table,
        "RestoreDateTime": restore.at_ms / 1000,
        "RestoreInProgress": restore.in_progress,
    }
    if restore.source_backup:
        summary["SourceBackupArn"] = restore.source_backup
    return summary


def describe_deleted(table: TableRecord) -> dict[str, Any]:
    """What DeleteTable answers: the table's definition is gone already."""
    return {
        "TableName": table.name,
        "TableStatus": "DELETING",
        "ProvisionedThroughput": _throughput(table.read_units, table.write_units),
        "TableSizeBytes": 0,
        "ItemCount": 0,
        "TableArn": table.arn,
        "TableId": table.uuid,
        "DeletionProtectionEnabled": table.deletion_protection,
    }


def _counted(counts: Counts | None, owner: TableRecord | Index) -> tuple[int, int]:
    return counts.get(owner.id, (0, 0)) if counts else (0, 0)


def _throughput(read: int, write: int) -> dict[str, int]:
    return {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": read, "WriteCapacityUnits": write}


def _warm_throughput(table: TableRecord, owner: TableRecord | Index, *, creating: bool) -> dict[str, Any]:
    reads, writes = warm_units(table, owner)
    status = "UPDATING" if creating else "ACTIVE"
    return {"ReadUnitsPerSecond": reads, "WriteUnitsPerSecond": writes, "Status": status}


def _describe_index(table: TableRecord, index: Index, counts: Counts | None, *, creating: bool) -> dict[str, Any]:
    items, size = _counted(counts, index)
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.non_key_attributes:
        projection["NonKeyAttributes"] = index.non_key_attributes
    description: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": key_schema(index.keys, index.partition_parts),
        "Projection": projection,
        "IndexSizeBytes": size,
        "ItemCount": items,
        "IndexArn": f"{table.arn}/index/{index.name}",
    }
    if not index.local:
        description["IndexStatus"] = "CREATING" if creating or index.backfilling else "ACTIVE"
        if index.backfilling:
            description["Backfilling"] = True
        description["ProvisionedThroughput"] = _throughput(index.read_units, index.write_units)
        if table.on_demand:
            description |= _maximum(index)
        if not creating or index.warm_read_units or index.warm_write_units:
            description["WarmThroughput"] = _warm_throughput(table, index, creating=creating)
    return description
