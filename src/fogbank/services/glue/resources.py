"""CloudFormation types of the Glue Data Catalog."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.services.glue.errors import EntityNotFound

_NAME_MAX = 255


class DatabaseResource(TransactionalResourceType):
    """Ref is the database's name."""

    type_name = "AWS::Glue::Database"
    supported = frozenset({"CatalogId", "DatabaseInput", "DatabaseName"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        name = given.get("DatabaseName") or given["DatabaseInput"].get("Name") or _generated(request)
        ctx.cloud.glue.create_database(ctx, **_database(given, name))
        return ResourceState(physical_id=name)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        ctx.cloud.glue.update_database(ctx, Name=name, **_database(request.properties, name))
        return ResourceState(physical_id=name)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.glue.delete_database(ctx, Name=request.physical_id, CatalogId=request.properties["CatalogId"])
        except EntityNotFound:
            return


class TableResource(TransactionalResourceType):
    """Ref is the table's name."""

    type_name = "AWS::Glue::Table"
    supported = frozenset({"CatalogId", "DatabaseName", "Name", "TableInput"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        name = given.get("Name") or given.get("TableInput", {}).get("Name") or _generated(request)
        ctx.cloud.glue.create_table(ctx, **_table(given, name))
        return ResourceState(physical_id=name)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        ctx.cloud.glue.update_table(ctx, **_table(request.properties, name))
        return ResourceState(physical_id=name)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        given = request.properties
        try:
            ctx.cloud.glue.delete_table(
                ctx, DatabaseName=given["DatabaseName"], Name=request.physical_id, CatalogId=given["CatalogId"]
            )
        except EntityNotFound:
            return


class PartitionResource(TransactionalResourceType):
    """Ref is where the partition is: catalog, database, table and values."""

    type_name = "AWS::Glue::Partition"
    supported = frozenset({"CatalogId", "DatabaseName", "PartitionInput", "TableName"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = _definition(request.properties["PartitionInput"])
        ctx.cloud.glue.create_partition(ctx, **_of_table(request), PartitionInput=given)
        where = [*_of_table(request).values(), *given["Values"]]
        return ResourceState(physical_id="|".join(where))

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = _definition(request.properties["PartitionInput"])
        ctx.cloud.glue.update_partition(
            ctx, **_of_table(request), PartitionValueList=given["Values"], PartitionInput=given
        )
        return ResourceState(physical_id=request.physical_id)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        values = request.properties["PartitionInput"]["Values"]
        try:
            ctx.cloud.glue.delete_partition(ctx, **_of_table(request), PartitionValues=values)
        except EntityNotFound:
            return


def _generated(request: ResourceRequest) -> str:
    return request.generated_name(length_max=_NAME_MAX, lower=True)


def _database(properties: dict[str, Any], name: str) -> dict[str, Any]:
    definition = _definition(properties["DatabaseInput"]) | {"Name": name}
    return {"CatalogId": properties["CatalogId"], "DatabaseInput": definition}


def _table(properties: dict[str, Any], name: str) -> dict[str, Any]:
    definition = _definition(properties.get("TableInput", {})) | {"Name": name}
    return {
        "CatalogId": properties["CatalogId"],
        "DatabaseName": properties["DatabaseName"],
        "TableInput": definition,
    }


def _of_table(request: ResourceRequest) -> dict[str, Any]:
    return {member: request.properties[member] for member in ("CatalogId", "DatabaseName", "TableName")}


# Templates write numbers and truth as they are or as text, and values of Parameters of any kind.
_NUMBERS = frozenset({"NumberOfBuckets", "Retention", "SortOrder"})
_TRUTHS = frozenset({"Compressed", "StoredAsSubDirectories"})


def _definition(given: dict[str, Any]) -> dict[str, Any]:
    """A definition as the API takes it."""
    return {member: _member(member, value) for member, value in given.items()}


def _member(name: str, value: Any) -> Any:
    if name == "Parameters":
        return {key: _text(inner) for key, inner in value.items()}
    if name in _NUMBERS:
        return int(value)
    if name in _TRUTHS:
        return _text(value) == "true"
    if isinstance(value, list):
        return [_member("", inner) for inner in value]
    return _definition(value) if isinstance(value, dict) else value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


RESOURCES: list[type[ResourceType]] = [DatabaseResource, TableResource, PartitionResource]
